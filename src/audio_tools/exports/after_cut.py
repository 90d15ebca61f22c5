"""Convert a transcript from the time of the media to the time of the cut sequence."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from audio_tools.exports.cut_plan import CutPlan
from audio_tools.exports.source import spoken_words
from audio_tools.exports.timeline import Clip
from audio_tools.transcript import Interval, Transcript, Word


def after_cut(transcript: Transcript, plan: CutPlan) -> Transcript:
    """
    Return the words that play in the sequence, with their times there.

    A word plays where its middle does; cut and muted words are left out. Text and figures stay those of the
    whole recording.
    """
    clips = plan.clips()
    rate = plan.media.timebase.rate
    return replace(
        transcript,
        words=tuple(_placed(spoken_words(transcript), clips, plan)),
        segments=(),
        silences=tuple(_silences(transcript, clips, plan)),
        duration=clips[-1].record_end * rate.denominator / rate.numerator,
    )


def _placed(words: Sequence[Word], clips: Sequence[Clip], plan: CutPlan) -> Iterator[Word]:
    timebase = plan.media.timebase
    ends = [timebase.seconds(clip.end) for clip in clips]
    for word in words:
        position = bisect_right(ends, word.middle)
        if position == len(clips) or clips[position].muted:
            continue
        clip = clips[position]
        if timebase.seconds(clip.start) > word.middle:
            continue
        start, end = (_to_record(time, clip, plan) for time in (word.start, word.end))
        if end > start:
            yield replace(word, start=start, end=end)


def _silences(transcript: Transcript, clips: Sequence[Clip], plan: CutPlan) -> Iterator[Interval]:
    """Return the parts of the silences that play in the sequence."""
    timebase = plan.media.timebase
    first = 0
    for silence in transcript.silences:
        while first < len(clips) and timebase.seconds(clips[first].end) <= silence.start:
            first += 1
        ahead = first
        while ahead < len(clips) and timebase.seconds(clips[ahead].start) < silence.end:
            start, end = (_to_record(time, clips[ahead], plan) for time in (silence.start, silence.end))
            if end > start:
                yield Interval(start, end)
            ahead += 1


def _to_record(time: float, clip: Clip, plan: CutPlan) -> float:
    """A time of the media in the sequence, held within the clip; seconds."""
    timebase = plan.media.timebase
    rate = timebase.rate
    frame_s = rate.denominator / rate.numerator
    start = timebase.seconds(clip.start)
    length = (clip.end - clip.start) * frame_s
    inside = min(max(time - start, 0.0), length)
    return clip.record * frame_s + inside / float(clip.speed)
