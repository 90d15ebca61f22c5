"""Cues as TTML for Premiere and broadcasters: media time, one region at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from audio_tools.exports.cues import Cue
from audio_tools.exports.subtitles import clock, in_milliseconds
from audio_tools.exports.xml_text import xml_text


def write_ttml(cues: Sequence[Cue], language: str | None) -> str:
    """
    The cues as a TTML document.

    Args:
        cues: what to write.
        language: ISO-639-1 or a BCP 47 tag; None: unknown.
    """
    paragraphs = "".join(
        f'<p xml:id="c{number}" begin="{clock(start, ".")}" end="{clock(end, ".")}">'
        f"{'<br/>'.join(map(xml_text, text.splitlines()))}</p>\n"
        for number, (start, end, text) in enumerate(in_milliseconds(cues), start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" '
        f'xmlns:tts="http://www.w3.org/ns/ttml#styling" xml:lang="{xml_text(language or "")}" '
        'ttp:timeBase="media">\n'
        '<head>\n<styling><style xml:id="s1" tts:fontFamily="proportionalSansSerif" tts:fontSize="100%" '
        'tts:color="white" tts:textAlign="center"/></styling>\n'
        '<layout><region xml:id="r1" tts:origin="10% 80%" tts:extent="80% 15%" tts:displayAlign="after"/>'
        "</layout>\n"
        f'</head>\n<body region="r1" style="s1">\n<div>\n{paragraphs}</div>\n</body>\n</tt>\n'
    )
