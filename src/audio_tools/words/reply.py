"""Make any reply of an engine usable: words that have times and were spoken, segments of these words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from audio_tools.audio.pauses import overlap
from audio_tools.transcript import Dropped, Interval, Reply, Segment, Word
from audio_tools.words.order import in_order
from audio_tools.words.pieces import Piece, join_pieces
from audio_tools.words.segments import follow_words, group, respell
from audio_tools.words.timing import Sounds, fit_to_speech, spread, uncovered
from audio_tools.words.unspoken import Voiced, drop, without_invented, without_rushed, without_unspoken


def fit_reply(
    answer: Reply, speech: Sequence[Interval], seconds: float, *, sounds: Sounds, voiced: Voiced
) -> Reply:
    """
    Return the reply with words and segments, whatever the engine returned, without what was not spoken.

    Args:
        answer: the reply of an engine to a chunk.
        speech: sorted stretches in seconds from the start of the chunk, at least one.
        seconds: length of the chunk.
        sounds: see `Sounds`.
        voiced: see `Voiced`.
    """
    reply = without_unspoken(_with_times(answer, speech, seconds))
    reply = without_invented(reply, voiced)
    words, dropped = fit_to_speech(reply.words, speech, sounds)
    if dropped:
        reply = drop(reply, {n for numbers, _ in dropped for n in numbers}, [phrase for _, phrase in dropped])
    segments = follow_words(reply.segments, reply.words, words)
    return without_rushed(replace(reply, words=tuple(words), segments=tuple(segments)))


def speech_without_words(
    speech: Sequence[Interval], words: Sequence[Word], dropped: Sequence[Dropped]
) -> list[Interval]:
    """Return speech without words, except where an engine invented words because there is no voice."""
    voiceless = [Interval(each.start, each.end) for each in dropped if each.reason == "no voice"]
    return [gap for gap in uncovered(speech, words) if not overlap(voiceless, gap)]


def _with_times(reply: Reply, speech: Sequence[Interval], seconds: float) -> Reply:
    """The reply with words that have times and the spelling of the text, and with segments of these words."""
    if reply.words:
        pieces = [Piece(w.word, w.start, w.end, w.confidence, w.speaker, w.timing) for w in reply.words]
        words = join_pieces(pieces, reply.text, seconds)
    elif reply.segments:
        words = in_order(_spread_segments(reply.segments, speech), seconds)
    else:
        words = spread(reply.text, speech)
    segments = (
        follow_words(reply.segments, words, words) if reply.segments else respell(group(words), reply.text)
    )
    return replace(reply, words=tuple(words), segments=tuple(segments))


def _spread_segments(segments: Sequence[Segment], speech: Sequence[Interval]) -> list[Word]:
    """The words of segments, each within the speech of its segment."""
    return [
        replace(word, speaker=segment.speaker)
        for segment in segments
        for at in [Interval(segment.start, segment.end)]
        for word in spread(segment.text, overlap(speech, at) or [at])
    ]
