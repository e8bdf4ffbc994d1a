"""Settings, the canonical source tables, the customer-success framework and the error tree."""
