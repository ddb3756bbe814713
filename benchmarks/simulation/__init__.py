"""Scheduling policies on ten thousand agents in virtual time; `python -m benchmarks.simulation`."""
