"""The service is stopping, or cannot be reached."""

from __future__ import annotations

from audio_tools.errors.base import AudioToolsError


class ServiceStopping(AudioToolsError):
    """The service is shutting down; the request was not completed."""

    code, status, retryable = "service_stopping", 503, True

    def __init__(self) -> None:
        super().__init__(
            "The service is shutting down.",
            hint="Send the request again; resume a tus upload from its offset.",
        )


class ServerUnreachable(AudioToolsError):
    """The service cannot be reached."""

    code, status, retryable = "server_unreachable", 503, True
