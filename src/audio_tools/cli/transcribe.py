"""`audio-tools transcribe`: recordings in, transcripts and subtitles out."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from pydantic.alias_generators import to_camel

from audio_tools.cli._inputs import check_file
from audio_tools.cli._messages import counted, show_error
from audio_tools.cli._outputs import check_outputs, make_folder, output_options
from audio_tools.cli._write_transcript import Destination, deliver
from audio_tools.errors import (
    AudioToolsError,
    ConfigError,
    CostLimitReached,
    EngineNotReady,
    EngineRefused,
    InvalidOption,
)
from audio_tools.options import AudioFormat, EngineName, Options

if TYPE_CHECKING:
    from audio_tools.pipeline.transcribe import PipelineContext
    from audio_tools.settings import Settings

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
    "max_cost": {"type": float, "metavar": "USD"},
    "dry_run": {"is_flag": True, "default": None},
}
"""How each processing option reads on the command line; its help text is that of `Options`."""
ENDS_ALL = (ConfigError, EngineNotReady, EngineRefused)
"""What no other file would escape; a limit of the cost is that of one job."""


def processing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one flag for each processing option of a job."""
    for name in reversed(TYPES):
        field = Options.model_fields[name]
        default = "" if field.default is None else f"  [default: {field.default}]"
        command = click.option(_flag(name), name, help=f"{field.description}{default}", **TYPES[name])(
            command
        )
    return command


def parse_options(given: dict[str, Any]) -> Options:
    """The flags of `processing_options` as options; an error names the flag."""
    try:
        return Options.parse(given)[0]
    except InvalidOption as error:
        raise InvalidOption(_flag(error.option), error.value, error.allowed) from None


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")


@click.command("transcribe")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@output_options
@click.option("--data-dir", metavar="DIR", type=click.Path(path_type=Path), help="Where results are kept.")
@processing_options
def command(
    files: tuple[Path, ...], output: Path, formats: tuple[str, ...], data_dir: Path | None, **given: Any
) -> None:
    """
    Turn recordings into words, silences and subtitles.

    Interrupt it at any time: the same command again goes on where it was, and no chunk is sent twice.
    A file that fails does not keep the next one from its turn; the exit code is that of the first failure.
    """
    from audio_tools.settings import Settings

    options = parse_options(given)
    settings = Settings.load(data_dir=data_dir)
    wanted = _each_once(files)
    if not options.dry_run:
        check_outputs(wanted, output, formats)
    make_folder(settings.data_dir, hint="Set DATA_DIR, or --data-dir, to another folder.")
    try:
        failures = asyncio.run(_transcribe_all(wanted, Destination(output, formats), options, settings))
    except asyncio.CancelledError:  # SIGTERM; SIGINT comes as KeyboardInterrupt
        raise KeyboardInterrupt from None
    if failures:
        raise SystemExit(failures[0].exit_code)


def _each_once(files: Sequence[Path]) -> list[Path]:
    """The files without those that were named before."""
    seen: dict[tuple[Path, str], Path] = {}
    for file in files:
        # Two names of one file are two transcripts.
        if (key := (file.resolve(), file.stem)) in seen:
            click.echo(f"Note: {file} is named more than once; it is transcribed once.", err=True)
        seen.setdefault(key, file)
    return list(seen.values())


async def _transcribe_all(
    files: Sequence[Path], destination: Destination, options: Options, settings: Settings
) -> list[AudioToolsError]:
    """One file after the other; gives what went wrong, which has been shown."""
    from audio_tools.cli._pipeline import make_tools

    # Whoever stops us politely (a terminal that closes, a supervisor) is treated like Ctrl-C.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    tools = make_tools(settings, options)
    failures: list[AudioToolsError] = []
    begun = 0
    try:
        for begun, file in enumerate(files, start=1):  # noqa: B007
            try:
                await _transcribe_one(file, destination, options, tools)
            except AudioToolsError as error:
                failures.append(error)
                show_error(error, file.name if len(files) > 1 else "")
                if isinstance(error, ENDS_ALL) and not isinstance(error, CostLimitReached):
                    break
    except asyncio.CancelledError:
        click.echo("Stopped. The same command again goes on where this one was.", err=True)
        raise
    finally:
        await tools.close()
    if failures and len(files) > 1:
        left = f", {len(files) - begun} not begun" if begun < len(files) else ""
        click.echo(f"{len(failures)} of {counted(len(files), 'file')} failed{left}.", err=True)
    return failures


async def _transcribe_one(
    file: Path, destination: Destination, options: Options, tools: PipelineContext
) -> None:
    from audio_tools.cli._progress import ProgressLine
    from audio_tools.pipeline.transcribe import transcribe

    check_file(file)
    started = time.monotonic()
    try:
        with ProgressLine(file.name) as line:
            transcript = await transcribe(file, options, tools, line.show)
    except InvalidOption as error:
        raise InvalidOption(_as_given(error.option, options), error.value, error.allowed) from None
    await deliver(transcript, file, destination, time.monotonic() - started)


def _as_given(option: str, options: Options) -> str:
    """The flag of an option (`chunkSize`), or the variable where no flag was given."""
    name = next((field for field in TYPES if to_camel(field) == option), option)
    return _flag(name) if name in options.model_fields_set else name.upper()
