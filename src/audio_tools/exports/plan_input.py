"""A cut plan that a client sends back, with edited ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

from audio_tools.errors import EmptyTimeline, InvalidRange, MalformedRequest, shown
from audio_tools.exports.cut_options import FRAME_RATES, Mode
from audio_tools.exports.cut_plan import CutPlan, CutRange
from audio_tools.exports.source import media_reference, spoken_words
from audio_tools.exports.spans import Span, complement
from audio_tools.exports.timeline import Marker, MediaReference, Reason
from audio_tools.json_value import Json
from audio_tools.transcript import Transcript

MODES: tuple[Mode, ...] = get_args(Mode)
TIMEBASE = 'an object like {"num": 30000, "den": 1001, "startTimecode": "01:00:00:00"}'


def plan_from_json(record: Json, transcript: Transcript, name: str, path: str | None = None) -> CutPlan:
    """
    Read a plan from `plan_to_json`, whose `keep` the client may have edited.

    `keep` decides, by `startFrame` and `endFrame`: what lies between is cut, for the reason that `cut` gives.

    Raises:
        MalformedRequest: it is not a plan. InvalidRange: a range is not one of the media, or out of order.
        EmptyTimeline: it keeps nothing, in a mode that removes what it cuts.
    """
    mode = record.get("mode", "remove")
    if mode not in MODES:
        raise _malformed(record, "mode", f"one of {', '.join(MODES)}")
    speed = _speed(record, mode)
    rate, timecode = _timebase(record)
    media = media_reference(transcript, name, path=path, frame_rate=rate, start_timecode=timecode)
    kept = _spans("keep", _list(record, "keep", required=True), media)
    if not kept and mode not in {"mute", "speed"}:
        raise EmptyTimeline("The cut plan keeps nothing.", hint="Add at least one range to keep.")
    cuts = _cut_ranges(kept, _list(record, "cut"), media)
    plan = CutPlan(media, mode, speed, tuple(kept), tuple(cuts), words=spoken_words(transcript))
    return replace(plan, markers=tuple(_read_markers(_list(record, "markers"), media)))


def _timebase(record: Json) -> tuple[str, str]:
    """The frame rate and the timecode of the first frame."""
    base = record.get("timebase")
    if not isinstance(base, dict):
        raise _malformed(record, "timebase", TIMEBASE)
    for part in ("num", "den"):
        if not _is_whole(base.get(part)):
            raise _malformed(base, part, f"a whole number: num/den is {FRAME_RATES}", "timebase.")
    if base["den"] == 0:
        raise _malformed(base, "den", "a whole number other than 0", "timebase.")
    if not isinstance(base.get("startTimecode"), str):
        raise _malformed(base, "startTimecode", "text like 01:00:00:00", "timebase.")
    rate = Fraction(base["num"], base["den"])
    return f"{rate.numerator}/{rate.denominator}", base["startTimecode"]


def _speed(record: Json, mode: Mode) -> Fraction:
    """The speed of cut ranges; out of range only where it is of no use."""
    try:
        speed = Fraction(str(_number(record.get("speedFactor", 4))))
    except ValueError:
        raise _malformed(record, "speedFactor", "a number above 1 and up to 100") from None
    if mode == "speed" and not 1 < speed <= 100:
        raise _malformed(record, "speedFactor", "a number above 1 and up to 100")
    return speed


def _list(record: Json, name: str, *, required: bool = False) -> list[Any]:
    value = record.get(name, None if required else [])
    if not isinstance(value, list):
        raise _malformed(record, name, "a list of objects with startFrame and endFrame")
    return value


def _malformed(holder: Json, name: str, allowed: str, within: str = "") -> MalformedRequest:
    """The error of a field of the plan, which names the field and what it must be."""
    given = f"is {shown(holder[name])}, but" if name in holder else "is missing: it"
    return MalformedRequest(f"The field cutPlan.{within}{name} {given} must be {allowed}.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> float:
    """Raise ValueError for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError


def _spans(name: str, ranges: Sequence[Any], media: MediaReference) -> list[Span]:
    """The ranges as spans, checked to lie in order within the media."""
    spans: list[Span] = []
    for index, given in enumerate(ranges):
        start, end = _frames(f"{name}[{index}]", given)
        if not 0 <= start < end <= media.n_frames:
            raise InvalidRange(
                f"{name}[{index}]",
                f"frames {shown(start)} to {shown(end)} are not a range of 0 to {media.n_frames}",
            )
        if spans and start < spans[-1][1]:
            raise InvalidRange(f"{name}[{index}]", f"it starts before the end of {name}[{index - 1}]")
        if spans and start == spans[-1][1]:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return spans


def _frames(name: str, given: object) -> Span:
    if not (isinstance(given, dict) and "startFrame" in given and "endFrame" in given):
        raise InvalidRange(name, "requires startFrame and endFrame, as whole numbers")
    return _whole(name, given, "startFrame"), _whole(name, given, "endFrame")


def _whole(name: str, given: Json, field: str) -> int:
    value = given[field]
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidRange(f"{name}.{field}", f"is {shown(value)}, but must be a whole number")
    return value


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
            raise InvalidRange(
                f"markers[{index}]",
                f"frames {shown(start)} to {shown(end)} are not a range of 0 to {media.n_frames}",
            )
        placed = {"recordFrame": start, "recordFrames": end - start} | given
        record = _whole(f"markers[{index}]", placed, "recordFrame")
        length = _whole(f"markers[{index}]", placed, "recordFrames")
        if record < 0 or length < 1:
            raise InvalidRange(
                f"markers[{index}]",
                f"recordFrame {record} must not be negative, recordFrames {length} at least 1",
            )
        markers.append(Marker(start, end, record, _reason(given), str(given.get("text", "")), length))
    return markers
