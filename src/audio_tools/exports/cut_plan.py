"""
Plan a cut from a transcript: which ranges of the media are kept, without clipping a kept word.

Whole milliseconds throughout, then whole frames: proposals to cut are collected, the words that stay are
taken out of them, what is left is snapped to frames with every kept range rounded outward.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor

import numpy as np

from audio_tools.errors import EmptyTimeline, InvalidRange
from audio_tools.exports.cut_options import CutOptions, Lengths, Mode, RangeOption, lengths_of
from audio_tools.exports.fillers import (
    clear_of_words,
    filler_of,
    find_fillers,
    hesitations_of,
    with_hesitations,
)
from audio_tools.exports.phrases import WordSpan, tokenize
from audio_tools.exports.profanity import find_profanity
from audio_tools.exports.retakes import Retake, find_retakes
from audio_tools.exports.source import measured_pauses, media_reference, spoken_words, to_milliseconds
from audio_tools.exports.spans import Span, as_spans, complement, merge, subtract
from audio_tools.exports.timeline import Clip, Marker, MediaReference, Reason, Timeline
from audio_tools.transcript import Filler, FillerDetection, Transcript, Word

PRECEDENCE: tuple[Reason, ...] = ("manual", "retake", "profanity", "filler", "silence")
"""The reason of a cut that several proposals share: the first of these."""

FILLER_EDGE_MS = 60
"""Maximum distance between a filler and an adjacent pause, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A range to cut or to mark, in milliseconds; the words `first` to `last` if it is about words."""

    start: int
    end: int
    reason: Reason
    first: int | None = None
    last: int | None = None
    score: float = 1.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class CutRange:
    """
    A range of source frames that is cut, and why. `first` and `last`: its words by index, None without any.
    """

    start: int
    end: int
    reason: Reason
    first: int | None = None
    last: int | None = None
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class CutPlan:
    """
    What a sequence keeps of a media file. Spans are source frames; `keep` and `cut` together are the media.

    In mode `mark` everything is kept and `markers` say what would be cut. In the modes `mute` and `speed` the
    cut ranges stay in the sequence, muted or played `speed` times as fast.
    """

    media: MediaReference
    mode: Mode
    speed: Fraction
    keep: tuple[Span, ...]
    cut: tuple[CutRange, ...]
    markers: tuple[Marker, ...] = ()
    fillers: tuple[Filler, ...] = ()
    filler_detection: FillerDetection = "transcript"
    retakes: tuple[Retake, ...] = ()
    profanity: tuple[WordSpan, ...] = ()
    words: Sequence[Word] = field(default=(), repr=False)

    def clips(self) -> list[Clip]:
        """The ranges that play, in order, without gaps."""
        played = [(start, end, False) for start, end in self.keep]
        if self.mode in {"mute", "speed"}:
            played = sorted(played + [(cut.start, cut.end, True) for cut in self.cut])
        clips: list[Clip] = []
        record = 0
        for start, end, is_cut in played:
            speed = self.speed if is_cut and self.mode == "speed" else Fraction(1)
            clips.append(Clip(start, end, record, speed, muted=is_cut and self.mode == "mute"))
            record = clips[-1].record_end
        return clips

    def timeline(self, name: str) -> Timeline:
        """The sequence of this plan."""
        return Timeline(name, self.media, self.clips(), self.markers)


def plan_cuts(transcript: Transcript, media: MediaReference, options: CutOptions) -> CutPlan:
    """
    Plan what stays of the media of a transcript.

    No cut touches a word that stays, except where the media ends within it.

    Raises:
        InvalidRange: a range in `options` is not one of the media or its words.
        EmptyTimeline: nothing would be left.
    """
    return _Planner(transcript, media, options).plan()


def plan_transcript(transcript: Transcript, file_name: str, options: CutOptions) -> CutPlan:
    """As `plan_cuts`, of the media file `file_name`, with the frame rate and the timecode of the options."""
    media = media_reference(
        transcript, file_name, frame_rate=options.frame_rate, start_timecode=options.start_timecode
    )
    return plan_cuts(transcript, media, options)


class _Planner:
    def __init__(self, transcript: Transcript, media: MediaReference, options: CutOptions) -> None:
        self.media, self.options = media, options
        self.lengths: Lengths = lengths_of(options)
        self.words = spoken_words(transcript)
        self.table = to_milliseconds(self.words, outward=True)
        self.spans = as_spans(self.table)
        self.length = max(1, round(transcript.duration * 1000), *(end for _, end in self.spans[-1:]))
        self.pauses = as_spans(to_milliseconds(measured_pauses(transcript), outward=False))
        tokens = tokenize(self.words)
        language = transcript.language
        spoken = find_fillers(self.words, tokens, language, options.filler_words)
        self.fillers = with_hesitations(
            [filler_of(self.words, span) for span in spoken],
            hesitations_of(transcript.fillers, options.filler_words),
        )
        self.filler_detection = transcript.filler_detection
        self.profanity = find_profanity(self.words, tokens, language, options.profanity_words)
        self.retakes = find_retakes(self.words, tokens, spoken, language)
        self.manual_keep = [self._range(f"keep[{index}]", given) for index, given in enumerate(options.keep)]
        self.manual_cut = [self._range(f"cut[{index}]", given) for index, given in enumerate(options.cut)]

    def plan(self) -> CutPlan:
        marked, removed = self._proposals()
        kept_spans = merge(self.manual_keep)
        gone = self._removed_words(removed, kept_spans)
        # No cut may touch these: kept words and manually kept ranges.
        stay = np.delete(self.table, sorted(gone), axis=0)
        protected = merge(np.vstack([stay, np.array(kept_spans, np.int64).reshape(-1, 2)]))
        cuts = self._cuts(removed, protected, gone)
        keep = self._snap(self._drop_scraps(complement(cuts, self.length), protected))
        # In the other modes the cut ranges stay in the sequence.
        if not keep and self.options.mode == "remove":
            raise EmptyTimeline(
                "The cut plan removes the whole recording.", hint="Cut less, or add ranges to keep."
            )
        cut = self._explain(complement(keep, self.media.n_frames), removed)
        if self.options.mode == "mark":
            marked = [*marked, *self._as_proposals(cut)]
            keep, cut = [(0, self.media.n_frames)], []
        plan = CutPlan(
            media=self.media,
            mode=self.options.mode,
            speed=Fraction(str(self.options.speed_factor)),
            keep=tuple(keep),
            cut=tuple(cut),
            fillers=tuple(self.fillers),
            filler_detection=self.filler_detection,
            retakes=tuple(self.retakes),
            profanity=tuple(self.profanity),
            words=self.words,
        )
        return _with_markers(plan, marked)

    def _range(self, name: str, given: RangeOption) -> Span:
        """A range of the options in milliseconds."""
        match given:
            case RangeOption(first_word=int(first), last_word=int(last), start=None, end=None):
                if first > last:
                    raise InvalidRange(name, f"the last word, {last}, is before the first, {first}")
                if not 0 <= first <= last < len(self.words):
                    raise InvalidRange(
                        name,
                        f"words {first} to {last} are out of range; the transcript has words 0 to "
                        f"{len(self.words) - 1}",
                    )
                spans = self.spans[first : last + 1]
                return min(start for start, _ in spans), max(end for _, end in spans)
            case RangeOption(start=float(start), end=float(end), first_word=None, last_word=None):
                if start < 0:
                    raise InvalidRange(name, f"the start, {start:g} s, is negative")
                if start >= end:
                    relation = "before" if end < start else "the same as"
                    raise InvalidRange(name, f"the end, {end:g} s, is {relation} the start, {start:g} s")
                if start * 1000 >= self.length:
                    raise InvalidRange(name, f"{start:g} s is beyond the end, {self.length / 1000:g} s")
                return round(start * 1000), max(round(start * 1000) + 1, min(round(end * 1000), self.length))
        raise InvalidRange(name, "requires start and end, or firstWord and lastWord")

    def _proposals(self) -> tuple[list[Proposal], list[Proposal]]:
        """Return what is marked, and what is cut."""
        options = self.options
        actions = (
            (options.silences, self._silences()),
            (options.fillers, self._of_fillers()),
            (options.retakes, self._of_words("retake", [retake.dropped for retake in self.retakes])),
            (options.profanity, self._of_words("profanity", self.profanity)),
        )
        marked = [proposal for action, found in actions if action == "mark" for proposal in found]
        removed = [proposal for action, found in actions if action == "remove" for proposal in found]
        removed += [Proposal(start, end, "manual") for start, end in self.manual_cut]
        return marked, removed

    def _of_words(self, reason: Reason, spans: Sequence[WordSpan]) -> list[Proposal]:
        return [
            Proposal(
                min(start for start, _ in self.spans[span.first : span.last + 1]),
                max(end for _, end in self.spans[span.first : span.last + 1]),
                reason,
                span.first,
                span.last,
                span.score,
                span.text,
            )
            for span in spans
        ]

    def _of_fillers(self) -> list[Proposal]:
        return [
            Proposal(
                *self._part_of(filler),
                "filler",
                filler.first_word,
                filler.last_word,
                filler.score,
                filler.text,
            )
            for filler in self.fillers
        ]

    def _part_of(self, filler: Filler) -> Span:
        """The range of a filler that is cut; a word as a whole."""
        whole = floor(filler.start * 1000 + 1e-6), ceil(filler.end * 1000 - 1e-6)
        return clear_of_words(whole, self.spans) if filler.first_word is None else whole

    def _silences(self) -> Iterator[Proposal]:
        """The silences that are long enough, less the padding beside speech."""
        lengths = self.lengths
        before, after = lengths.pad_before, lengths.pad_after
        for start, end in self._quiet():
            if end - start < lengths.min_silence:
                continue
            extra = max(0, (lengths.max_kept_pause or 0) - before - after)
            first = start + after + extra // 2 if start > 0 else start
            last = end - before - (extra - extra // 2) if end < self.length else end
            if last > first:
                yield Proposal(first, last, "silence")

    def _quiet(self) -> Sequence[Span]:
        """The pauses; two with a removed filler between them are one."""
        if self.options.fillers != "remove" or not self.fillers:
            return self.pauses
        beside = FILLER_EDGE_MS
        removed = [(part.start - beside, part.end + beside) for part in self._of_fillers()]
        return merge([*self.pauses, *((max(start, 0), min(end, self.length)) for start, end in removed)])

    def _removed_words(self, removed: Sequence[Proposal], kept: Sequence[Span]) -> set[int]:
        """Return the removed words: those of proposals, and those whose middle a manual cut covers."""
        gone = {
            index
            for proposal in removed
            if proposal.first is not None and proposal.last is not None
            for index in range(proposal.first, proposal.last + 1)
        }
        manual = merge(self.manual_cut)
        gone |= (
            {index for index, (start, end) in enumerate(self.spans) if _covers(manual, (start + end) // 2)}
            if manual
            else set()
        )
        if kept:
            gone = {index for index in gone if not _touches(kept, self.spans[index])}
        return gone

    def _cuts(self, removed: Sequence[Proposal], protected: Sequence[Span], gone: set[int]) -> list[Span]:
        """Return the cuts, sorted and disjoint."""
        silent = merge((part.start, part.end) for part in removed if part.reason == "silence")
        silent = [span for span in subtract(silent, protected) if span[1] - span[0] >= self.lengths.merge_gap]
        asked = merge(
            [
                *((part.start, part.end) for part in removed if part.reason != "silence"),
                # A removed word is removed up to its edges.
                *(self.spans[index] for index in gone),
            ]
        )
        return merge([*silent, *subtract(asked, protected)]) if asked else silent

    def _drop_scraps(self, keep: list[Span], protected: Sequence[Span]) -> list[Span]:
        """Drop kept ranges with less sound than `minClip` and neither a word nor a manual range in them."""
        if keep == [(0, self.length)]:
            return keep
        scraps = [span for span in keep if not _touches(protected, span)]
        if not scraps:
            return keep
        # Padding is not sound; a silence that is to be kept counts like sound.
        quiet = merge(self.pauses) if self.options.silences == "remove" else []
        sound = dict.fromkeys(scraps, 0)
        for start, end in subtract(scraps, quiet):
            sound[scraps[bisect_right(scraps, start, key=lambda span: span[0]) - 1]] += end - start
        too_short = {span for span, length in sound.items() if length < self.lengths.min_clip}
        return [span for span in keep if span not in too_short]

    def _snap(self, keep: Sequence[Span]) -> list[Span]:
        """Kept ranges in frames, rounded outward; those that touch become one."""
        timebase, last = self.media.timebase, self.media.n_frames
        return merge((timebase.floor(start), min(timebase.ceil(end), last)) for start, end in keep)

    def _explain(self, cut: Sequence[Span], removed: Sequence[Proposal]) -> list[CutRange]:
        """The cut frames with the reason, the words and the score of the proposals behind them."""
        timebase = self.media.timebase
        rank = {reason: place for place, reason in enumerate(PRECEDENCE)}
        pending = sorted(removed, key=lambda proposal: proposal.start)
        frame_ms = 1000 * timebase.rate.denominator / timebase.rate.numerator
        origin_ms = timebase.origin_us / 1000
        edges = [(origin_ms + start * frame_ms, origin_ms + end * frame_ms) for start, end in cut]
        # A word belongs to the cut that holds its middle.
        middles = self.table.mean(axis=1)
        words = np.searchsorted(middles, edges).tolist() if edges else []
        explained: list[CutRange] = []
        position = 0
        active: list[Proposal] = []
        for (start, end), (first_ms, last_ms), (word, behind) in zip(cut, edges, words, strict=True):
            active = [proposal for proposal in active if proposal.end > first_ms]
            while position < len(pending) and pending[position].start < last_ms:
                active.append(pending[position])
                position += 1
            best = active[0] if active else None
            if len(active) > 1:
                best = min(active, key=lambda proposal: (rank[proposal.reason], -proposal.score))
            first, last = (word, behind - 1) if behind > word else (None, None)
            reason, score = (best.reason, best.score) if best else ("silence", 1.0)
            explained.append(CutRange(start, end, reason, first, last, score))
        return explained

    def _as_proposals(self, cut: Sequence[CutRange]) -> list[Proposal]:
        timebase = self.media.timebase
        return [
            Proposal(
                round(timebase.seconds(part.start) * 1000),
                round(timebase.seconds(part.end) * 1000),
                part.reason,
                part.first,
                part.last,
                part.score,
                _describe(part, self.words),
            )
            for part in cut
        ]


def _describe(cut: CutRange, words: Sequence[Word]) -> str:
    if cut.first is None or cut.last is None:
        return ""
    return " ".join(word.word.strip() for word in words[cut.first : cut.last + 1])


def _with_markers(plan: CutPlan, marked: Sequence[Proposal]) -> CutPlan:
    """The plan with a marker for each proposal that is still in the sequence."""
    if not marked:
        return plan
    timebase, clips = plan.media.timebase, plan.clips()
    markers: list[Marker] = []
    position = 0
    for proposal in sorted(marked, key=lambda proposal: (proposal.start, proposal.end)):
        start = min(timebase.floor(proposal.start), plan.media.n_frames - 1)
        end = max(start + 1, min(timebase.ceil(proposal.end), plan.media.n_frames))
        while position < len(clips) and clips[position].end <= start:
            position += 1
        if position == len(clips) or clips[position].start >= end:
            continue
        clip = clips[position]
        inside = max(start, clip.start), min(end, clip.end)
        record = clip.record + round((inside[0] - clip.start) / clip.speed)
        length = max(1, round((inside[1] - inside[0]) / clip.speed))
        text = proposal.text or proposal.reason
        markers.append(Marker(*inside, record, proposal.reason, text, length))
    return replace(plan, markers=tuple(markers))


def _covers(spans: Sequence[Span], point: int) -> bool:
    return _touches(spans, (point, point + 1))


def _touches(spans: Sequence[Span], span: Span) -> bool:
    """Whether one of sorted, disjoint spans overlaps `span`."""
    position = bisect_left(spans, span[1], key=lambda candidate: candidate[0])
    return position > 0 and spans[position - 1][1] > span[0]
