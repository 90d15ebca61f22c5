"""The options of exported files: one description for JSON (camelCase) and for the command line."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audio_tools.exports.caption_rules import Audience, Preset
from audio_tools.options import OptionsModel

WordTiming = Literal["none", "karaoke", "word"]


class ExportOptions(OptionsModel):
    """How files refer to the media and show words. Each format uses the options that apply to it."""

    media_path: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="Path or URL of the media file as the editing program sees it; default: its name.",
    )
    sequence_name: str | None = Field(
        None, min_length=1, max_length=200, description="Name of the sequence; default: the name of the file."
    )
    sequence_timecode: str | None = Field(
        None,
        pattern=r"^\d\d:[0-5]\d:[0-5]\d[:;]\d\d\d?$",
        examples=["01:00:00:00"],
        description="Timecode at which the sequence starts; default: 01:00:00:00 in an EDL, else zero.",
    )
    premiere_language: str | None = Field(
        None,
        pattern=r"^[A-Za-z]{2,3}-[A-Za-z]{2,4}$",
        examples=["en-gb"],
        description="Language variant in Premiere's transcript, such as en-gb; default: the transcript's "
        "language.",
    )
    captions: Preset = Field("netflix", description="Style guide for captions.")
    audience: Audience = Field("adults", description="Audience of the captions; children read more slowly.")
    max_chars: int | None = Field(
        None,
        ge=4,
        le=200,
        description="Maximum characters per caption line; default: set by the style guide.",
    )
    max_lines: int | None = Field(
        None, ge=1, le=4, description="Maximum lines per caption; default: set by the style guide."
    )
    max_cps: float | None = Field(
        None,
        ge=1,
        le=100,
        description="Maximum reading speed, characters per second; default: set by the style guide.",
    )
    word_timing: WordTiming = Field(
        "none",
        description="Word-level captions: `karaoke` highlights each word as it is spoken (ass, vtt); "
        "`word` shows one word per cue.",
    )
    timecode: bool = Field(False, description="Add a timecode before each paragraph in txt output.")
    mask_profanity: bool = Field(False, description="Mask profanity in captions and text: f***.")
