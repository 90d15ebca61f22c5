"""Crash-safe files under `DATA_DIR`: uploads, chunk results and transcripts."""

from audio_tools.storage.upload_folder import MEDIA_NAME, UploadRecord, require_upload_id
from audio_tools.storage.upload_writer import UploadWriter
from audio_tools.storage.uploads import SPARE_BYTES, UploadedFile, UploadStatus, UploadStore

__all__ = [
    "MEDIA_NAME",
    "SPARE_BYTES",
    "UploadRecord",
    "UploadStatus",
    "UploadStore",
    "UploadWriter",
    "UploadedFile",
    "require_upload_id",
]
