"""The media file cannot be used."""

from __future__ import annotations

from audio_tools.errors.base import AudioToolsError


class MediaError(AudioToolsError):
    """The media file cannot be used."""

    code, status, exit_code, restartable = "media_error", 422, 3, False


class MediaNotFound(MediaError):
    """The file does not exist or cannot be read."""

    code, status = "media_not_found", 404


class ProbeFailed(MediaError):
    """The file is not a supported media file."""

    code = "probe_failed"


class NoAudioStream(MediaError):
    """The file has no audio stream, or not the requested one."""

    code = "no_audio_stream"


class DecodeFailed(MediaError):
    """The audio stream cannot be decoded."""

    code = "decode_failed"
