"""A cut plan as JSON, and back from a client that edited its kept ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

from audio_tools.errors import EmptyTimeline, InvalidRange, MalformedRequest
from audio_tools.exports.cut_options import Mode
from audio_tools.exports.cut_plan import CutPlan, CutRange
from audio_tools.exports.phrases import WordSpan
from audio_tools.exports.source import media_reference, spoken_words
from audio_tools.exports.spans import Span, complement
from audio_tools.exports.timeline import Marker, MediaReference, Reason, Timebase
from audio_tools.transcript import Json, Transcript, Word


def plan_to_json(plan: CutPlan) -> Json:
    """
    The plan as `POST /job/{jobId}/cut-plan` returns it.

    Every range has its times in seconds, frames and ticks; a range in the sequence has `recordFrame` too.
    """
    timebase = plan.media.timebase
    records = {(clip.start, clip.end): clip.record for clip in plan.clips()}
    return {
        "timebase": {
            "num": timebase.rate.numerator,
            "den": timebase.rate.denominator,
            "ntsc": timebase.ntsc,
            "dropFrame": timebase.drop_frame,
            "startTimecode": timebase.start_timecode,
        },
        "mode": plan.mode,
        "speedFactor": float(plan.speed),
        "keep": [_range(timebase, *span) | {"recordFrame": records[span]} for span in plan.keep],
        "cut": [_cut(timebase, cut, records.get((cut.start, cut.end))) for cut in plan.cut],
        "markers": [_marker(timebase, marker) for marker in plan.markers],
        "fillers": [_words(span, plan.words) for span in plan.fillers],
        "fillerDetection": "transcript",
        "retakes": [
            {
                "kind": retake.kind,
                "score": retake.score,
                "dropped": _words(retake.dropped, plan.words),
                "kept": _words(retake.kept, plan.words),
            }
            for retake in plan.retakes
        ],
        "profanity": [_words(span, plan.words) for span in plan.profanity],
        "stats": _stats(plan),
    }


def _range(timebase: Timebase, start: int, end: int) -> Json:
    return {
        "start": round(timebase.seconds(start), 6),
        "end": round(timebase.seconds(end), 6),
        "startFrame": start,
        "endFrame": end,
        # Text: above 2^53 (9.85 hours) JavaScript's numbers are no longer exact.
        "startTicks": str(timebase.ticks(start)),
        "endTicks": str(timebase.ticks(end)),
    }


def _cut(timebase: Timebase, cut: CutRange, record: int | None) -> Json:
    placed = {} if record is None else {"recordFrame": record}
    return (
        _range(timebase, cut.start, cut.end)
        | placed
        | {"reason": cut.reason, "firstWord": cut.first, "lastWord": cut.last, "score": cut.score}
    )


def _marker(timebase: Timebase, marker: Marker) -> Json:
    return _range(timebase, marker.start, marker.end) | {
        "recordFrame": marker.record,
        "recordFrames": marker.n_frames,
        "reason": marker.reason,
        "text": marker.text,
    }


def _words(span: WordSpan, words: Sequence[Word]) -> Json:
    inside = words[span.first : span.last + 1]
    return {
        "firstWord": span.first,
        "lastWord": span.last,
        "start": round(min(word.start for word in inside), 4),
        "end": round(max(word.end for word in inside), 4),
        "text": span.text,
        "score": span.score,
    }


def _stats(plan: CutPlan) -> Json:
    seconds = plan.media.timebase
    clips = plan.clips()
    kept = sum(end - start for start, end in plan.keep)
    reasons: dict[str, Json] = {}
    for cut in plan.cut:
        entry = reasons.setdefault(cut.reason, {"count": 0, "frames": 0})
        entry["count"] += 1
        entry["frames"] += cut.end - cut.start

    def in_seconds(frames: int) -> float:
        return round(frames * seconds.rate.denominator / seconds.rate.numerator, 4)

    return {
        "sourceFrames": plan.media.n_frames,
        "sourceDuration": in_seconds(plan.media.n_frames),
        "keptFrames": kept,
        "keptDuration": in_seconds(kept),
        "sequenceFrames": clips[-1].record_end,
        "sequenceDuration": in_seconds(clips[-1].record_end),
        "keptRanges": len(plan.keep),
        "cutRanges": len(plan.cut),
        "reasons": {
            reason: {"count": entry["count"], "duration": in_seconds(entry["frames"])}
            for reason, entry in reasons.items()
        },
    }


def plan_from_json(record: Json, transcript: Transcript, name: str, path: str | None = None) -> CutPlan:
    """
    Read a plan from `plan_to_json`, whose `keep` the client may have edited.

    `keep` decides, by `startFrame` and `endFrame`: what lies between is cut, for the reason that `cut` gives.

    Raises:
        MalformedRequest: it is not a plan. InvalidRange: a range is not one of the media, or out of order.
        EmptyTimeline: it keeps nothing.
    """
    try:
        base: Json = record["timebase"]
        rate = Fraction(base["num"], base["den"])
        timecode = str(base["startTimecode"])
        mode: Mode = record.get("mode", "remove")
        speed = Fraction(str(record.get("speedFactor", 4)))
        keep, cut = list(record["keep"]), list(record.get("cut", []))
        marked = list(record.get("markers", []))
    except (LookupError, TypeError, ValueError, ZeroDivisionError) as error:
        raise MalformedRequest(f"The field cutPlan is not a cut plan: {error}.") from None
    if mode not in get_args(Mode):
        raise MalformedRequest(f"The mode {mode!r} of the cut plan is unknown.")
    if not 1 < speed <= 100 and mode == "speed":
        raise MalformedRequest(f"The speedFactor {float(speed):g} of the cut plan is not from 1 to 100.")
    media = media_reference(
        transcript,
        name,
        path=path,
        frame_rate=f"{rate.numerator}/{rate.denominator}",
        start_timecode=timecode,
    )
    kept = _spans("keep", keep, media)
    if not kept:
        raise EmptyTimeline("The cut plan keeps nothing.", hint="Give it at least one range to keep.")
    cuts = _cut_ranges(kept, cut, media)
    plan = CutPlan(media, mode, speed, tuple(kept), tuple(cuts), words=spoken_words(transcript))
    return replace(plan, markers=tuple(_read_markers(marked, media)))


def _spans(name: str, ranges: Sequence[Any], media: MediaReference) -> list[Span]:
    """The ranges as spans, checked to lie in order within the media."""
    spans: list[Span] = []
    for index, given in enumerate(ranges):
        start, end = _frames(f"{name}[{index}]", given)
        if not 0 <= start < end <= media.n_frames:
            raise InvalidRange(
                f"{name}[{index}]", f"frames {start} to {end} are not a range of 0 to {media.n_frames}"
            )
        if spans and start < spans[-1][1]:
            raise InvalidRange(f"{name}[{index}]", f"it begins before the end of {name}[{index - 1}]")
        if spans and start == spans[-1][1]:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return spans


def _frames(name: str, given: object) -> Span:
    match given:
        case {"startFrame": int(start), "endFrame": int(end)}:
            return start, end
    raise InvalidRange(name, "needs startFrame and endFrame, as whole numbers")


def _cut_ranges(kept: Sequence[Span], given: Sequence[Any], media: MediaReference) -> list[CutRange]:
    """What is not kept, each part as the given cut of exactly these frames explains it, else by hand."""
    known = {_frames(f"cut[{index}]", cut): cut for index, cut in enumerate(given)}
    return [
        CutRange(
            start,
            end,
            _reason(known.get((start, end), {})),
            _index(known.get((start, end), {}).get("firstWord")),
            _index(known.get((start, end), {}).get("lastWord")),
            _score(known.get((start, end), {}).get("score")),
        )
        for start, end in complement(kept, media.n_frames)
    ]


def _reason(cut: Json) -> Reason:
    reason = cut.get("reason")
    return next((known for known in get_args(Reason) if known == reason), "manual")


def _index(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _score(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 1.0


def _read_markers(marked: Sequence[Any], media: MediaReference) -> list[Marker]:
    markers = []
    for index, given in enumerate(marked):
        start, end = _frames(f"markers[{index}]", given)
        if not 0 <= start < end <= media.n_frames:
            raise InvalidRange(f"markers[{index}]", f"frames {start} to {end} are not a range of the media")
        record, length = given.get("recordFrame", start), given.get("recordFrames", end - start)
        if not isinstance(record, int) or not isinstance(length, int) or record < 0 or length < 1:
            raise InvalidRange(f"markers[{index}]", "recordFrame and recordFrames are not frames")
        markers.append(Marker(start, end, record, _reason(given), str(given.get("text", "")), length))
    return markers
