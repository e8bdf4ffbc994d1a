"""The synthetic company taken through the commands from `check` to `report`."""
