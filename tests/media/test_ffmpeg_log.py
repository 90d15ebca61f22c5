"""Understanding what FFmpeg says."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio_tools.media.ffmpeg import local_file
from audio_tools.media.ffmpeg_log import KNOWN_COMPLAINTS, Reason, reason


@pytest.mark.parametrize(("complaint", "meaning", "hint"), KNOWN_COMPLAINTS)
def test_known_complaints_are_explained(complaint: str, meaning: str, hint: str) -> None:
    """What FFmpeg says often is said in words that an editor understands."""
    assert reason(f"something\n{complaint} 'x'\n", Path("/media/a.mp4")) == Reason(meaning, hint)


def test_other_complaints_are_quoted_without_folders() -> None:
    """The last two different complaints are quoted, with the name of the file but not its folder."""
    path = Path("/srv/secret/a.mp4")
    complaints = f"first\nworse.\nfirst\n{local_file(path)}: worst\n\n"

    assert reason(complaints, path).why == "it is damaged (FFmpeg says: worse; a.mp4: worst)"


def test_no_complaint_at_all_is_explained_too() -> None:
    """Where libav gives no reason the message still says what to do."""
    cause = reason("\n", Path("a.mp4"))

    assert cause.why
    assert cause.hint
