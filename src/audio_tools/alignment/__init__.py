"""Words on the samples: the aligners that are installed here."""

from __future__ import annotations

import os
from typing import Literal

from audio_tools.alignment.base import Aligner
from audio_tools.alignment.by_language import AlignerByLanguage
from audio_tools.alignment.pocketsphinx.aligner import SphinxAligner, is_installed
from audio_tools.alignment.whisper import WhisperAligner, WordTimer


def make_aligner(wanted: Literal["auto", "off"], ear: WordTimer | None = None) -> Aligner | None:
    """
    The aligner of this process; None where none is wanted or installed, so that engines' times stay.

    Args:
        wanted: the setting ALIGN.
        ear: hears other languages than English; None: nobody does.
    """
    aligners: list[Aligner] = []
    if wanted == "auto" and is_installed():
        aligners.append(SphinxAligner(max((os.cpu_count() or 1) - 1, 1)))
    if wanted == "auto" and ear is not None:
        aligners.append(WhisperAligner(ear))
    return AlignerByLanguage(aligners) if len(aligners) > 1 else next(iter(aligners), None)
