"""The churn model, the rule-based health score, their calibration and their reasons."""
