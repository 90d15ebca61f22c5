"""A transcript as a file of another kind."""

from audio_tools.exports.files import write
from audio_tools.exports.registry import FORMATS

__all__ = ["FORMATS", "write"]
