"""Launchers: how a process of ours becomes a process of the machine."""
