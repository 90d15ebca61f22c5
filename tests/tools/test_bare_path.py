"""A PATH without some programs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tools.bare_path import bare_path


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name == "nt", reason="links to programs need a privilege on Windows")
def test_only_the_hidden_program_is_gone(tmp_path: Path) -> None:
    """Everything beside it is found, and folders without it stay as they are."""
    program(tmp_path / "bin" / "ffmpeg")
    program(tmp_path / "bin" / "git")
    make = program(tmp_path / "other" / "make")
    path = os.pathsep.join([str(tmp_path / "bin"), str(tmp_path / "missing"), str(tmp_path / "other")])

    bare = bare_path(("ffmpeg",), tmp_path / "links", path)

    assert shutil.which("ffmpeg", path=bare) is None
    assert shutil.which("git", path=bare) == str(tmp_path / "links" / "0" / "git")
    assert shutil.which("make", path=bare) == str(make)
    assert bare_path(("ffmpeg",), tmp_path / "links", path) == bare
