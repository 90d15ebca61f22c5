r"""Windows' rules for names and paths, on every system."""

from __future__ import annotations

from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.system.paths import (
    LONGEST_PLAIN_PATH,
    extended_windows_path,
    is_plain_windows_path,
    windows_name,
)


@pytest.mark.parametrize(
    "path",
    [
        r"C:\talks\one.mp4",
        "d:/talks/one.mp4",
        r"C:\talks\..\one.mp4",
        r"C:\Müller & Söhne\日本.mov",
        r"C:\null\console.mp4",
        "C:\\" + "long\\" * 80 + "one.mp4",
    ],
)
def test_a_file_on_a_drive_is_plain(path: str) -> None:
    """Drive letters in both cases, both kinds of slashes, any length."""
    assert is_plain_windows_path(path)


@pytest.mark.parametrize(
    "path",
    [
        r"\\server\share\one.mp4",
        "//server/share/one.mp4",
        r"\\?\C:\one.mp4",
        r"\\.\PhysicalDrive0",
        r"\??\C:\one.mp4",
        r"C:one.mp4",
        r"\one.mp4",
        "one.mp4",
        "/srv/one.mp4",
        r"C:\NUL",
        r"C:\talks\nul.mp4",
        r"C:\talks\COM1 .txt",
        r"C:\com¹.wav\one.mp4",
        r"C:\CONIN$",
        r"C:\one.mp4:stream",
        r"C:\one.mp4.",
        "C:\\one.mp4 ",
        "C:\\one\x00.mp4",
        r"C:\on?.mp4",
        "",
    ],
)
def test_what_has_effects_or_another_meaning_is_not_plain(path: str) -> None:
    """Servers that Windows would sign in to, devices, streams, and names that it changes."""
    assert not is_plain_windows_path(path)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("talk", "talk"),
        ("10:30 talk", "10_30 talk"),
        ("talk.", "talk"),
        ("a/b\\c", "a_b_c"),
        ("NUL", "_NUL"),
        ("com1.backup", "_com1.backup"),
        ("Console", "Console"),
        (" . ", "_"),
        ("日本", "日本"),
    ],
)
def test_a_name_is_changed_as_little_as_possible(name: str, stored: str) -> None:
    """A transcript is stored under the recording's name wherever Windows has it."""
    assert windows_name(name) == stored


@given(st.text(min_size=1, max_size=50))
def test_every_name_can_be_stored(name: str) -> None:
    """Whatever a client calls its file; and what can be stored is not changed again."""
    stored = windows_name(name)

    assert is_plain_windows_path("C:\\" + stored)
    assert windows_name(stored) == stored


@pytest.mark.parametrize(
    ("path", "extended"),
    [
        (r"C:\short", r"C:\short"),
        ("C:\\" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
        ("C:/" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
        ("\\\\server\\share\\" + "x" * 300, "\\\\?\\UNC\\server\\share\\" + "x" * 300),
        ("\\\\?\\C:\\" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
        ("x" * 300, "x" * 300),
    ],
    ids=["short", "long", "slashes", "server", "extended", "relative"],
)
def test_long_paths_get_the_prefix(path: str, extended: str) -> None:
    """Without it Windows takes 260 characters."""
    assert extended_windows_path(PureWindowsPath(path)) == extended


def test_the_prefix_comes_as_late_as_it_may() -> None:
    """Programs that know no prefix keep working with paths of ordinary length."""
    longest = "C:\\" + "x" * (LONGEST_PLAIN_PATH - 3)

    assert extended_windows_path(PureWindowsPath(longest)) == longest
    assert extended_windows_path(PureWindowsPath(longest + "x")).startswith("\\\\?\\")
