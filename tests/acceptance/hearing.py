"""Jobs as a caller runs them, in this process; and by models that tell when a word was said or do not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio_tools.audio.chunking import OVERLAP_S
from audio_tools.events import ChunkWords, Event
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.transcript import Transcript
from tests.acceptance.truth import EDGE_S, assert_all_words, assert_silences_of, assert_true
from tests.simulator import Script

WITH_TIMES, TEXT_ALONE = MODELS = "whisper-1", "gpt-transcribe"
ROUNDING_S = 0.001

MakeTools = Callable[..., PipelineContext]


@dataclass(frozen=True, slots=True)
class Heard:
    """A transcript, and the events that told of it."""

    transcript: Transcript
    events: Sequence[Event]

    @property
    def chunks(self) -> list[ChunkWords]:
        """What each chunk gave."""
        return [event for event in self.events if isinstance(event, ChunkWords)]


async def hear(path: Path, tools: PipelineContext, **options: object) -> Heard:
    """Run one job; `options` are those of the API."""
    given, unknown = Options.parse(options)
    assert unknown == []
    events: list[Event] = []
    return Heard(await transcribe(path, given, tools, events.append), events)


async def assert_heard(
    path: Path, script: Script, make_tools: MakeTools, detection: str = "auto", **options: object
) -> Transcript:
    """
    Both kinds of models hear all that the script says; gives what the one without times heard.

    Silence is found by `detection` for one of them, by level alone, which takes a third of the time, for the
    other.
    """
    for model, silences_by in zip(MODELS, (detection, "level"), strict=True):
        heard = await hear(path, make_tools(model=model), silenceDetection=silences_by, **options)
        assert_as_said(heard, script)
    return heard.transcript


def assert_as_said(heard: Heard, script: Script) -> None:
    """Every word and silence of the script, the words in their place as exactly as the model gives it."""
    if heard.transcript.model == WITH_TIMES:
        assert_true(heard.transcript, script)
    else:
        assert_in_place(heard, script)


def assert_in_place(heard: Heard, script: Script) -> None:
    """Every word once, in order and estimated; in speech, and that of the chunk in which it was said."""
    transcript = heard.transcript
    assert_all_words(transcript, script)
    assert_silences_of(transcript, script)
    assert {word.timing for word in transcript.words} == {"estimated"}
    assert any("estimated" in warning for warning in transcript.warnings)
    for first, second in zip(transcript.words, transcript.words[1:], strict=False):
        assert first.start < first.end <= second.start + ROUNDING_S
    starts = [word.start for word in transcript.words]
    for start, end in script.silences(0.5):
        before = transcript.words[: bisect_left(starts, end - EDGE_S)][-1:]
        assert not before or before[0].end <= start + EDGE_S
    said = {word.text: word.start for word in script.words}
    for chunk in heard.chunks:
        truly = [said[word.word] for word in chunk.words if word.word in said]
        assert all(chunk.start - OVERLAP_S <= start < chunk.end + OVERLAP_S for start in truly)
        assert all(chunk.start - OVERLAP_S <= word.start < chunk.end + OVERLAP_S for word in chunk.words)
