"""From source tables to point-in-time signals, lifecycle stages and labels."""
