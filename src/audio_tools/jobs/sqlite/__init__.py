"""The embedded queue: one SQLite file in `DATA_DIR`."""

from audio_tools.jobs.sqlite.queue import SqliteQueue

__all__ = ["SqliteQueue"]
