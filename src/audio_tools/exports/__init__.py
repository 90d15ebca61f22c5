"""A transcript as a file of another kind."""

from audio_tools.exports.files import FORMATS, write

__all__ = ["FORMATS", "write"]
