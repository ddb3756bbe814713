"""The shell: the `aos` command, a session of the daemon like any other."""
