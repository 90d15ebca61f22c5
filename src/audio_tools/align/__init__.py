"""Words on the samples: the aligner that is installed here."""

from __future__ import annotations

import os
from typing import Literal

from audio_tools.align.base import Aligner
from audio_tools.align.sphinx import SphinxAligner, is_installed


def make_aligner(wanted: Literal["auto", "off"]) -> Aligner | None:
    """The aligner of this process; None where none is wanted or installed, so that engines' times stay."""
    if wanted == "off" or not is_installed():
        return None
    return SphinxAligner(max((os.cpu_count() or 1) - 1, 1))
