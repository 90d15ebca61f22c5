"""An engine that answers with given JSON about sound made for it, through the whole path to subtitles."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audio_tools.alignment.base import Aligner
from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.base import Request
from audio_tools.engines.openai.models import UNKNOWN
from audio_tools.engines.openai.response import read_reply
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.exports.export import Export
from audio_tools.exports.registry import render
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.testing import FakeEngine
from audio_tools.transcript import Reply, Transcript

Answer = Callable[[float], str]
"""The body for a chunk of so many seconds."""


def answering_engine(answer: Answer) -> FakeEngine:
    """An engine that answers with the body for each chunk, read as a reply of the API."""

    def reply(request: Request) -> Reply:
        seconds = request.audio.seconds
        return read_reply(answer(seconds), seconds, UNKNOWN)

    return FakeEngine(reply, name="answering", model="test")


@dataclass(frozen=True)
class Outcome:
    """A transcript, its subtitles as text, and how long the chunks were that the engine was asked for."""

    transcript: Transcript
    srt: str
    asked_s: Sequence[float]

    @property
    def words(self) -> list[str]:
        return [word.word for word in self.transcript.words]

    @property
    def cues(self) -> list[list[str]]:
        """The lines of each subtitle."""
        return [block.split("\n")[2:] for block in self.srt.strip().split("\n\n") if block]


def make_sound(path: Path, seconds: float, *speech: tuple[float, float]) -> Path:
    """Noise as loud as a voice, four syllables a second, in these stretches; faint noise elsewhere."""
    random = np.random.default_rng(0)
    samples = random.normal(0, 5, round(seconds * SAMPLE_RATE_HZ))
    for start, end in speech:
        first, behind = round(start * SAMPLE_RATE_HZ), round(end * SAMPLE_RATE_HZ)
        syllables = 0.05 + np.abs(np.sin(2 * np.pi * 2 * np.arange(behind - first) / SAMPLE_RATE_HZ))
        samples[first:behind] += syllables * random.normal(0, 3000, behind - first)
    soundfile.write(path, samples.astype(np.int16), SAMPLE_RATE_HZ)
    return path


async def answer_about(
    recording: Path, answer: Answer, folder: Path, aligner: Aligner | None = None, **options: Any
) -> Outcome:
    """Transcribe a recording with an engine that answers so."""
    engine = answering_engine(answer)
    tools = PipelineContext(engine, RequestLimiter(2), ChunkCache(folder), 26_214_400, aligner=aligner)
    given = Options(silence_detection="level", **options)
    transcript = await transcribe(recording, given, tools, lambda _: None)
    (srt,) = render("srt", Export(transcript, recording.name))
    return Outcome(transcript, srt.data.decode(), [request.audio.seconds for request in engine.requests])


def body_of(reply: dict[str, Any]) -> Answer:
    """The answer of a recorded case: see the README of the cases."""
    if "raw_b64" in reply:
        raw = base64.b64decode(reply["raw_b64"]).decode(errors="replace")
        return lambda _: raw
    if "by_dur" in reply:
        return lambda seconds: json.dumps(
            next(entry["body"] for limit, entry in reply["by_dur"] if seconds <= limit)
        )
    return lambda _: json.dumps(reply["body"])
