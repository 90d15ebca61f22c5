"""Create the aligner of the settings."""

from __future__ import annotations

from audio_tools.alignment import make_aligner
from audio_tools.alignment.base import Aligner
from audio_tools.engines.registry import LANGUAGES, make_word_timer
from audio_tools.settings import Settings


def build_aligner(settings: Settings) -> Aligner | None:
    """
    Return the aligner of this process; None if none is wanted or installed.

    Raises:
        ConfigError: ALIGN_MODEL names a folder without a model or its vocabulary.
    """
    return make_aligner(
        settings.align, make_word_timer(settings), model=settings.align_model, languages=LANGUAGES
    )
