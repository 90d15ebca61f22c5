"""`audio-tools transcribe`: recordings in, transcripts and subtitles out."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from audio_tools.cli.progress import ProgressLine, summary
from audio_tools.errors import AudioToolsError, ConfigError, EngineNotReady, EngineRefused, InvalidOption
from audio_tools.options import AudioFormat, EngineName, Options

if TYPE_CHECKING:
    from audio_tools.settings import Settings
    from audio_tools.transcribe import Tools

TYPES: dict[str, dict[str, Any]] = {
    "engine": {"type": click.Choice(get_args(EngineName))},
    "model": {"metavar": "NAME"},
    "language": {"metavar": "CODE"},
    "prompt": {"metavar": "TEXT"},
    "audio_stream": {"type": int, "metavar": "N"},
    "silence_threshold": {"type": float, "metavar": "SECONDS"},
    "silence_detection": {"type": click.Choice(["auto", "level", "vad"])},
    "chunk_size": {"type": int, "metavar": "BYTES"},
    "max_concurrent": {"type": int, "metavar": "N"},
    "rate_limit_delay": {"type": int, "metavar": "MS"},
    "audio_format": {"type": click.Choice(get_args(AudioFormat))},
    "sample_rate": {"type": int, "metavar": "HZ"},
    "channels": {"type": int, "metavar": "N"},
}
"""How each processing option reads on the command line; its help text is that of `Options`."""


def processing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one flag for each processing option of a job."""
    for name in reversed(TYPES):
        field = Options.model_fields[name]
        default = "" if field.default is None else f"  [default: {field.default}]"
        flag = "--" + name.replace("_", "-")
        command = click.option(flag, name, help=f"{field.description}{default}", **TYPES[name])(command)
    return command


def parse_options(given: dict[str, Any]) -> Options:
    """The flags of `processing_options` as options; an error names the flag."""
    try:
        return Options.parse(given)[0]
    except InvalidOption as error:
        flag = "--" + error.option.replace("_", "-")
        raise InvalidOption(flag, error.value, error.allowed) from None


@click.command("transcribe")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), default=Path()
)
@click.option(
    "-f", "--formats", default="json,srt,vtt,txt", show_default=True, help="What to write, by commas."
)
@click.option("--data-dir", metavar="DIR", type=click.Path(path_type=Path), help="Where results are kept.")
@processing_options
def command(files: tuple[Path, ...], output: Path, formats: str, data_dir: Path | None, **given: Any) -> None:
    """
    Turn recordings into words, silences and subtitles.

    Interrupt it at any time: the same command again goes on where it was, and no chunk is sent twice.
    """
    from audio_tools.exports.files import parse_formats
    from audio_tools.settings import Settings

    options = parse_options(given)
    wanted = parse_formats(formats)
    settings = Settings.load(data_dir=data_dir)
    _check_names(files)
    _make_folder(output)
    try:
        failure = asyncio.run(_transcribe_all(files, output, wanted, options, settings))
    except asyncio.CancelledError:  # SIGTERM; SIGINT comes as KeyboardInterrupt
        raise KeyboardInterrupt from None
    if failure is not None:
        raise failure


def _make_folder(output: Path) -> None:
    """Find out before the work, not after it, that nothing can be written."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=output).close()
    except OSError as error:
        raise ConfigError(
            f"Nothing can be written to {output}: {error.strerror}.", hint="Choose another folder with -o."
        ) from None


def _check_names(files: tuple[Path, ...]) -> None:
    """Two inputs with one name would overwrite each other's transcripts."""
    names: dict[str, Path] = {}
    for file in files:
        other = names.setdefault(file.stem, file)
        if other is not file:
            raise ConfigError(
                f"{other} and {file} would both be written as {file.stem}.*.",
                hint="Give them to two commands with different -o folders.",
            )


async def _transcribe_all(
    files: tuple[Path, ...], output: Path, formats: tuple[str, ...], options: Options, settings: Settings
) -> AudioToolsError | None:
    """One file after the other; a bad file does not keep the next one from its turn."""
    from audio_tools.cli.wiring import make_tools

    # Whoever stops us politely (a terminal that closes, a supervisor) is treated like Ctrl-C.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    tools = make_tools(settings, options)
    failure: AudioToolsError | None = None
    try:
        for file in files:
            try:
                await _transcribe_one(file, output, formats, options, tools)
            except (ConfigError, EngineNotReady, EngineRefused):
                raise
            except AudioToolsError as error:
                if failure is not None or len(files) > 1:
                    click.echo(f"{file}: {error.message}", err=True)
                failure = failure or error
    except asyncio.CancelledError:
        click.echo("Stopped. The same command again goes on where this one was.", err=True)
        raise
    finally:
        await tools.close()
    return failure


async def _transcribe_one(
    file: Path, output: Path, formats: tuple[str, ...], options: Options, tools: Tools
) -> None:
    from audio_tools.exports.files import write
    from audio_tools.transcribe import transcribe

    started = time.monotonic()
    with ProgressLine(file.name) as line:
        transcript = await transcribe(file, options, tools, line.show)
        paths = await asyncio.to_thread(write, transcript, formats, output, file.stem)
    click.echo(summary(file.name, transcript, time.monotonic() - started))
    for warning in transcript.warnings:
        click.echo(f"  Note: {warning}", err=True)
    for failed in transcript.failed_chunks:
        click.echo(f"  Missing: {failed.start:.1f}-{failed.end:.1f} s: {failed.message}", err=True)
    for gap in transcript.gaps:
        click.echo(f"  No words were found for the sound at {gap.start:.1f}-{gap.end:.1f} s.", err=True)
    click.echo("  " + "  ".join(str(path) for path in paths))
