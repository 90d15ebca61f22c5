"""
Uploads: files that clients send, under `DATA_DIR/uploads`, each in a folder of its own.

    store.py    what the server and the worker ask for: write, open, remove, sweep
    writer.py   one upload as it grows
    folder.py   its files, its lock, what was said of it
    space.py    who still needs how much of the disk
"""

from audio_tools.uploads.folder import MEDIA_NAME, UploadRecord, require_upload_id
from audio_tools.uploads.store import UploadedFile, UploadStatus, UploadStore
from audio_tools.uploads.writer import UploadWriter

__all__ = [
    "MEDIA_NAME",
    "UploadRecord",
    "UploadStatus",
    "UploadStore",
    "UploadWriter",
    "UploadedFile",
    "require_upload_id",
]
