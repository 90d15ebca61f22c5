"""Crash-safe data of the service: `base.py` says what a place must provide, local files are the first one."""

from audio_tools.storage.base import Blobs, Upload, UploadedFile, UploadRecord, Uploads, UploadStatus
from audio_tools.storage.upload_folder import MEDIA_NAME, require_upload_id
from audio_tools.storage.upload_writer import UploadWriter
from audio_tools.storage.uploads import SPARE_BYTES, UploadStore

__all__ = [
    "MEDIA_NAME",
    "SPARE_BYTES",
    "Blobs",
    "Upload",
    "UploadRecord",
    "UploadStatus",
    "UploadStore",
    "UploadWriter",
    "UploadedFile",
    "Uploads",
    "require_upload_id",
]
