"""A file in the data directory cannot be read or written."""

from __future__ import annotations

from audio_tools.errors.base import AudioToolsError


class StorageError(AudioToolsError):
    """A file in the data directory cannot be read or written."""

    code, status = "storage_error", 500


class DiskFull(StorageError):
    """The disk is full."""

    code, status = "disk_full", 507
