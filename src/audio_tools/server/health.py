"""Whether the service can do its work, and what keeps it from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from fastapi.responses import JSONResponse

from audio_tools import __version__
from audio_tools.errors import AudioToolsError
from audio_tools.transcript import Json

CHECK_S = 5.0
"""A check that takes longer (seconds) has failed."""

Check = Callable[[], Awaitable[str]]
"""Says in a few words that something works, or raises an AudioToolsError that says why not."""


async def health(checks: Mapping[str, Check], *, in_full: bool) -> JSONResponse:
    """200 if every check passes, else 503; `in_full` tells what each of them said."""
    answers = await asyncio.gather(*(_run(check) for check in checks.values()))
    well = all(answer["ok"] for answer in answers)
    record: Json = {"status": "ok" if well else "unavailable", "timestamp": _now()}
    if in_full:
        record |= {"version": __version__, "checks": dict(zip(checks, answers, strict=True))}
    return JSONResponse(record, 200 if well else 503)


async def _run(check: Check) -> Json:
    try:
        async with asyncio.timeout(CHECK_S):
            return {"ok": True, "message": await check()}
    except AudioToolsError as error:
        return {"ok": False, "message": error.message, "hint": error.hint}
    except TimeoutError:
        return {"ok": False, "message": f"no answer within {CHECK_S:g} s"}
    except OSError as error:
        return {"ok": False, "message": error.strerror or type(error).__name__}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
