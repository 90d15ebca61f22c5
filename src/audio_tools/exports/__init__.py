"""Export of transcripts to other file formats. Empty, so that options load without every format."""
