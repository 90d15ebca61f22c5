"""Pure functions on samples and times: no files, no processes, no network."""
