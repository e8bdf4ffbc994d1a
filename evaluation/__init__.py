"""Predictions against outcomes: metrics, backtest, ledger, gates and the report."""
