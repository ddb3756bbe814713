"""The memory driver: what agents remember, in one SQLite file."""
