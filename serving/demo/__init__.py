"""The synthetic company taken through every command."""
