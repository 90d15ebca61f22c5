"""`audio-tools doctor`: is everything here that a transcription needs, and how to mend what is not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import click

from audio_tools import __version__
from audio_tools.errors import AudioToolsError
from audio_tools.settings import Settings

LITTLE_SPACE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `ok` None: not needed with these settings, worth knowing."""

    subject: str
    ok: bool | None
    text: str


@click.command("doctor")
def command() -> None:
    """Check FFmpeg, engines, model, key and folders; exit code 2 if a transcription would fail."""
    findings = list(examine(Settings.load()))
    marks = {True: "ok     ", False: "missing", None: "-      "}
    click.echo(f"audio-tools {__version__}")
    for finding in findings:
        click.echo(f"{marks[finding.ok]}  {finding.subject}: {finding.text}")
    if any(finding.ok is False for finding in findings):
        raise SystemExit(2)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that a transcription needs; nothing is downloaded, nothing is sent."""
    checks: dict[str, Callable[[Settings], Finding]] = {
        "ffmpeg": _ffmpeg,
        "engine": _engine,
        "openai": _openai,
        "whisper": _whisper,
        "data folder": _data_dir,
    }
    for subject, check in checks.items():
        try:
            yield check(settings)
        except AudioToolsError as error:
            yield Finding(subject, False, f"{error.message} {error.hint}".strip())


def _ffmpeg(settings: Settings) -> Finding:
    from audio_tools.media.ffmpeg import ffmpeg_version, find_ffmpeg

    ffmpeg = find_ffmpeg(settings.ffmpeg_path)
    return Finding("ffmpeg", True, f"{ffmpeg_version(ffmpeg)} at {ffmpeg}")


def _engine(settings: Settings) -> Finding:
    from audio_tools.engines import choose_engine
    from audio_tools.options import Options

    return Finding("engine", True, f"{choose_engine(settings, Options())} (ENGINE is {settings.engine})")


def _openai(settings: Settings) -> Finding:
    server = f"{settings.openai_model} at {settings.openai_base_url}"
    if settings.openai_api_key:
        return Finding("openai", True, f"{server}, key set")
    needed = settings.engine == "openai"
    return Finding("openai", False if needed else None, f"{server}, no key: set OPENAI_API_KEY to use it")


def _whisper(settings: Settings) -> Finding:
    needed = settings.engine == "whisper" or (settings.engine == "auto" and not settings.openai_api_key)
    if not find_spec("faster_whisper"):
        hint = "not installed: pip install 'audio-tools-backend[local]'"
        return Finding("whisper", False if needed else None, hint)
    from audio_tools.engines.weights import describe_weights

    return Finding("whisper", True, describe_weights(settings.whisper_model, settings.data_dir))


def _data_dir(settings: Settings) -> Finding:
    folder = settings.data_dir
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", False, f"{folder} cannot be written: set DATA_DIR to one that can")
    free = shutil.disk_usage(existing).free
    text = f"{folder}, {free / 1024**3:.0f} GiB free"
    if free < LITTLE_SPACE_BYTES:
        return Finding("data folder", False, f"{text}: make room, or set DATA_DIR to a larger disk")
    return Finding("data folder", True, text)
