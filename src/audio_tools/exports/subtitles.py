"""
Cues as SubRip (SRT) and WebVTT text.

Both are written here and not through a library, for none of those tried writes words as they are spoken; see
docs/decisions/0017-subtitles.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from audio_tools.exports.cues import Cue
from audio_tools.exports.karaoke import timed_words
from audio_tools.exports.text import clean
from audio_tools.transcript import Word


def to_srt(cues: Sequence[Cue]) -> str:
    """
    Cues as SubRip, numbered from 1; empty without cues.

    SubRip has no escapes, so words stand as they are, except for the arrow `-->`: it would read as a line of
    times, and is written as `→`.
    """
    blocks = (
        f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{text.replace('-->', '→')}\n"
        for number, (start, end, text) in enumerate(in_milliseconds(cues), start=1)
    )
    return "\n".join(blocks)


def to_vtt(cues: Sequence[Cue]) -> str:
    """
    Cues as WebVTT; the header alone without cues. `&`, `<` and `>` are escaped, and so is any `-->`.

    A cue with a speaker begins with a voice tag, `<v Ann>`.
    """
    blocks = (
        f"\n{clock(start, '.')} --> {clock(end, '.')}\n{_voice(cue.speaker)}{escape(text, quote=False)}\n"
        for cue, (start, end, text) in zip(cues, in_milliseconds(cues), strict=True)
    )
    return "".join(("WEBVTT\n", *blocks))


def to_karaoke_vtt(cues: Sequence[Cue], words: Sequence[Word]) -> str:
    """Cues as WebVTT with a timestamp before each word after the first; the cues were cut from `words`."""
    blocks = []
    for (start, end, _), (cue, texts) in zip(in_milliseconds(cues), timed_words(cues, words), strict=True):
        parts = [escape(texts[0].text, quote=False)]
        last = start
        for text in texts[1:]:
            # The timestamps of a cue lie within it and increase (WebVTT, section 4.2.2).
            begin = milliseconds(text.start)
            stamp = f"<{clock(begin, '.')}>" if last < begin < end else ""
            last = max(last, begin)
            parts.append(f"{text.before}{stamp}{escape(text.text, quote=False)}")
        line = f"{_voice(cue.speaker)}{''.join(parts)}"
        blocks.append(f"\n{clock(start, '.')} --> {clock(end, '.')}\n{line}\n")
    return "".join(("WEBVTT\n", *blocks))


def _voice(speaker: str | None) -> str:
    # A voice tag around all of a cue needs no end tag (WebVTT, section 4.2.2).
    return f"<v {escape(clean(speaker), quote=False)}>" if speaker else ""


def in_milliseconds(cues: Iterable[Cue]) -> Iterator[tuple[int, int, str]]:
    """
    Start, end and text of each cue, rounded so that none overlaps the one before on its channel or lasts no
    time.
    """
    previous_ends: dict[int | None, int] = {}
    for cue in cues:
        start = max(milliseconds(cue.start), previous_ends.get(cue.channel, 0))
        end = previous_ends[cue.channel] = max(milliseconds(cue.end), start + 1)
        yield start, end, "\n".join(cue.lines)


def milliseconds(seconds: float) -> int:
    """A time in whole milliseconds."""
    # Halves always go up: two times that are whole milliseconds apart stay so.
    return (round(seconds * 10_000) + 5) // 10


def clock(milliseconds: int, separator: str) -> str:
    """A time as `HH:MM:SS`, the separator, and milliseconds."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{milliseconds:03}"
