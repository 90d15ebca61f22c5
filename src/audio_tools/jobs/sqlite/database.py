"""The file of the embedded queue: its tables, how it is opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audio_tools.errors import AudioToolsError, ConfigError, DiskFull, QueueUnavailable

OLDEST_SQLITE = (3, 37)  # STRICT tables; RETURNING came with 3.35
BUSY_TIMEOUT_MS = 5000  # no other process should use the file, except a backup program for a moment
INCREMENTAL = 2  # of PRAGMA auto_vacuum: free pages go back to the disk when `shrink` asks for it

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        idempotency_key TEXT UNIQUE,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        crashes INTEGER NOT NULL DEFAULT 0,  -- in a row, with no progress in between
        cancel_requested INTEGER NOT NULL DEFAULT 0,
        progress REAL NOT NULL DEFAULT 0,
        report TEXT NOT NULL DEFAULT '{}',
        data TEXT NOT NULL,
        result TEXT,
        error TEXT,
        created_at REAL NOT NULL,
        started_at REAL,
        finished_at REAL
    ) STRICT;
    CREATE INDEX jobs_by_state ON jobs (state, number);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,  -- an id that came back would mislead a reader's `after`
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        type TEXT NOT NULL,
        timestamp REAL NOT NULL,
        payload TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_job ON events (job, id);
    CREATE UNIQUE INDEX newest_progress ON events (job) WHERE type = 'progress';
    """,
)
"""Entry n brings a file from `user_version` n to n + 1. Append only."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """
    Open the file: `mode` is `rwc` for the writer, which also creates the tables, or `ro`.

    Raises:
        ConfigError: SQLite is too old, the file too new, or the file system unsuitable.
        sqlite3.Error: any other error; see `map_sqlite_errors`.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigError(
            f"The queue requires SQLite 3.37 or newer; this Python has {sqlite3.sqlite_version}.",
            hint="Use a Python with a newer SQLite, or set REDIS_URL.",
        )
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        if mode == "rwc":
            _prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute("PRAGMA foreign_keys = ON")
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise ConfigError(
            f"The file system of {path.parent} does not support shared memory, which the queue requires.",
            hint="Put DATA_DIR on a local disk, or set REDIS_URL.",
        )
    if db.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
        # Once: a file that was made before lacks it. Without it the file never shrinks.
        db.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
        with suppress(sqlite3.OperationalError):  # it wants room for a copy; another start may have it
            db.execute("VACUUM")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise ConfigError(
            f"{path} was written by a newer version of audio-tools", hint="Install that version again."
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")


FOREIGN_ERRORS: dict[int, tuple[type[AudioToolsError], str]] = {
    sqlite3.SQLITE_FULL: (DiskFull, "Free space on the disk of {path}."),
    sqlite3.SQLITE_BUSY: (QueueUnavailable, "Another program keeps {path} locked. Close it."),
    sqlite3.SQLITE_LOCKED: (QueueUnavailable, "Another program keeps {path} locked. Close it."),
    sqlite3.SQLITE_READONLY: (QueueUnavailable, "Check the permissions of {path} and its folder."),
    sqlite3.SQLITE_PERM: (QueueUnavailable, "Check the permissions of {path} and its folder."),
    sqlite3.SQLITE_CANTOPEN: (QueueUnavailable, "Check the permissions of {path} and its folder."),
    sqlite3.SQLITE_IOERR: (QueueUnavailable, "Check whether the disk of {path} is full or failing."),
    sqlite3.SQLITE_CORRUPT: (
        QueueUnavailable,
        "Stop the service, move {path} away (its jobs are lost), and start again.",
    ),
    sqlite3.SQLITE_NOTADB: (QueueUnavailable, "Stop the service, move {path} away, and start again."),
}


@contextmanager
def map_sqlite_errors(path: Path) -> Iterator[None]:
    """Translate SQLite's errors about disk and file; programming errors pass through."""
    try:
        yield
    except sqlite3.Error as error:
        primary_code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if primary_code not in FOREIGN_ERRORS:
            raise
        kind, hint = FOREIGN_ERRORS[primary_code]
        raise kind(f"cannot use the queue: {error}", hint=hint.format(path=path)) from error
