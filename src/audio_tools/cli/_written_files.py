"""A record of the files that commands wrote, so that a later run replaces its own files and no others."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

KEPT_S = 365 * 86_400.0
"""How long a record is kept, in seconds. Without its record a file counts as someone else's."""
_BLOCK_BYTES = 1 << 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS written (
    path BLOB PRIMARY KEY, digest BLOB NOT NULL, previous BLOB, at REAL NOT NULL
) WITHOUT ROWID
"""
# The digest before the last one stays: a crash between the record and the file leaves the old file.
_ADD = """
INSERT INTO written (path, digest, at) VALUES (?, ?, ?)
ON CONFLICT (path) DO UPDATE SET previous = digest, digest = excluded.digest, at = excluded.at
"""


class WrittenFiles:
    """
    The digests of the files that commands wrote, in `DATA_DIR/written.db`.

    A record that cannot be read or written is treated as missing: the worst outcome is that a command
    refuses to replace its own file.
    """

    def __init__(self, data_dir: Path) -> None:
        self._database = data_dir / "written.db"

    def contains(self, path: Path) -> bool:
        """Whether `path` is a regular file whose content is exactly what a command wrote there."""
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return False
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, _new_digest).digest()
            with self._opened() as database:
                query = "SELECT digest, previous FROM written WHERE path = ?"
                row = database.execute(query, (_key(path),)).fetchone()
        except (OSError, sqlite3.Error):
            return False
        return row is not None and digest in row

    def add(self, path: Path, data: bytes) -> None:
        """Record that a command is about to write `data` to `path`."""
        now = time.time()
        digest = _new_digest(data).digest()
        with suppress(OSError, sqlite3.Error), self._opened() as database:
            database.execute(_SCHEMA)
            database.execute("DELETE FROM written WHERE at < ?", (now - KEPT_S,))
            database.execute(_ADD, (_key(path), digest, now))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._database.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._database)) as database, database:
            yield database


def _key(path: Path) -> bytes:
    # The folder is resolved, the name is not: a link is a file of its own.
    return os.fsencode(path.parent.resolve() / path.name)


def _new_digest(data: bytes = b"") -> hashlib.blake2b:
    return hashlib.blake2b(data, digest_size=20)
