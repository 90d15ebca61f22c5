"""Text and times of words; no samples."""
