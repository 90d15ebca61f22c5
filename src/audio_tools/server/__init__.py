"""The only place that says HTTP."""
