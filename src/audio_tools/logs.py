"""Logging: stdlib records, formatted by structlog as JSON or for a console."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor

from audio_tools.redaction import REDACTED, redact, register_secrets

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]

SECRET_FIELDS = {"token", "api_token", "api_key", "openai_api_key", "authorization", "password"}
CHATTY = ("asyncio", "httpcore2", "httpx", "httpx2", "openai", "python_multipart")
"""Libraries whose `debug` (for some `info`) is a line a packet, or the whole request."""
CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}

REFUSED_HANDSHAKE = "ASGI callable returned without completing handshake."


def configure_logs(level: LogLevel, form: LogFormat, secrets: Iterable[str] = ()) -> None:
    """
    Write every log line of this process to stderr, with secrets redacted.

    Requires uvicorn with `log_config=None, access_log=False`, else it sets up its own. May be called again.

    Args:
        level: the lowest level written; verbose libraries log at WARNING or above.
        form: one JSON object a line, or text for people (in colour on a terminal).
        secrets: the token and the keys themselves; anything that looks like a secret is redacted as well.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_news)
    handler.setFormatter(_Formatter(form, secrets))
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=number, handlers=[handler], force=True)
    # The logging module would print a line that it cannot write unredacted.
    logging.raiseExceptions = False
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[*_facts(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def log_context(**facts: str) -> AbstractContextManager[None]:
    """
    Put facts (`job_id=…`) on every line that is logged inside the block.

    Tasks started in it and `asyncio.to_thread` carry them on; a bare executor or thread does not.
    """
    return structlog.contextvars.bound_contextvars(**facts)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Renders a line, then blots: whatever way a secret took into the line, it is text by now."""

    def __init__(self, form: LogFormat, secrets: Iterable[str]) -> None:
        super().__init__(
            foreign_pre_chain=_facts(),
            processors=[self.remove_processors_meta, _hide_fields, *_renderer(form)],
        )
        register_secrets(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _facts() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _drop_color_message,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderer(form: LogFormat) -> list[Processor]:
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        # Not rich's, which is the default here: it prints the local variables, and secrets with them.
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [_escape_control, console]


def _drop_color_message(_: object, __: str, event: EventDict) -> EventDict:
    # uvicorn's lines carry themselves a second time, in colour.
    event.pop("color_message", None)
    return event


def _hide_fields(_: object, __: str, event: EventDict) -> EventDict:
    return {name: REDACTED if name.lower() in SECRET_FIELDS else value for name, value in event.items()}


def _escape_control(_: object, __: str, event: EventDict) -> EventDict:
    # A file's name may hold a line break that forges a line, or an escape that drives the terminal.
    return {
        name: value.strip().translate(CONTROL) if isinstance(value, str) else value
        for name, value in event.items()
    }


def _is_news(record: logging.LogRecord) -> bool:
    # uvicorn logs each WebSocket handshake with its query; `AccessLog` logs it as well, without the token.
    # uvicorn also logs refused handshakes as an application error; drop that line.
    line = str(record.msg)
    repeated = line.startswith('%s - "WebSocket') or line == REFUSED_HANDSHAKE
    return not (repeated and record.name == "uvicorn.error")
