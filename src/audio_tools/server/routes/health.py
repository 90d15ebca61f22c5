"""The health check."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from fastapi.responses import JSONResponse

from audio_tools import __version__
from audio_tools.errors import AudioToolsError
from audio_tools.json_value import iso
from audio_tools.media.ffmpeg import ffmpeg_version
from audio_tools.server.views import Check, Checks, Health

CHECK_S = 5.0
"""Timeout of a check, in seconds."""

HealthCheck = Callable[[], Awaitable[str]]
"""Returns a short description if the check passes, else raises an AudioToolsError."""


async def health(checks: Mapping[str, HealthCheck], *, in_full: bool) -> JSONResponse:
    """200 if every check passes, else 503; `in_full` includes the results of the checks."""
    answers = await asyncio.gather(*(_run(check) for check in checks.values()))
    well = all(answer.ok for answer in answers)
    state = Health(
        status="ok" if well else "unavailable",
        timestamp=iso(time.time()),
        version=__version__ if in_full else None,
        checks=Checks(**dict(zip(checks, answers, strict=True))) if in_full else None,
    )
    return JSONResponse(state.to_json(), 200 if well else 503)


async def _run(check: HealthCheck) -> Check:
    try:
        async with asyncio.timeout(CHECK_S):
            return Check(ok=True, message=await check())
    except AudioToolsError as error:
        return Check(ok=False, message=error.message, hint=error.hint)
    except TimeoutError:
        return Check(ok=False, message=f"no answer within {CHECK_S:g} s")
    except OSError as error:
        return Check(ok=False, message=error.strerror or type(error).__name__)


async def check_ffmpeg() -> str:
    """Return the version of the FFmpeg libraries. Raises ConfigError if they cannot be loaded."""
    return await asyncio.to_thread(ffmpeg_version)
