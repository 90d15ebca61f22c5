"""The formats a transcript can be exported to: one entry each, with its name, its file and its writer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePath

from audio_tools.errors import InvalidOption
from audio_tools.exports.adobe import write_adobe
from audio_tools.exports.after_cut import after_cut
from audio_tools.exports.ass import write_ass
from audio_tools.exports.auto_editor import write_auto_editor
from audio_tools.exports.caption_report import BrokenRule, check_cues
from audio_tools.exports.caption_rules import caption_rules
from audio_tools.exports.cues import Cue, CueRules, cut_channel_cues, cut_cues
from audio_tools.exports.cut_options import CutOptions, Mode
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.edl import write_edl, write_marker_edl
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.fcp7 import write_xmeml
from audio_tools.exports.fcpxml import write_fcpxml
from audio_tools.exports.karaoke import one_word_cues
from audio_tools.exports.otio import write_otio
from audio_tools.exports.phrases import tokenize
from audio_tools.exports.plan_csv import write_csv
from audio_tools.exports.plan_json import plan_to_json
from audio_tools.exports.profanity import find_profanity, mask
from audio_tools.exports.source import media_reference, spoken_words
from audio_tools.exports.subtitles import to_karaoke_vtt, to_srt, to_vtt
from audio_tools.exports.text import to_txt
from audio_tools.exports.timeline import MediaReference, Timeline
from audio_tools.exports.ttml import write_ttml
from audio_tools.transcript import Transcript, Word
from audio_tools.words.channels import in_turns

ZERO, ONE_HOUR = "00:00:00:00", "01:00:00:00"


@dataclass(frozen=True)
class Export:
    """
    The input of an export: the transcript of the file `file_name`, and optionally a cut plan.

    With a plan, captions and text are those of the cut sequence; without one they are those of the media, and
    the formats that show a cut plan one with the default options.
    """

    transcript: Transcript
    file_name: str
    plan: CutPlan | None = None
    options: ExportOptions = field(default_factory=ExportOptions)

    @cached_property
    def media(self) -> MediaReference:
        """The media file, as the plan counts its frames."""
        if self.plan is not None:
            return replace(self.plan.media, path=self.options.media_path or self.plan.media.path)
        return media_reference(self.transcript, self.file_name, path=self.options.media_path)

    def plan_or_default(self, mode: Mode = "remove") -> CutPlan:
        """The plan, or one with the default options."""
        if self.plan is not None:
            return replace(self.plan, media=self.media)
        return plan_cuts(self.transcript, self.media, CutOptions(mode=mode))

    def timeline(self, mode: Mode = "remove") -> Timeline:
        """The sequence of the plan."""
        name = self.options.sequence_name or PurePath(self.file_name).stem or self.file_name
        return self.plan_or_default(mode).timeline(name)

    def sequence_start(self, default: str = ZERO) -> str:
        """
        The timecode of the sequence's first frame.

        Raises:
            InvalidOption: there is no such timecode at the frame rate.
        """
        wanted = self.options.sequence_timecode
        if wanted is None:
            return default
        try:
            Timeline("", self.media, ()).start_frame(wanted)
        except ValueError:
            allowed = f"a timecode that exists at {self.media.timebase.rate} frames per second"
            raise InvalidOption("sequenceTimecode", wanted, allowed) from None
        return wanted

    @cached_property
    def spoken(self) -> Transcript:
        """The transcript whose times and words captions show."""
        transcript = self.transcript if self.plan is None else after_cut(self.transcript, self.plan)
        words = spoken_words(transcript) if self.plan is None else transcript.words
        if self.options.mask_profanity:
            words = mask(words, find_profanity(words, tokenize(words), transcript.language))
        return replace(transcript, words=tuple(words))

    @property
    def words(self) -> Sequence[Word]:
        """The words that captions show."""
        return self.spoken.words

    @cached_property
    def rules(self) -> CueRules:
        """The rules of the captions, for the script of the words."""
        given = self.options
        return caption_rules(
            self.words,
            given.captions,
            frame_rate=self.transcript.media.frame_rate,
            audience=given.audience,
            max_chars=given.max_chars,
            max_lines=given.max_lines,
            max_cps=given.max_cps,
        )

    def cues(self, *, names: bool = False) -> list[Cue]:
        """The captions; with `names` those of speakers stand in the text."""
        if self.options.word_timing == "word":
            return one_word_cues(self.words, self.spoken.duration)
        cut = cut_channel_cues if self.words and self.words[0].channel is not None else cut_cues
        return cut(self.words, replace(self.rules, names=names), media_end=self.spoken.duration)

    def caption_report(self) -> list[BrokenRule]:
        """The rules that the captions (those of the SRT file) break."""
        return check_cues(self.cues(names=True), self.rules)

    def label(self) -> Callable[[float], str] | None:
        """Converts a time to a timecode; None if text has no timecodes."""
        if not self.options.timecode:
            return None
        timebase = self.media.timebase
        if self.plan is not None:
            timebase = replace(timebase, start_timecode=self.sequence_start(), origin_us=0)
        return lambda seconds: timebase.timecode(timebase.floor(round(seconds * 1000)))


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
