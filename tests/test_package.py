"""What is published: the packages are built reproducibly, and the documentation builds as a site."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def build(target: str, source: Path, folder: Path) -> Path:
    """A wheel or an sdist of a source tree."""
    script = f"from hatchling.build import build_{target} as build; print(build({str(folder)!r}))"
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=source, check=True, capture_output=True, text=True
    )
    return folder / run.stdout.split()[-1]


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def test_packages_are_reproducible(tmp_path: Path) -> None:
    """The same source gives the same sdist, and the sdist the same wheel, so that anyone can check them."""
    again = tmp_path / "again"
    again.mkdir()
    sdist = build("sdist", ROOT, tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")

    assert digest(sdist) == digest(build("sdist", ROOT, again))
    assert digest(build("wheel", ROOT, tmp_path)) == digest(build("wheel", unpacked, again))
    assert sdist.stat().st_size < 10_000_000
    assert not list(unpacked.glob("**/node_modules"))


def test_the_documentation_builds_as_a_site(tmp_path: Path) -> None:
    """Without a warning: every link and every anchor leads somewhere."""
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--config-file",
            ROOT / "mkdocs.yml",
            "--site-dir",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert (tmp_path / "http-api.html").is_file()
