"""What a job reports, and what its transcript says of how it was made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from audio_tools.audio.pcm import Pcm
from audio_tools.engines.base import Capabilities, OnDownload, Request
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.errors import InvalidOption
from audio_tools.events import Event, Progress
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Interval, Reply, Word
from tests.media.samples import children, make, picture, sound
from tests.simulator import render, talk


class Downloading:
    """An engine that downloads its model first, and returns one word for every chunk."""

    name, model = "downloading", "m"
    capabilities = Capabilities(words=True, segments=False)

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    async def start(self, on_download: OnDownload | None = None) -> None:
        assert on_download is not None
        on_download(1_000_000, 2_000_000)

    async def transcribe(self, request: Request) -> Reply:
        speech = request.speech[0]
        return Reply("One.", (Word("One.", speech.start, speech.start + 0.2),))

    async def close(self) -> None: ...


class Moving:
    """An aligner that finds every word where it is."""

    name, languages = "moving", frozenset({"en"})

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    def for_language(self, _language: str | None) -> Moving:
        return self

    async def align(
        self,
        pcm: Pcm,  # noqa: ARG002
        words: Sequence[Word],
        speech: Sequence[Interval],  # noqa: ARG002
        language: str | None,
    ) -> list[Word]:
        known = language in self.languages
        return [replace(word, timing="aligned") if known else word for word in words]

    async def close(self) -> None: ...


@pytest.fixture
def tools(tmp_path: Path) -> PipelineContext:
    return PipelineContext(
        Downloading(),
        RequestLimiter(1),
        ChunkCache(tmp_path),
        26_214_400,
        aligner=Moving(),
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return render(talk(10.0, seed=3), tmp_path / "talk.wav")


async def test_every_stage_is_told_in_its_order(tools: PipelineContext, recording: Path) -> None:
    """Also those before the first chunk, in which a model may be downloaded for minutes."""
    told: list[Event] = []
    await transcribe(recording, Options(), tools, told.append)
    progress = [event for event in told if isinstance(event, Progress)]

    assert [stage for stage, _ in groupby(event.stage for event in progress)] == [
        *("probe", "load", "decode", "transcribe", "stitch")
    ]
    assert [event.message for event in progress[:3]] == [
        "Reading the file",
        "Starting downloading (m)",
        "Downloading the model: 1 of 2 MB",
    ]
    assert all(event.progress == 0 for event in progress[:3])


@pytest.mark.parametrize(("language", "aligner"), [("en", "moving"), ("de", None)])
async def test_the_aligner_is_named_where_it_put_words(
    language: str, aligner: str | None, tools: PipelineContext, recording: Path
) -> None:
    """Not where it does not know the language."""
    options = Options(language=language, silence_detection="level")
    transcript = await transcribe(recording, options, tools, lambda _: None)

    assert transcript.words
    assert (transcript.aligner, transcript.silence_detection) == (aligner, "level")


@pytest.mark.parametrize(("language", "detection"), [("en", "samples"), ("de", "transcript")])
async def test_the_result_says_how_fillers_were_found(
    language: str, detection: str, tools: PipelineContext, recording: Path
) -> None:
    """In the samples where English words were aligned, else in the words alone."""
    transcript = await transcribe(recording, Options(language=language), tools, lambda _: None)

    assert transcript.filler_detection == detection


async def test_the_detection_that_was_really_used_is_named(
    tools: PipelineContext, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auto` makes do with the level where the model of the voice is missing."""
    monkeypatch.setattr("audio_tools.audio.vad.find_weights", lambda: None)
    transcript = await transcribe(recording, Options(), tools, lambda _: None)

    assert transcript.silence_detection == "level"


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".mkv"])
async def test_sound_that_is_missing_is_no_silence(
    tools: PipelineContext, tmp_path: Path, suffix: str
) -> None:
    """A file that was cut off promises more than it holds; what was said there is unknown."""
    whole = render(talk(20.0, seed=3), tmp_path / f"whole{suffix}").read_bytes()
    path = tmp_path / f"half{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    options = Options(silence_threshold=0.5, silence_detection="level")
    transcript = await transcribe(path, options, tools, lambda _: None)

    assert transcript.duration < 15.0
    assert transcript.silences
    assert transcript.silences[-1].end < 15.0
    assert transcript.warnings


CUT_OFF = {
    "mp4": ["-c:v", "mpeg4", "-c:a", "aac", "-movflags", "+faststart"],
    "mkv": ["-c:v", "mpeg4", "-c:a", "aac"],
    "webm": ["-c:v", "libvpx", "-c:a", "libopus"],
    "flv": ["-c:v", "flv", "-c:a", "libmp3lame"],
    "avi": ["-c:v", "mpeg4", "-c:a", "libmp3lame"],
    "mxf": ["-c:v", "mpeg2video", "-c:a", "pcm_s16le"],
    "wav": ["-vn", "-c:a", "pcm_s16le"],
}


@pytest.mark.parametrize("container", CUT_OFF)
async def test_a_file_cut_off_ends_where_it_was_cut(
    tools: PipelineContext, tmp_path: Path, container: str
) -> None:
    """Whatever its head or index promises; a warning says so, and what is missing is not silent."""
    tone = "0.3*sin(3000*t)*lt(mod(t,2),1)"
    whole = make(tmp_path / f"whole.{container}", *picture(12), *sound(12, tone), *CUT_OFF[container])
    path = tmp_path / f"half.{container}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    transcript = await transcribe(
        path, Options(silence_detection="level", silence_threshold=0.5), tools, lambda _: None
    )

    assert transcript.duration == pytest.approx(6, abs=0.8)
    assert all(silence.end <= transcript.duration for silence in transcript.silences)
    assert any("cut off" in warning for warning in transcript.warnings)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
async def test_a_picture_without_sound_is_silent(tools: PipelineContext, tmp_path: Path, suffix: str) -> None:
    """A picture that continues after the sound has ended is reported as silence, without a warning."""
    coding = "-c:v", "mpeg4", "-c:a", "aac"
    path = make(tmp_path / f"film.{suffix}", *picture(8), *sound(3, "0.3*sin(3000*t)"), *coding)
    transcript = await transcribe(path, Options(silence_detection="level"), tools, lambda _: None)

    assert transcript.silences[-1].end == pytest.approx(8.0, abs=0.1)
    assert transcript.warnings == ()


async def test_a_stream_that_starts_late_says_when(tools: PipelineContext, tmp_path: Path) -> None:
    """Also where it starts later than the probe reads: what its file says is then that of the whole file."""
    path = make(
        tmp_path / "microphones.mkv",
        *(*sound(60), "-itsoffset", "40", *sound(10), "-map", "0", "-map", "1", "-c:a", "flac"),
    )
    options = Options(audio_stream=1, silence_detection="level")
    transcript = await transcribe(path, options, tools, lambda _: None)

    assert transcript.media.audio_start == 40.0
    assert transcript.silences[-1].end == pytest.approx(60.0, abs=0.1)
    assert transcript.warnings == ()


async def test_a_chunk_size_that_holds_next_to_nothing_is_refused(
    tools: PipelineContext, recording: Path
) -> None:
    """Before anything is sent, with the size that would do; and that size does."""
    small = replace(tools, chunk_size=65_536)
    with pytest.raises(InvalidOption, match="chunkSize is 65536, but must be at least") as refused:
        await transcribe(recording, Options(), small, lambda _: None)
    enough = int(refused.value.allowed.split()[2].rstrip(","))

    transcript = await transcribe(recording, Options(), replace(tools, chunk_size=enough), lambda _: None)

    assert transcript.success_rate == 100
    assert refused.value.allowed.endswith("enough for 5 s of flac at 16000 Hz, mono")


async def test_an_error_of_our_own_while_cutting_ends_the_job(
    tools: PipelineContext, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lane waits for ever, and FFmpeg is gone."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("audio_tools.audio.chunking.Cutter.push", fail)
    with pytest.raises(ExceptionGroup) as failed:
        await transcribe(recording, Options(), tools, lambda _: None)

    assert failed.value.subgroup(ZeroDivisionError)
    assert children() == []


async def test_whoever_cancels_does_not_wait_for_an_encoder(
    tools: PipelineContext, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An MP3 of some minutes takes seconds, in which the event loop would stand still."""
    encoding, go_on = threading.Event(), threading.Event()

    def encode(*_: object) -> None:
        encoding.set()
        go_on.wait()

    monkeypatch.setattr("audio_tools.pipeline.chunk_transcriber.ChunkTranscriber.prepare", encode)
    job = asyncio.create_task(transcribe(recording, Options(), tools, lambda _: None))
    await asyncio.to_thread(encoding.wait)
    job.cancel()
    try:
        await asyncio.wait([job], timeout=30)
        assert job.cancelled()
    finally:
        go_on.set()


async def test_a_model_that_does_not_translate_is_refused(tools: PipelineContext, recording: Path) -> None:
    """Before anything is read or sent."""
    engine = tools.engine
    engine.capabilities = replace(engine.capabilities, translates=False)
    with pytest.raises(InvalidOption, match=r"Option task is 'translate', but must be transcribe: "):
        await transcribe(recording, Options(task="translate"), tools, lambda _: None)
