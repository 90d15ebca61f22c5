"""What `pip install .` brings, in an environment with nothing else in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from uv import find_uv_bin

from tests import tiny_whisper
from tests.simulator import render, talk
from tests.simulator.process import simulator_process

ROOT = Path(__file__).parent.parent
SCRIPT = talk(20.0, seed=3)

pytestmark = [pytest.mark.slow, pytest.mark.long]


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that holds the product and what it depends on."""

    bin: Path
    home: Path

    def run(self, *arguments: str | Path, **settings: str | Path) -> str:
        """Run `audio-tools` with these settings alone; return what it prints. It must succeed."""
        ended = subprocess.run(
            [self.bin / "audio-tools", *arguments],
            env={
                "PATH": str(self.bin),
                "HOME": str(self.home),
                "DATA_DIR": str(self.home / "data"),
                **{name.upper(): str(value) for name, value in settings.items()},
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def words(self, media: Path, **settings: str | Path) -> list[str]:
        """Transcribe a file; return its words."""
        self.run("transcribe", media, "-o", self.home / "out", "-f", "json", **settings)
        transcript = json.loads((self.home / "out" / f"{media.stem}.json").read_text())
        return [word["word"] for word in transcript["words"]]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as users install it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, ROOT], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    """The OpenAI API on this machine."""
    with simulator_process() as address:
        yield address


def install(wheel: Path, extras: str, folder: Path) -> Installed:
    """Make an environment and install the project into it, as pip would without a lock file."""
    environment = {**os.environ, "VIRTUAL_ENV": str(folder / "venv")}
    for command in (
        ["venv", "--quiet", "--python", sys.executable, folder / "venv"],
        ["pip", "install", "--quiet", f"audio-tools-backend{extras} @ {wheel.as_uri()}"],
    ):
        subprocess.run([find_uv_bin(), *command], env=environment, check=True)
    return Installed(folder / "venv" / ("Scripts" if os.name == "nt" else "bin"), folder)


@pytest.mark.parametrize("extra", ["", "local", "align", "redis", "mcp", "all"])
def test_an_installation_works(extra: str, wheel: Path, base_url: str, tmp_path: Path) -> None:
    """`doctor` finds no fault, and a recording is transcribed through the API; with `local` also without."""
    installed = install(wheel, f"[{extra}]" if extra else "", tmp_path)
    media = render(SCRIPT, tmp_path / "talk.mp4")
    api = {"openai_api_key": "sk-test", "openai_base_url": base_url, "rate_limit_delay": "0"}

    report = installed.run("doctor", **api)

    assert "FAULT" not in report
    assert ("ok     aligner" in report) == (extra in {"align", "all"} and has_wheel("pocketsphinx"))
    assert installed.words(media, align="off", **api) == [word.text for word in SCRIPT.words]
    if extra in {"local", "all"}:
        model = tiny_whisper.build(tmp_path / "model")
        said = installed.words(media, engine="whisper", whisper_model=model, silence_detection="level")
        assert said[:5] == ["This", "is", "a", "scripted", "test."]


def has_wheel(name: str) -> bool:
    """Return whether an optional library has a wheel for this Python and machine: then it is locked."""
    lines = (ROOT / "requirements" / "runtime.lock").read_text().splitlines()
    locked = [Requirement(line.rstrip(" \\")) for line in lines if line.startswith(name)]
    return any(line.marker is None or line.marker.evaluate() for line in locked)


def test_the_wheel_contains_the_page(wheel: Path) -> None:
    """With the JavaScript client that it imports, and without its tools."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("audio_tools/page/")[2] for name in archive.namelist()}

    assert {"web/src/index.html", "web/src/main.js", "clients/js/src/audio-tools.js"} <= names
    assert not any("node_modules" in name or name.endswith((".json", ".d.ts")) for name in names)


def test_the_wheel_runs_by_uvx(wheel: Path, tmp_path: Path) -> None:
    """Without an installation: an estimate of the cost of a file."""
    media = render(SCRIPT, tmp_path / "talk.mp4")
    uvx = [find_uv_bin(), "tool", "run", "--quiet", "--python", sys.executable, "--from", str(wheel)]
    ended = subprocess.run(
        [*uvx, "audio-tools", "transcribe", media, "--dry-run"],
        env={**os.environ, "OPENAI_API_KEY": "sk-none", "ENGINE": "openai"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "talk.mp4: 0:20 of audio" in ended.stdout
