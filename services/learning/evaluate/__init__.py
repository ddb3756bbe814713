"""Held-out tasks: agents work on them for real, and a gate compares two models."""
