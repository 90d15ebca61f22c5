"""Transcribe one file with an engine that answers at once: what remains is our own work."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from audio_tools.engines.base import Capabilities, Request
from audio_tools.engines.limits import Lanes
from audio_tools.events import Event
from audio_tools.media.ffmpeg import find_ffmpeg
from audio_tools.options import Options
from audio_tools.store import ResultStore
from audio_tools.transcribe import Tools, transcribe
from audio_tools.transcript import Reply

WORDS_PER_SECOND = 2.0


class InstantEngine:
    """Answers any chunk at once with as many words as somebody would have said."""

    name, model = "instant", "none"
    capabilities = Capabilities(words=False, segments=False)

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def transcribe(self, request: Request) -> Reply:
        return Reply("word " * round(request.audio.seconds * WORDS_PER_SECOND))


async def main(path: Path) -> None:
    """Print wall seconds and what was made, as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(find_ffmpeg(None), InstantEngine(), Lanes(5), ResultStore(Path(folder)), 26_214_400)
        started = time.perf_counter()
        transcript = await transcribe(path, Options(), tools, _ignore)
        seconds = time.perf_counter() - started
    print(
        json.dumps({"seconds": seconds, "duration": transcript.duration, "chunks": transcript.total_chunks})
    )


def _ignore(_: Event) -> None: ...


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
