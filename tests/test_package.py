"""What a wheel and a source distribution contain."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from tools.architecture_page import PACKAGE

from audio_tools.lua import read_script

ROOT = Path(__file__).parent.parent
RESOURCES = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and path.suffix not in {".py", ".pyc"}
)


def test_archives_contain_every_resource(tmp_path: Path) -> None:
    """A script that is missing in an installation shows only when Redis is used."""
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    (source,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        installed = {name.removeprefix("audio_tools/") for name in archive.namelist()}
    with tarfile.open(source) as archive:
        packed = {name.partition("/src/audio_tools/")[2] for name in archive.getnames()}

    assert "py.typed" in RESOURCES
    assert "jobs/bullmq/lua/common.lua" in RESOURCES
    assert set(RESOURCES) <= installed
    assert set(RESOURCES) <= packed


def test_scripts_are_read_from_the_package() -> None:
    """By package and name; a wrong name is an error at once."""
    assert "redis.call" in read_script("audio_tools.engines", "acquire")
    with pytest.raises(FileNotFoundError):
        read_script("audio_tools.engines", "nowhere")
