"""From a media file to its transcript."""
