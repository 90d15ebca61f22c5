"""A cut plan as JSON; `plan_input.py` reads it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, PlainSerializer

from audio_tools.exports.cut_options import Mode
from audio_tools.exports.cut_plan import CutPlan
from audio_tools.exports.phrases import WordSpan
from audio_tools.exports.retakes import Kind
from audio_tools.exports.timeline import Reason, Timebase
from audio_tools.json_value import Json, JsonValue, Seconds, omit_if_none
from audio_tools.transcript import Filler, FillerDetection, Word

Frame = Annotated[int, Field(json_schema_extra={"minimum": 0})]
Score = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]
Index = Annotated[int, Field(json_schema_extra={"minimum": 0})]
Micro = Annotated[float, PlainSerializer(lambda value: round(value, 6), return_type=float)]
Start = Annotated[Micro, Field(description="Start, seconds from the start of the media.")]
End = Annotated[Micro, Field(description="End, seconds from the start of the media.")]
StartFrame = Annotated[Frame, Field(description="First frame, counted from the first picture.")]
EndFrame = Annotated[Frame, Field(description="Frame behind the last one.")]
# Text, because ticks exceed the whole numbers of JavaScript after 9.85 hours.
StartTicks = Annotated[
    str, Field(description="Start in Premiere's ticks from frame 0, 254016000000 per second.")
]
EndTicks = Annotated[str, Field(description="End in Premiere's ticks from frame 0.")]


@dataclass(frozen=True, slots=True)
class PlanTimebase(JsonValue):
    """How frames are counted."""

    num: int
    """Frames per second: numerator."""
    den: int
    """Frames per second: denominator."""
    ntsc: bool
    """Whether the rate is a whole number times 1000/1001."""
    drop_frame: bool
    """Whether timecode skips labels."""
    start_timecode: str
    """Timecode of frame 0; it changes no frame number."""


@dataclass(frozen=True, slots=True)
class KeptRange(JsonValue):
    """A range that stays."""

    start: Start
    end: End
    start_frame: StartFrame
    end_frame: EndFrame
    start_ticks: StartTicks
    end_ticks: EndTicks
    record_frame: Frame
    """Frame of the sequence at which it begins."""


@dataclass(frozen=True, slots=True)
class RemovedRange(JsonValue):
    """A range that is cut, muted or played faster."""

    start: Start
    end: End
    start_frame: StartFrame
    end_frame: EndFrame
    start_ticks: StartTicks
    end_ticks: EndTicks
    reason: Reason
    """Why the range is cut."""
    first_word: Index | None
    """Index of its first word; null without any."""
    last_word: Index | None
    """Index of its last word, included."""
    score: Score
    """Confidence of the proposal."""
    record_frame: Annotated[Frame | None, omit_if_none(minimum=0)] = None
    """Frame of the sequence at which it begins, in the modes `mute` and `speed`."""


@dataclass(frozen=True, slots=True)
class PlanMarker(JsonValue):
    """A marker on the sequence."""

    start: Start
    end: End
    start_frame: StartFrame
    end_frame: EndFrame
    start_ticks: StartTicks
    end_ticks: EndTicks
    record_frame: Frame
    """Its frame in the sequence."""
    record_frames: Frame
    """Its length there, frames."""
    reason: Reason
    """What it marks."""
    text: str
    """The words, or the reason."""


@dataclass(frozen=True, slots=True)
class FoundWords(JsonValue):
    """Words of the transcript."""

    first_word: Index
    """Index of the first word."""
    last_word: Index
    """Index of the last word, included."""
    start: Seconds
    """Start, seconds from the start of the media."""
    end: Seconds
    """End, seconds from the start of the media."""
    text: str
    """The words."""
    score: Score
    """Confidence of the proposal."""


@dataclass(frozen=True, slots=True)
class FoundRetake(JsonValue):
    """A proposal: `dropped` is said again in `kept`."""

    kind: Kind
    """A stutter, a false start, or a take that was repeated as a whole."""
    score: Score
    """Confidence of the proposal."""
    dropped: FoundWords
    """The earlier attempt."""
    kept: FoundWords
    """The words that repeat it."""


@dataclass(frozen=True, slots=True)
class ReasonStats(JsonValue):
    """What was cut for one reason."""

    count: int
    """Number of ranges."""
    duration: Seconds
    """Their length, seconds."""


@dataclass(frozen=True, slots=True)
class PlanStats(JsonValue):
    """The plan in numbers."""

    source_frames: Frame
    """Length of the media, frames."""
    source_duration: Seconds
    """Length of the media, seconds."""
    kept_frames: Frame
    """Length of the kept ranges, frames."""
    kept_duration: Seconds
    """Length of the kept ranges, seconds."""
    sequence_frames: Frame
    """Length of the sequence, frames."""
    sequence_duration: Seconds
    """Length of the sequence, seconds."""
    kept_ranges: int
    """Number of kept ranges."""
    cut_ranges: int
    """Number of cut ranges."""
    reasons: dict[str, ReasonStats]
    """What was cut, by reason."""


@dataclass(frozen=True, slots=True)
class PlanDocument(JsonValue):
    """A cut plan. Kept and cut ranges together are the whole media."""

    timebase: PlanTimebase
    """Frame rate and timecode."""
    mode: Mode
    """What happens to cut ranges."""
    speed_factor: float
    """Speed of cut ranges in the mode `speed`."""
    keep: list[KeptRange]
    """Ranges that stay, in order."""
    cut: list[RemovedRange]
    """Ranges that are cut, in order; none in the mode `mark`."""
    markers: list[PlanMarker]
    """Markers, in order."""
    fillers: list[Filler]
    """Fillers, among the words and between them."""
    filler_detection: FillerDetection
    """Where fillers were found: in the samples as well (`samples`), or in the words alone (`transcript`)."""
    retakes: list[FoundRetake]
    """Proposals for retakes."""
    profanity: list[FoundWords]
    """Profane words."""
    stats: PlanStats
    """Lengths and counts."""


def plan_to_json(plan: CutPlan) -> Json:
    """The plan as `POST /job/{jobId}/cut-plan` returns it."""
    return plan_document(plan).to_json()


def plan_document(plan: CutPlan) -> PlanDocument:
    """The plan as a value with every field that clients are sent."""
    timebase = plan.media.timebase
    records = {(clip.start, clip.end): clip.record for clip in plan.clips()}
    return PlanDocument(
        timebase=PlanTimebase(
            num=timebase.rate.numerator,
            den=timebase.rate.denominator,
            ntsc=timebase.ntsc,
            drop_frame=timebase.drop_frame,
            start_timecode=timebase.start_timecode,
        ),
        mode=plan.mode,
        speed_factor=float(plan.speed),
        keep=[KeptRange(*_times(timebase, *span), record_frame=records[span]) for span in plan.keep],
        cut=[
            RemovedRange(
                *_times(timebase, cut.start, cut.end),
                reason=cut.reason,
                first_word=cut.first,
                last_word=cut.last,
                score=cut.score,
                record_frame=records.get((cut.start, cut.end)),
            )
            for cut in plan.cut
        ],
        markers=[
            PlanMarker(
                *_times(timebase, marker.start, marker.end),
                record_frame=marker.record,
                record_frames=marker.n_frames,
                reason=marker.reason,
                text=marker.text,
            )
            for marker in plan.markers
        ],
        fillers=list(plan.fillers),
        filler_detection=plan.filler_detection,
        retakes=[
            FoundRetake(
                retake.kind, retake.score, _words(retake.dropped, plan.words), _words(retake.kept, plan.words)
            )
            for retake in plan.retakes
        ],
        profanity=[_words(span, plan.words) for span in plan.profanity],
        stats=_stats(plan),
    )


def _times(timebase: Timebase, start: int, end: int) -> tuple[float, float, int, int, str, str]:
    ticks = str(timebase.ticks(start)), str(timebase.ticks(end))
    return timebase.seconds(start), timebase.seconds(end), start, end, *ticks


def _words(span: WordSpan, words: Sequence[Word]) -> FoundWords:
    inside = words[span.first : span.last + 1]
    start, end = min(word.start for word in inside), max(word.end for word in inside)
    return FoundWords(span.first, span.last, start, end, span.text, span.score)


def _stats(plan: CutPlan) -> PlanStats:
    frame_s = float(1 / plan.media.timebase.rate)
    kept = sum(end - start for start, end in plan.keep)
    length = plan.clips()[-1].record_end
    by_reason: dict[str, list[int]] = {}
    for cut in plan.cut:
        by_reason.setdefault(cut.reason, []).append(cut.end - cut.start)
    return PlanStats(
        source_frames=plan.media.n_frames,
        source_duration=plan.media.n_frames * frame_s,
        kept_frames=kept,
        kept_duration=kept * frame_s,
        sequence_frames=length,
        sequence_duration=length * frame_s,
        kept_ranges=len(plan.keep),
        cut_ranges=len(plan.cut),
        reasons={
            reason: ReasonStats(len(frames), sum(frames) * frame_s) for reason, frames in by_reason.items()
        },
    )
