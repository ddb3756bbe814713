"""Scheduling policies: pure data structures over a clock that the caller passes in."""
