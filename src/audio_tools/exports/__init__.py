"""A transcript as a file of another kind. Empty, so that options can be read without loading every format."""
