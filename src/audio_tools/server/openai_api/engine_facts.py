"""What the routes of OpenAI's API need to know of the engines, which other modules know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audio_tools.options import Options
from audio_tools.transcript import Json


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """
    Facts of the engines.

    `models`: the model names to list. `options_for`: the job options for a model name. `separates_speakers`:
    whether the model of a job does, as far as is known before it runs. `language_code`: ISO 639-1 for a name
    or a code, None if there is none. `language_names`: English names by code.
    """

    models: tuple[str, ...]
    options_for: Callable[[str], Json]
    separates_speakers: Callable[[Options], bool]
    language_code: Callable[[str], str | None]
    language_names: dict[str, str]
