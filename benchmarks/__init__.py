"""Measurements: `python -m benchmarks` makes RESULTS.md again."""
