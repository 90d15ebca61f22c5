"""Times and text of words; nothing here reads samples."""
