"""Words, segments and silences of a recording of any size, ready for an editor's timeline."""

__version__ = "0.1.0"
