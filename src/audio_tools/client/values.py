"""Values and errors of the clients."""

from __future__ import annotations

from dataclasses import dataclass, field

from audio_tools.errors import AudioToolsError, exit_code_of
from audio_tools.transcript import Json


class ServerRefused(AudioToolsError):
    """The service answered with an error; message and hint are those of the error there."""

    code = "server_refused"

    def __init__(self, message: str, *, hint: str = "", server_code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.server_code = server_code
        """The stable code of the error (docs/http-api.md); empty if the reply was not of this service."""
        self.exit_code = exit_code_of(server_code)


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs of a service, newest first, and how many match in `total`."""

    jobs: list[Json]
    total: int


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """An exported file: its name, its media type, and its bytes."""

    name: str
    media_type: str
    data: bytes = field(repr=False)
