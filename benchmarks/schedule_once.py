"""
Transcribe one file through the OpenAI client as the command line would.

`python -m benchmarks.schedule_once FILE BASE_URL RATE_LIMIT_DELAY_MS`
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.simulator import KEY

from audio_tools.cli._pipeline_context import make_context
from audio_tools.events import Event
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import transcribe
from audio_tools.settings import Settings

LANES = 5


async def main(path: Path, base_url: str, rate_limit_delay_ms: int) -> None:
    """Print start (seconds, on the clock that all processes share) and wall seconds, as JSON."""
    options, _ = Options.parse({"silenceDetection": "level"})
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(
            engine="openai",
            openai_api_key=KEY,
            openai_base_url=base_url,
            max_concurrent_chunks=LANES,
            rate_limit_delay=rate_limit_delay_ms,
            align="off",
            data_dir=Path(folder),
        )
        context = make_context(settings, options)
        started = time.monotonic()
        transcript = await transcribe(path, options, context, _ignore)
        seconds = time.monotonic() - started
        await context.engine.close()
    print(json.dumps({"started_s": started, "seconds": seconds, "success_percent": transcript.success_rate}))


def _ignore(_: Event) -> None: ...


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
