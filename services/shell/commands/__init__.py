"""One file for each group of commands, loaded when one of it is called."""
