"""The base class of all errors, and what is read off its subclasses."""

from __future__ import annotations

import json
from typing import ClassVar

from audio_tools.redaction import redact

LONGEST_SHOWN = 200
"""Characters of a value that a message quotes."""


class AudioToolsError(Exception):
    """
    The base class: a message that states what is wrong, and a hint that states what to do.

    Attributes: `code` is a stable identifier; `status` is the HTTP status; `retryable` is whether the same
    call may succeed a moment later, `restartable` whether a job that failed with it may succeed later with
    the same file and options.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    restartable: bool = True
    exit_code: int = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        # Redact here, since the error text of a provider, which may quote the key, is logged, stored and
        # sent.
        self.message = redact(message)
        self.hint = redact(hint)
        super().__init__(self.message)

    def facts(self) -> dict[str, object]:
        """Machine-readable details in addition to code and message: JSON values, camelCase keys."""
        return {}


def shown(value: object) -> str:
    """A value that a client sent as JSON shows it, text in single quotes; a long one is cut off."""
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**LONGEST_SHOWN:
        return "a number of many digits"
    else:
        text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def exit_code_of(code: str) -> int:
    """Return the exit code of the error with this `code`; 1 for unknown codes."""
    kinds: list[type[AudioToolsError]] = [AudioToolsError]
    for kind in kinds:
        if kind.code == code:
            return kind.exit_code
        kinds += kind.__subclasses__()
    return AudioToolsError.exit_code
