"""What the gates are asked with: the backtest that was kept, and measures of the candidate itself."""
