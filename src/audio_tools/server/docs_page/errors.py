"""The errors of all routes in one table; each route refers to its own."""

from __future__ import annotations

import re
from typing import NamedTuple

from audio_tools.server.docs_page.markup import code, table
from audio_tools.transcript import Json

ERROR = re.compile(r"^- `(\w+)`: (.*)$", re.MULTILINE)
"""One error in the description of a response."""


class ErrorCode(NamedTuple):
    """An error that a route may return."""

    status: str
    code: str
    meaning: str

    @property
    def anchor(self) -> str:
        """The name of its place on the page; a code may have several statuses."""
        return f"error-{self.status}-{self.code}"


def errors_of(route: Json) -> list[ErrorCode]:
    """Return the errors of a route, by status."""
    return [
        ErrorCode(status, name, meaning)
        for status, response in sorted(route["responses"].items())
        for name, meaning in dict(ERROR.findall(response["description"])).items()
        if _is_refusal(status)
    ]


def is_error(status: str, response: Json) -> bool:
    """Whether the table of errors describes this response completely."""
    return _is_refusal(status) and ERROR.sub("", response["description"]).strip() == ""


def _is_refusal(status: str) -> bool:
    return status != "default" and int(status) >= 400


def links(errors: list[ErrorCode]) -> str:
    """The errors of a route as links to their rows, grouped by status."""
    by_status: dict[str, list[str]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(f"<a href=#{error.anchor}>{code(error.code)}</a>")
    return "".join(f"<li>{status}: {', '.join(codes)}" for status, codes in by_status.items())


def error_table(errors: list[ErrorCode]) -> str:
    """All errors with their meaning, each of them once."""
    return table(
        (f"<span id={error.anchor}>{code(error.code)}</span>", error.status, error.meaning)
        for error in sorted(set(errors))
    )
