"""One-command comparisons: `python -m benchmarks.NAME [--json]`."""
