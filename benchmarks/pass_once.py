"""
Transcribe one file with an engine that does nothing but take its time: what remains is our own work.

`python -m benchmarks.pass_once FILE [LATENCY_S [DETECTION [CHANNEL_MODE]]]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from audio_tools.engines.base import Capabilities, OnDownload, Request
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.events import Event
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Reply

LANES = 5
WORDS_PER_SECOND = 2.0


class IdleEngine:
    """Answers any chunk after `latency_s` with as many words as somebody would have said."""

    name, model = "idle", "none"
    capabilities = Capabilities(words=False, segments=False)

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    async def start(self, on_download: OnDownload | None = None) -> None: ...

    async def close(self) -> None: ...

    async def transcribe(self, request: Request) -> Reply:
        await asyncio.sleep(self._latency_s)
        return Reply(" ".join(map(str, range(round(request.audio.seconds * WORDS_PER_SECOND)))))


async def main(path: Path, latency_s: float, detection: str, channels: str) -> None:
    """Print wall seconds and what was made, as JSON."""
    options, _ = Options.parse({"silenceDetection": detection, "channelMode": channels})
    with tempfile.TemporaryDirectory() as folder:
        store = ChunkCache(Path(folder))
        tools = PipelineContext(IdleEngine(latency_s), RequestLimiter(LANES), store, 26_214_400)
        started = time.perf_counter()
        transcript = await transcribe(path, options, tools, _ignore)
        seconds = time.perf_counter() - started
    print(
        json.dumps({"seconds": seconds, "duration": transcript.duration, "chunks": transcript.total_chunks})
    )


def _ignore(_: Event) -> None: ...


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("latency_s", type=float, nargs="?", default=0.0)
    parser.add_argument("detection", nargs="?", default="level")
    parser.add_argument("channels", nargs="?", default="mix")
    asyncio.run(main(**vars(parser.parse_args())))
