"""English words aligned by PocketSphinx, in child processes."""
