"""`audio-tools transcribe`: transcribe local files, without a service; Ctrl-C and SIGTERM stop it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from pydantic.alias_generators import to_camel

from audio_tools.cli._inputs import check_file, find_sources, media_argument, show_position
from audio_tools.cli._messages import counted, say, show_error
from audio_tools.cli._outputs import (
    Destination,
    Output,
    beside_option,
    make_folder,
    output_options,
    plan_outputs,
)
from audio_tools.cli._write_transcript import Delivery, deliver, say_what_to_do
from audio_tools.cli._written_files import WrittenFiles
from audio_tools.errors import (
    AudioToolsError,
    ConfigError,
    CostLimitReached,
    EngineNotReady,
    EngineRefused,
    InvalidOption,
)
from audio_tools.options import AudioFormat, ChannelMode, EngineName, Options, Task
from audio_tools.system.processes import on_signals

if TYPE_CHECKING:
    from audio_tools.pipeline.transcribe import PipelineContext
    from audio_tools.settings import Settings

TYPES: dict[str, dict[str, Any]] = {
    "engine": {"type": click.Choice(get_args(EngineName))},
    "model": {"metavar": "NAME"},
    "language": {"metavar": "CODE"},
    "task": {"type": click.Choice(get_args(Task)), "default": None},
    "prompt": {"metavar": "TEXT"},
    "audio_stream": {"type": int, "metavar": "N"},
    "channel_mode": {"type": click.Choice(get_args(ChannelMode)), "default": None},
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
        default = "" if field.default in (None, False) else f"  [default: {field.default}]"
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
@media_argument
@output_options
@beside_option
@click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Data directory for cached chunk results.",
)
@processing_options
def command(files: tuple[Path, ...], destination: Destination, data_dir: Path | None, **given: Any) -> None:
    """
    Transcribe recordings: words, silences and subtitles.

    For a folder, all media files in it and its subfolders are processed. Safe to interrupt: run the same
    command again to resume; finished chunks are not sent again. If one file fails, the others are still
    processed, and the exit code is that of the first failure.
    """
    from audio_tools.settings import Settings

    options = parse_options(given)
    settings = Settings.load(data_dir=data_dir)
    make_folder(settings.data_dir, hint="Set DATA_DIR, or --data-dir, to another directory.")
    run = _Run(destination, options, settings)
    sources = find_sources(files)
    if options.dry_run:
        outputs = [Output(source.file, {}) for source in sources]
    else:
        outputs = plan_outputs(sources, destination, run.written)
    try:
        failures = asyncio.run(run.transcribe_all(outputs))
    except asyncio.CancelledError:  # SIGTERM; SIGINT comes as KeyboardInterrupt
        raise KeyboardInterrupt from None
    if failures:
        raise SystemExit(failures[0].exit_code)


class _Run:
    """One run of the command."""

    def __init__(self, destination: Destination, options: Options, settings: Settings) -> None:
        self.written = WrittenFiles(settings.data_dir)
        self._destination = destination
        self._options = options
        self._settings = settings

    async def transcribe_all(self, outputs: Sequence[Output]) -> list[AudioToolsError]:
        """Transcribe one file after the other; returns the errors, which have been printed."""
        from audio_tools.cli._pipeline_context import make_context

        # SIGTERM (a closed terminal, a supervisor) is treated like Ctrl-C.
        task = asyncio.current_task()
        assert task is not None
        on_signals(task.cancel, signal.SIGTERM)
        context = make_context(self._settings, self._options)
        failures: list[AudioToolsError] = []
        delivered: list[Output] = []
        begun = 0
        try:
            for begun, output in enumerate(outputs, start=1):
                try:
                    delivery = await self._transcribe(output, show_position(begun, len(outputs), ""), context)
                    delivered.append(delivery.output)
                    failures += [delivery.failure] if delivery.failure else []
                except AudioToolsError as error:
                    failures.append(error)
                    show_error(error, output.source.name if len(outputs) > 1 else "")
                    if isinstance(error, ENDS_ALL) and not isinstance(error, CostLimitReached):
                        break
        except asyncio.CancelledError:
            say("Stopped. Run the same command again to resume.", err=True)
            raise
        finally:
            await context.close()
        say_what_to_do(delivered)
        if failures and len(outputs) > 1:
            left = f", {len(outputs) - begun} not started" if begun < len(outputs) else ""
            say(f"{len(failures)} of {counted(len(outputs), 'file')} failed{left}.", err=True)
        return failures

    async def _transcribe(self, output: Output, position: str, context: PipelineContext) -> Delivery:
        from audio_tools.cli._progress import ProgressLine
        from audio_tools.pipeline.transcribe import transcribe

        file, options = output.source, self._options
        check_file(file)
        started = time.monotonic()
        try:
            with ProgressLine(position + file.name) as line:
                transcript = await transcribe(file, options, context, line.show)
        except InvalidOption as error:
            raise InvalidOption(_as_given(error.option, options), error.value, error.allowed) from None
        taken_s = time.monotonic() - started
        return await deliver(transcript, output, self._destination, self.written, taken_s)


def _as_given(option: str, options: Options) -> str:
    """The flag of an option (`chunkSize`), or the variable where no flag was given."""
    name = next((field for field in TYPES if to_camel(field) == option), option)
    return _flag(name) if name in options.model_fields_set else name.upper()
