"""What each command does, as functions of a project: for the command line, notebooks and programs of others."""
