"""Chunks in order: transcribed in one language, and aligned until alignment fails repeatedly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from audio_tools.audio.chunking import Chunk
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.base import Capabilities, OnDownload, Request
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.retry import EngineClient
from audio_tools.options import Options
from audio_tools.pipeline.chunk_alignment import MOST_MISFITS
from audio_tools.pipeline.chunk_transcriber import ChunkResult, ChunkTranscriber
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.testing import FakeEngine
from audio_tools.transcript import Interval, Reply, Segment, Word
from tests.audio.signals import bed, to_pcm, voice

CHUNK_S = 0.9
"""Too short to be asked about twice."""
ONE_LANE = Capabilities(words=True, segments=True, lanes=1, keeps_language=True)


@dataclass
class Engine:
    """Finds one word in each chunk, in the requested language, else in the next of its guesses."""

    guesses: list[str | None]
    words: bool = True
    capabilities: Capabilities = ONE_LANE
    name: str = "engine"
    model: str = "test"
    asked: list[str | None] = field(default_factory=list)
    translated: list[bool] = field(default_factory=list)
    contexts: list[tuple[int, ...]] = field(default_factory=list)

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    async def start(self, on_download: OnDownload | None = None) -> None:
        pass

    async def transcribe(self, request: Request) -> Reply:
        self.asked.append(request.language)
        self.translated.append(request.translate)
        self.contexts.append(request.context)
        language = request.language or self.guesses.pop(0)
        words = (Word("hola", 0.1, 0.8),) if self.words else ()
        self.words = True
        context = (*request.context, len(self.asked))
        return Reply("hola" if words else "", words, language=language, context=context)

    async def close(self) -> None:
        pass


@dataclass
class Aligner:
    """Says of each chunk in turn whether its words fit."""

    fits: list[bool]
    name: str = "aligner"
    languages: frozenset[str] = frozenset({"en"})

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    def for_language(self, _language: str | None) -> Aligner:
        return self

    async def align(self, _pcm: Pcm, words: Sequence[Word], *_about: object) -> list[Word]:
        return [replace(word, timing="aligned") for word in words] if self.fits.pop(0) else list(words)

    async def close(self) -> None:
        pass


def chunk(number: int, seconds: float | None = None, speech: Sequence[Interval] = ()) -> Chunk:
    seconds = seconds or CHUNK_S
    start = number * seconds
    pcm = np.random.default_rng(number).normal(0, 3000, round(seconds * SAMPLE_RATE_HZ)).astype(np.int16)
    whole = Interval(start, start + seconds)
    return Chunk(number, whole.start, whole.end, whole, pcm, tuple(speech) or (whole,), has_sound=True)


async def transcribed(
    engine: Engine | FakeEngine, folder: Path, count: int, aligner: Aligner | None = None, **options: str
) -> list[ChunkResult]:
    """Transcribe `count` chunks, all of them prepared before the first request."""
    client = EngineClient(engine, RequestLimiter(1))
    transcriber = ChunkTranscriber(engine, client, ChunkCache(folder), Options(**options), aligner)  # type: ignore[arg-type]
    ready = [transcriber.prepare(chunk(number)) for number in range(count)]
    return [await transcriber.transcribe(item) for item in ready]


async def test_the_language_of_the_first_words_is_kept(tmp_path: Path) -> None:
    """Found once, and asked for by name from then on."""
    engine = Engine(["es", "pt", "gl"])

    results = await transcribed(engine, tmp_path, 3)

    assert engine.asked == [None, "es", "es"]
    assert [result.language for result in results] == ["es", "es", "es"]


async def test_each_channel_keeps_its_own_language(tmp_path: Path) -> None:
    """The microphone of an interpreter has another language than the others, and segments state it."""
    engine = Engine(["es", "en"])
    client = EngineClient(engine, RequestLimiter(1))
    transcriber = ChunkTranscriber(engine, client, ChunkCache(tmp_path), Options(channel_mode="separate"))
    chunks = [replace(chunk(number), channel=number % 2) for number in range(4)]

    results = [await transcriber.transcribe(transcriber.prepare(each)) for each in chunks]

    assert engine.asked == [None, None, "es", "en"]
    assert [result.language for result in results] == ["es", "en", "es", "en"]
    assert [s.language for result in results for s in result.timed.segments] == ["es", "en", "es", "en"]


async def test_with_multi_each_chunk_has_its_own_language(tmp_path: Path) -> None:
    """Nothing is kept; segments say what they are in."""
    engine = Engine(["es", "en", "es"])

    results = await transcribed(engine, tmp_path, 3, language="multi")

    assert engine.asked == [None, None, None]
    assert [result.language for result in results] == ["es", "en", "es"]
    assert [s.language for result in results for s in result.timed.segments] == ["es", "en", "es"]


async def test_with_multi_a_chunk_may_have_several_languages(tmp_path: Path) -> None:
    """Each segment keeps its own, and its words are aligned in it."""
    aligned: list[tuple[list[str], object]] = []

    def reply(request: Request) -> Reply:
        assert request.is_multilingual
        words = (Word("hola", 0.05, 0.3), Word("hello", 0.4, 0.6), Word("there", 0.6, 0.85))
        segments = (
            Segment(0, 0.05, 0.3, "hola", language="es"),
            Segment(1, 0.4, 0.85, "hello there", language="en"),
        )
        return Reply("hola hello there", words, segments, language="en")

    class Listening(Aligner):
        async def align(self, _pcm: Pcm, words: Sequence[Word], *about: object) -> list[Word]:
            aligned.append(([word.word for word in words], about[-1]))
            return [replace(word, timing="aligned") for word in words]

    engine = FakeEngine(reply)
    (result,) = await transcribed(engine, tmp_path, 1, Listening([]), language="multi")

    assert aligned == [(["hola"], "es"), (["hello", "there"], "en")]
    assert [segment.language for segment in result.timed.segments] == ["es", "en"]
    assert [word.word for word in result.timed.words] == ["hola", "hello", "there"]


async def test_chunks_wait_for_the_language_of_the_first_words(tmp_path: Path) -> None:
    """Also with several lanes the first chunk decides, however long it takes."""
    engine = Engine(["es", "pt"], capabilities=replace(ONE_LANE, lanes=2))
    client = EngineClient(engine, RequestLimiter(2))
    transcriber = ChunkTranscriber(engine, client, ChunkCache(tmp_path), Options())
    ready = [transcriber.prepare(chunk(number)) for number in range(3)]

    results = await asyncio.gather(*map(transcriber.transcribe, ready))

    assert engine.asked == [None, "es", "es"]
    assert [result.language for result in results] == ["es", "es", "es"]


IN_CONTEXT = replace(ONE_LANE, lanes=2, keeps_context=True)


async def test_each_chunk_has_the_context_of_the_one_before(tmp_path: Path) -> None:
    """With several lanes too, and past a chunk without sound; the replies are stored and found again."""
    silent = replace(chunk(1), has_sound=False)
    asked: list[Engine] = []
    for _ in range(2):
        engine = Engine(["es"], capabilities=IN_CONTEXT)
        transcriber = ChunkTranscriber(
            engine, EngineClient(engine, RequestLimiter(2)), ChunkCache(tmp_path), Options()
        )
        ready = [transcriber.prepare(each) for each in (chunk(0), silent, chunk(2), chunk(3))]
        await asyncio.gather(*map(transcriber.transcribe, ready))
        asked.append(engine)

    assert asked[0].contexts == [(), (1,), (1, 2)]
    assert asked[1].contexts == []


async def test_another_context_is_another_reply(tmp_path: Path) -> None:
    """The same sound after other text may be other words, so it is transcribed again."""
    same = chunk(1)
    for before in (1, 2):
        engine = Engine([], capabilities=IN_CONTEXT, asked=[None] * (before - 1))
        transcriber = ChunkTranscriber(
            engine, EngineClient(engine, RequestLimiter(1)), ChunkCache(tmp_path), Options(language="es")
        )
        for each in (replace(chunk(10 + before), index=0), same):
            await transcriber.transcribe(transcriber.prepare(each))

        assert engine.contexts == [(), (before,)]


async def test_with_multi_chunks_have_no_context(tmp_path: Path) -> None:
    """The chunk before may be in another language."""
    engine = Engine(["es", "en"], capabilities=IN_CONTEXT)

    await transcribed(engine, tmp_path, 2, language="multi")

    assert engine.contexts == [(), ()]


async def test_a_chunk_without_words_tells_no_language(tmp_path: Path) -> None:
    """What is guessed from noise is not kept."""
    engine = Engine(["nn", "es"], words=False)

    await transcribed(engine, tmp_path, 3)

    assert engine.asked[-2:] == [None, "es"]


async def test_words_that_nobody_said_tell_no_language(tmp_path: Path) -> None:
    """Nor is it kept if all that was heard lay in silence."""
    engine = Engine(["nn", "es"])
    transcriber = ChunkTranscriber(
        engine, EngineClient(engine, RequestLimiter(1)), ChunkCache(tmp_path), Options()
    )
    late = chunk(0, 5.0, [Interval(4.0, 4.5)])
    late.pcm[: 4 * SAMPLE_RATE_HZ] = 0
    silent = await transcriber.transcribe(transcriber.prepare(late))
    await transcriber.transcribe(transcriber.prepare(chunk(1)))

    assert ([phrase.text for phrase in silent.dropped], silent.timed.words) == (["hola"], ())
    assert None in engine.asked[1:]


async def test_a_gap_that_there_is_no_money_for_stays_one(tmp_path: Path) -> None:
    """It is reported; the job continues within the remaining budget."""
    engine = Engine(["es", "es"], capabilities=replace(ONE_LANE, keeps_language=False, usd_per_minute=60.0))
    transcriber = ChunkTranscriber(
        engine, EngineClient(engine, RequestLimiter(1), 5.0), ChunkCache(tmp_path), Options()
    )
    first = await transcriber.transcribe(transcriber.prepare(chunk(0, 4.0)))
    second = await transcriber.transcribe(transcriber.prepare(chunk(1)))

    assert first.gaps
    assert len(engine.asked) == len([*first.timed.words, *second.timed.words]) == 2


async def test_a_job_that_is_resumed_asks_for_nothing_twice(tmp_path: Path) -> None:
    """Whatever was stored when it was killed, the rest is asked as it would have been."""
    await transcribed(Engine(["es"]), tmp_path, 2)
    engine = Engine([])

    results = await transcribed(engine, tmp_path, 4)

    assert [result.stored for result in results] == [True, True, False, False]
    assert engine.asked == ["es", "es"]


async def test_what_another_process_was_told_meanwhile_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that waits for a lane, or sleeps, may lose its job; the next worker stores the answers."""
    monkeypatch.setattr(
        "tests.pipeline.test_chunk_transcriber.CHUNK_S", 4.0
    )  # of which a part stays uncovered
    told: list[ChunkResult] = []

    class LateLanes(RequestLimiter):
        @asynccontextmanager
        async def lane(self) -> AsyncIterator[None]:
            async with super().lane():
                told.extend(await transcribed(Engine(["es"]), tmp_path, 1, language="es"))
                yield

    engine = Engine(["es"])
    transcriber = ChunkTranscriber(
        engine, EngineClient(engine, LateLanes(1)), ChunkCache(tmp_path), Options(language="es")
    )
    result = await transcriber.transcribe(transcriber.prepare(chunk(0)))

    assert [result.timed] == [one.timed for one in told]
    assert result.gaps
    assert result.stored
    assert engine.asked == []


async def test_words_count_where_the_detector_heard_no_speech(tmp_path: Path) -> None:
    """A chunk is sent for its sound: an engine that returns words for it is not overruled."""
    engine = Engine(["es"])
    transcriber = ChunkTranscriber(
        engine, EngineClient(engine, RequestLimiter(1)), ChunkCache(tmp_path), Options()
    )

    result = await transcriber.transcribe(transcriber.prepare(replace(chunk(0), speech=())))

    assert [word.word for word in result.timed.words] == ["hola"]
    assert result.dropped == ()


async def test_another_beginning_is_another_question(tmp_path: Path) -> None:
    """A chunk that was heard as Spanish is not taken from the store for a job that begins in French."""
    await transcribed(Engine(["es"]), tmp_path / "store", 2)
    engine = Engine(["fr"])
    transcriber = ChunkTranscriber(
        engine, EngineClient(engine, RequestLimiter(1)), ChunkCache(tmp_path / "store"), Options()
    )

    for number in (7, 1):
        await transcriber.transcribe(transcriber.prepare(chunk(number)))

    assert engine.asked == [None, "fr"]


async def test_a_language_that_is_asked_for_is_the_jobs(tmp_path: Path) -> None:
    """It is the same question as one whose language was found: the stored reply answers both."""
    engine = Engine(["es"])
    await transcribed(engine, tmp_path, 2)

    results = await transcribed(engine, tmp_path, 2, language="es")

    assert engine.asked == [None, "es", "es"]
    assert [result.stored for result in results] == [False, True]


async def test_an_engine_with_many_lanes_finds_the_language_of_each_chunk(tmp_path: Path) -> None:
    """None of them waits for the first."""
    engine = Engine(["es", "pt"], capabilities=Capabilities(words=True, segments=True))

    results = await transcribed(engine, tmp_path, 2)

    assert engine.asked == [None, None]
    assert [result.language for result in results] == ["es", "pt"]


def timings(results: Sequence[ChunkResult]) -> list[str]:
    return [word.timing for result in results for word in result.timed.words]


async def test_after_a_row_of_misfits_a_job_aligns_no_more(tmp_path: Path) -> None:
    """Words that fit no sounds cost most to align, and the next chunk's will not fit either."""
    fits = [*[False] * MOST_MISFITS, True]

    found = timings(await transcribed(Engine(["en"]), tmp_path, len(fits), Aligner(fits)))

    assert set(found) == {"engine"}
    assert fits == [True], "it was asked once more"


async def test_a_chunk_that_fits_forgives_those_before(tmp_path: Path) -> None:
    """Music here and there ends nothing."""
    fits = [*[False] * (MOST_MISFITS - 1), True] * 2

    found = timings(await transcribed(Engine(["en"]), tmp_path, len(fits), Aligner(list(fits))))

    assert [timing == "aligned" for timing in found] == fits


class Stopping(Aligner):
    """Is interrupted in the middle of its work, as by the end of the process."""

    async def align(self, *_about: object) -> list[Word]:
        raise InterruptedError


async def test_an_answer_that_is_paid_is_kept_before_it_is_aligned(tmp_path: Path) -> None:
    """A worker killed while it aligns, or sends a gap again, does not pay for the answer again."""
    engine = Engine(["en"])
    with pytest.raises(InterruptedError):
        await transcribed(engine, tmp_path, 1, Stopping([]))
    (result,) = await transcribed(engine, tmp_path, 1, Aligner([True]))

    assert len(engine.asked) == 1
    assert [word.timing for word in result.timed.words] == ["aligned"]


async def test_words_found_by_another_detector_are_no_answer(tmp_path: Path) -> None:
    """Times may follow from the speech that was found, also without an aligner."""
    engine = Engine(["en", "en"])
    await transcribed(engine, tmp_path, 1, silence_detection="level")
    await transcribed(engine, tmp_path, 1, silence_detection="vad")

    assert len(engine.asked) == 2


async def test_a_translation_is_asked_for_and_not_aligned(tmp_path: Path) -> None:
    """Its words are not those that are spoken; nor is its answer that to a request for a transcript."""
    engine, aligner = Engine(["de", "de"]), Aligner([True, True])
    translated = await transcribed(engine, tmp_path, 1, aligner, task="translate")
    plain = await transcribed(engine, tmp_path, 1, aligner)

    assert engine.translated == [True, False]
    assert (timings(translated), timings(plain)) == (["engine"], ["aligned"])


@pytest.mark.parametrize(
    ("language", "fits", "searched"), [("en", True, True), ("en", False, False), ("de", True, False)]
)
async def test_hesitations_are_searched_between_aligned_english_words(
    language: str, fits: bool, searched: bool, tmp_path: Path
) -> None:
    """Other words end where an engine says, and other languages were not measured."""
    [result] = await transcribed(Engine([language]), tmp_path, 1, Aligner([fits]))

    assert (result.hesitations is not None) == searched


class Hesitating(Engine):
    """Finds three words, the last of them stretched over a hesitation."""

    async def transcribe(self, _request: Request) -> Reply:
        words = Word("two", 0.0, 0.05), Word("words", 0.05, 0.1), Word("the", 0.1, 0.75)
        return Reply("two words the", words, language="en")


async def test_a_word_ends_where_the_hesitation_inside_its_times_begins(tmp_path: Path) -> None:
    """Cuts never touch words, so a filler inside a word could not be removed."""
    engine = Hesitating([])
    pcm = to_pcm(np.concatenate([bed(0.25, -20.0), voice(0.5), bed(0.15, -66.0)]))
    transcriber = ChunkTranscriber(
        engine, EngineClient(engine, RequestLimiter(1)), ChunkCache(tmp_path), Options(), Aligner([True])
    )
    result = await transcriber.transcribe(transcriber.prepare(replace(chunk(0), pcm=pcm)))

    [found] = result.hesitations or ()
    assert [found.start, found.end] == pytest.approx([0.25, 0.75], abs=0.03)
    assert result.timed.words[-1].end == pytest.approx(0.25, abs=0.03)
    assert result.timed.words[-1].end <= found.start


async def test_an_answer_without_an_aligner_has_no_hesitations(tmp_path: Path) -> None:
    """None, which is not the same as none found."""
    [result] = await transcribed(Engine(["en"]), tmp_path, 1)

    assert result.hesitations is None
