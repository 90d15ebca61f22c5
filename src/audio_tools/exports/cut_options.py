"""The options of a cut plan: one description for JSON (camelCase) and the command line (`--kebab-case`)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from audio_tools.options import NOT_ALLOWED, OptionsModel

Preset = Literal["tight", "balanced", "loose"]
Mode = Literal["remove", "mark", "mute", "speed"]
Action = Literal["keep", "mark", "remove"]

NTSC_RATES = tuple(Fraction(fps * 1000, 1001) for fps in (24, 30, 48, 60, 120))
LOWEST_RATE, HIGHEST_RATE = 1, 1000
FRAME_RATES = f"a frame rate from {LOWEST_RATE} to {HIGHEST_RATE}, like 25, 29.97 or 30000/1001"


def exact_rate(rate: Fraction) -> Fraction:
    """Return the NTSC rate that a rate of two or three decimals means, else the rate itself."""
    return next((ntsc for ntsc in NTSC_RATES if abs(ntsc - rate) < Fraction(1, 200)), rate)


def parse_frame_rate(value: object) -> Fraction:
    """
    A frame rate from `30000/1001`, `29.97` or 25; decimals near an NTSC rate are that rate, exactly.

    Raises:
        ValueError: `value` is not a frame rate from 1 to 1000.
    """
    try:
        rate = Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{value!r} is not a frame rate") from None
    rate = exact_rate(rate)
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ValueError(f"{value!r} is not a frame rate from {LOWEST_RATE} to {HIGHEST_RATE}")
    return rate


def _frame_rate_text(value: object) -> str | None:
    if value is None:
        return None
    try:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise ValueError
        rate = parse_frame_rate(value)
    except ValueError:
        raise PydanticCustomError(NOT_ALLOWED, FRAME_RATES) from None
    return f"{rate.numerator}/{rate.denominator}" if rate.denominator > 1 else str(rate.numerator)


class RangeOption(BaseModel):
    """A range of the media in seconds, or of words by their index in the transcript, both ends included."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
    )

    start: float | None = Field(None, description="Start, seconds.")
    end: float | None = Field(None, description="End, seconds.")
    first_word: int | None = Field(None, description="Index of the first word.")
    last_word: int | None = Field(None, description="Index of the last word, included.")


class CutOptions(OptionsModel):
    """What a cut plan keeps and removes. Durations that are omitted follow the preset."""

    preset: Preset = Field(
        "balanced", description="Cutting style; sets the defaults for the durations below."
    )
    min_silence: float | None = Field(
        None,
        ge=0.1,
        le=3600,
        description="Shortest silence to cut, seconds (default: tight 0.3, balanced 0.5, loose 0.8).",
    )
    pad_before: float | None = Field(
        None,
        ge=0,
        le=10,
        description="Silence kept before speech, seconds (default: tight 0.05, balanced 0.1, loose 0.2).",
    )
    pad_after: float | None = Field(
        None,
        ge=0,
        le=10,
        description="Silence kept after speech, seconds (default: tight 0.08, balanced 0.2, loose 0.3).",
    )
    min_clip: float | None = Field(
        None,
        ge=0,
        le=60,
        description="Drop clips that contain no words and are shorter than this, seconds "
        "(default: tight 0.15, balanced 0.25, loose 0.4).",
    )
    merge_gap: float | None = Field(
        None,
        ge=0,
        le=60,
        description="Skip silence cuts shorter than this, seconds "
        "(default: tight 0.1, balanced 0.15, loose 0.2).",
    )
    max_kept_pause: float | None = Field(
        None, ge=0, le=3600, description="Shorten pauses to this length instead of removing them, seconds."
    )
    mode: Mode = Field(
        "remove", description="Treatment of cut ranges: remove, only mark, mute, or play faster."
    )
    speed_factor: float = Field(4.0, ge=1.1, le=100, description="Speed of cut ranges with mode `speed`.")
    silences: Action = Field("remove", description="What to do with silences.")
    fillers: Action = Field("keep", description="What to do with filler words such as um and uh.")
    retakes: Action = Field("keep", description="What to do with repeated takes, false starts and stutters.")
    profanity: Action = Field("keep", description="What to do with profanity.")
    filler_words: list[str] | None = Field(
        None,
        max_length=1000,
        description="Filler words and phrases, replacing the built-in list for the language.",
    )
    profanity_words: list[str] | None = Field(
        None,
        max_length=1000,
        description="Profane words and phrases, replacing the built-in list for the language.",
    )
    keep: list[RangeOption] = Field(
        [], max_length=100_000, description="Ranges to always keep, even where they overlap ranges to cut."
    )
    cut: list[RangeOption] = Field([], max_length=100_000, description="Ranges to cut.")
    frame_rate: Annotated[
        str | None, BeforeValidator(_frame_rate_text), WithJsonSchema({"type": ["string", "number"]})
    ] = Field(
        None,
        examples=["30000/1001"],
        description="Frame rate, such as 25, 29.97 or 30000/1001; default: that of the video, else 25.",
    )
    start_timecode: str | None = Field(
        None,
        pattern=r"^\d\d:[0-5]\d:[0-5]\d[:;]\d\d\d?$",
        examples=["01:00:00:00"],
        description="Timecode of the first frame, HH:MM:SS:FF, or HH:MM:SS;FF for drop-frame; "
        "default: that of the file.",
    )


@dataclass(frozen=True, slots=True)
class Lengths:
    """The times of a plan in milliseconds."""

    min_silence: int
    pad_before: int
    pad_after: int
    min_clip: int
    merge_gap: int
    max_kept_pause: int | None


PRESETS: dict[Preset, Lengths] = {
    "tight": Lengths(300, 50, 80, 150, 100, None),
    "balanced": Lengths(500, 100, 200, 250, 150, None),
    "loose": Lengths(800, 200, 300, 400, 200, None),
}


def lengths_of(options: CutOptions) -> Lengths:
    """The times of the options, with the preset's for those left out, in milliseconds."""
    preset = PRESETS[options.preset]

    def pick(value: float | None, default: int) -> int:
        return default if value is None else round(value * 1000)

    kept = options.max_kept_pause
    return Lengths(
        pick(options.min_silence, preset.min_silence),
        pick(options.pad_before, preset.pad_before),
        pick(options.pad_after, preset.pad_after),
        pick(options.min_clip, preset.min_clip),
        pick(options.merge_gap, preset.merge_gap),
        None if kept is None else round(kept * 1000),
    )
