"""Cues as Advanced SubStation Alpha, with the words lit as they are spoken (karaoke) if wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from audio_tools.exports.cues import Cue
from audio_tools.exports.karaoke import TimedText, timed_words
from audio_tools.exports.text import clean
from audio_tools.transcript import Word

_HEADER = """[Script Info]
ScriptType: v4.00+
WrapStyle: 2
ScaledBorderAndShadow: yes
PlayResX: {width}
PlayResY: {height}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, \
MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,{size},&H00FFFFFF,&H0000FFFF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,{outline},0,2,\
{margin},{margin},{margin},1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def write_ass(
    cues: Sequence[Cue],
    words: Sequence[Word] | None = None,
    *,
    width: int | None = None,
    height: int | None = None,
) -> str:
    """
    The cues as an .ass document.

    Args:
        cues: what to write.
        words: those that the cues were cut from, to light each at its time; None: plain cues.
        width, height: of the picture in pixels; default: 1920 by 1080.
    """
    height = height or 1080
    header = _HEADER.format(
        width=width or 1920,
        height=height,
        size=height // 18,
        outline=max(1, height // 360),
        margin=height // 18,
    )
    if words is None:
        lines: Iterable[tuple[Cue, str]] = ((cue, r"\N".join(map(_escape, cue.lines))) for cue in cues)
    else:
        lines = ((cue, _karaoke(cue, texts)) for cue, texts in timed_words(cues, words))
    return header + "".join(
        f"Dialogue: 0,{_clock(cue.start)},{_clock(cue.end)},Default,{_name(cue.speaker)},0,0,0,,{text}\n"
        for cue, text in lines
    )


def _karaoke(cue: Cue, texts: Sequence[TimedText]) -> str:
    """`{\\k20}word`: each word is lit from its start until the next begins, in hundredths of a second."""
    starts = [_hundredths(text.start) for text in texts[1:]]
    begin = _hundredths(cue.start)
    parts = []
    for text, behind in zip(texts, [*starts, _hundredths(cue.end)], strict=True):
        before = r"\N" if text.before == "\n" else text.before
        length = max(0, behind - begin)
        parts.append(f"{before}{{\\k{length}}}{_escape(text.text)}")
        begin = max(begin, behind)
    return "".join(parts)


def _escape(text: str) -> str:
    # Braces begin override codes, and a backslash one of the codes for line breaks.
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _name(speaker: str | None) -> str:
    # Fields are comma-separated.
    return clean(speaker or "").replace(",", ";")


def _hundredths(seconds: float) -> int:
    return round(seconds * 100)


def _clock(seconds: float) -> str:
    total, hundredths = divmod(_hundredths(seconds), 100)
    minutes, second = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}.{hundredths:02}"
