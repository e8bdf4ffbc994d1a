"""Scores to the outside: scorer, API, keys and the command line."""
