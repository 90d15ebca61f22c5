"""The formats a transcript can be exported to: one entry each, with its name, its file and its writer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audio_tools.errors import InvalidOption
from audio_tools.exports.adobe import write_adobe
from audio_tools.exports.ass import write_ass
from audio_tools.exports.auto_editor import write_auto_editor
from audio_tools.exports.caption_report import check_cues
from audio_tools.exports.edl import write_edl, write_marker_edl
from audio_tools.exports.export import Export
from audio_tools.exports.fcp7 import write_xmeml
from audio_tools.exports.fcpxml import write_fcpxml
from audio_tools.exports.otio import write_otio
from audio_tools.exports.plan_csv import write_csv
from audio_tools.exports.plan_json import plan_to_json
from audio_tools.exports.source import spoken_words
from audio_tools.exports.subtitles import to_karaoke_vtt, to_srt, to_vtt
from audio_tools.exports.text import to_txt
from audio_tools.exports.ttml import write_ttml
from audio_tools.words.channels import in_turns

ONE_HOUR = "01:00:00:00"


@dataclass(frozen=True, slots=True)
class Format:
    """
    A kind of file.

    `extension` follows the name of the media, with its dot. `write` makes the documents: one, or several that
    continue each other. `options` are the export options that change them, by their names in Python.
    """

    name: str
    extension: str
    media_type: str
    description: str
    write: Callable[[Export], str | Sequence[str]]
    options: frozenset[str] = frozenset()


_SEQUENCE = frozenset({"media_path", "sequence_name", "sequence_timecode"})
_WORDS = frozenset(
    {"mask_profanity", "word_timing", "captions", "audience", "max_chars", "max_lines", "max_cps"}
)


def _json(export: Export) -> str:
    return export.transcript.to_json_text(indent=2).decode() + "\n"


def _vtt(export: Export) -> str:
    if export.options.word_timing == "karaoke":
        return to_karaoke_vtt(export.cues(), export.words)
    return to_vtt(export.cues())


def _ass(export: Export) -> str:
    words = export.words if export.options.word_timing == "karaoke" else None
    media = export.transcript.media
    return write_ass(export.cues(), words, width=media.width, height=media.height)


def _caption_report(export: Export) -> str:
    cues = export.cues(names=True)
    report = {
        "captions": len(cues),
        "captionReport": [broken.to_json() for broken in check_cues(cues, export.rules)],
    }
    return json.dumps(report, ensure_ascii=False, indent=1) + "\n"


def _cut_plan(export: Export) -> str:
    return json.dumps(plan_to_json(export.plan_or_default()), ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("json", ".json", "application/json", "The whole transcript", _json),
        Format(
            "srt",
            ".srt",
            "application/x-subrip; charset=utf-8",
            "Captions as SubRip",
            lambda export: to_srt(export.cues(names=True)),
            _WORDS,
        ),
        Format("vtt", ".vtt", "text/vtt; charset=utf-8", "Captions as WebVTT", _vtt, _WORDS),
        Format(
            "txt",
            ".txt",
            "text/plain; charset=utf-8",
            "Text in paragraphs, with speakers",
            lambda export: to_txt(in_turns(export.words), export.label()),
            frozenset({"timecode", "mask_profanity", "sequence_timecode"}),
        ),
        Format(
            "ass", ".ass", "text/x-ssa; charset=utf-8", "Captions as Advanced SubStation Alpha", _ass, _WORDS
        ),
        Format(
            "ttml",
            ".ttml",
            "application/ttml+xml; charset=utf-8",
            "Captions as TTML",
            lambda export: write_ttml(export.cues(names=True), export.transcript.language),
            _WORDS,
        ),
        Format(
            "caption-report",
            ".caption-report.json",
            "application/json",
            "The rules that the captions of srt cannot keep, with the reasons",
            _caption_report,
            _WORDS,
        ),
        Format(
            "premiere",
            ".premiere.json",
            "application/json",
            "Transcript for Premiere's text-based editing",
            lambda export: write_adobe(export.transcript, export.options.premiere_language),
            frozenset({"premiere_language"}),
        ),
        Format(
            "xmeml",
            ".xml",
            "application/xml",
            "Cut sequence as FCP7 XML, for Premiere and Resolve",
            lambda export: write_xmeml(export.timeline(), export.sequence_start()),
            _SEQUENCE,
        ),
        Format(
            "fcpxml",
            ".fcpxml",
            "application/xml",
            "Cut sequence as FCPXML 1.11, for Final Cut Pro and Resolve",
            lambda export: write_fcpxml(export.timeline(), export.sequence_start()),
            _SEQUENCE,
        ),
        Format(
            "otio",
            ".otio",
            "application/json",
            "Cut sequence as OpenTimelineIO",
            lambda export: write_otio(export.timeline(), export.sequence_start()),
            _SEQUENCE,
        ),
        Format(
            "edl",
            ".edl",
            "text/plain; charset=utf-8",
            "Cut sequence as CMX3600, in parts of 999 events",
            lambda export: write_edl(export.timeline(), export.sequence_start(ONE_HOUR)),
            _SEQUENCE - {"media_path"},
        ),
        Format(
            "edl-markers",
            ".markers.edl",
            "text/plain; charset=utf-8",
            "Markers for Resolve; without a cut plan, at the proposed cuts",
            lambda export: write_marker_edl(export.timeline("mark"), export.sequence_start(ONE_HOUR)),
            _SEQUENCE - {"media_path"},
        ),
        Format(
            "auto-editor",
            ".auto-editor.json",
            "application/json",
            "Cuts in auto-editor's v1 format",
            lambda export: write_auto_editor(export.plan_or_default()),
            frozenset({"media_path"}),
        ),
        Format(
            "csv",
            ".csv",
            "text/csv; charset=utf-8",
            "Kept and cut ranges, markers and words as a table",
            lambda export: write_csv(export.plan_or_default(), spoken_words(export.transcript)),
        ),
        Format(
            "cut-plan",
            ".cut-plan.json",
            "application/json",
            "The cut plan itself",
            _cut_plan,
        ),
    )
}
"""Every format by its name."""


@dataclass(frozen=True, slots=True)
class Document:
    """One exported file: what follows the name of the media, and the bytes."""

    suffix: str
    data: bytes


def render(name: str, export: Export) -> list[Document]:
    """
    The documents of a format; several continue each other: `.edl`, `.2.edl` …

    Raises:
        InvalidOption: the format is unknown, or an option does not fit the media.
        ExportError: the transcript cannot be written in this format.
    """
    entry = FORMATS[require_format(name)]
    written = entry.write(export)
    texts = [written] if isinstance(written, str) else written
    return [
        # JSON from an engine can hold lone surrogates, which UTF-8 cannot.
        Document(
            f".{number}{entry.extension}" if number > 1 else entry.extension, text.encode(errors="replace")
        )
        for number, text in enumerate(texts, start=1)
    ]


def require_format(name: str) -> str:
    """
    Return the name as it is in `FORMATS`, ignoring case and surrounding white space.

    Raises:
        InvalidOption: there is no such format.
    """
    known = name.strip().lower()
    if known not in FORMATS:
        raise InvalidOption("format", name, f"one of {', '.join(FORMATS)}", required=True)
    return known
