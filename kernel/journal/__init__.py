"""The journal: a record of every syscall, appended once per loop turn."""
