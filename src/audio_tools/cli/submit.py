"""`audio-tools submit`: send files to a service and, if asked to, wait for the transcripts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audio_tools.cli._inputs import Source, check_file, find_sources, media_argument, show_position
from audio_tools.cli._messages import counted, say, show_error
from audio_tools.cli._outputs import Destination, Output, beside_option, output_options, plan_outputs
from audio_tools.cli._server_options import server_options
from audio_tools.cli._write_transcript import deliver, say_what_to_do
from audio_tools.cli._written_files import WrittenFiles
from audio_tools.cli.transcribe import parse_options, processing_options
from audio_tools.errors import AudioToolsError, ConfigError, ServerUnreachable

if TYPE_CHECKING:
    from audio_tools.client import AsyncClient
    from audio_tools.transcript import Json, Transcript


@click.command("submit")
@media_argument
@server_options
@click.option(
    "--follow", is_flag=True, help="Show progress, wait for the jobs to finish and write the transcripts."
)
@click.option(
    "--path",
    "by_path",
    is_flag=True,
    help="Send only the paths; the service reads the files itself (see MEDIA_ROOTS).",
)
@click.option(
    "--webhook-url",
    metavar="URL",
    help="Have the service send a signed message to this URL when the job ends.",
)
@output_options
@beside_option
@processing_options
def command(
    files: tuple[Path, ...],
    *,
    server: str,
    token: str | None,
    follow: bool,
    by_path: bool,
    destination: Destination,
    **given: Any,
) -> None:
    """
    Transcribe files on a service.

    For a folder, all media files in it and its subfolders are processed. With --follow, the exit code is that
    of `audio-tools transcribe`; -o, -f and other output options require --follow.
    """
    from audio_tools.settings import Settings

    options = parse_options(given)
    if by_path and destination.beside:
        raise ConfigError("--beside requires local files.", hint="Choose a directory with -o.")
    # A path that the service reads need not exist here.
    sources = [Source(file) for file in files] if by_path else find_sources(files)
    written = WrittenFiles(Settings.load().data_dir)
    if len(sources) == 1 and not by_path:
        check_file(sources[0].file)
    if follow and not options.dry_run:
        outputs = plan_outputs(sources, destination, written)
    else:
        outputs = [Output(source.file, {}) for source in sources]
    sent = options.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    submission = _Submission(server, token, sent, by_path, destination if follow else None, written)
    failures = asyncio.run(submission.run(outputs))
    if failures:
        raise SystemExit(failures[0].exit_code)


@dataclass(frozen=True, slots=True)
class _Submission:
    """Files on their way to a service; followed to their end if there is a `destination`."""

    server: str
    token: str | None
    options: dict[str, Any]
    by_path: bool
    destination: Destination | None
    written: WrittenFiles

    async def run(self, outputs: Sequence[Output]) -> list[AudioToolsError]:
        """Send all files, then follow their jobs in turn; returns the errors, which have been printed."""
        from audio_tools.client import AsyncClient
        from audio_tools.client.hints import COMMAND_LINE

        failures: list[AudioToolsError] = []
        jobs: list[tuple[Output, str, Json, float]] = []
        async with AsyncClient(self.server, self.token, hints=COMMAND_LINE) as client:
            for number, output in enumerate(outputs, start=1):
                name = show_position(number, len(outputs), output.source.name)
                try:
                    started = time.monotonic()
                    jobs.append((output, name, await self._send(client, output, name), started))
                except AudioToolsError as error:
                    self._failed(error, output, outputs, failures)
                    if isinstance(error, ServerUnreachable):
                        break
            if self.destination is None:
                if jobs:
                    say(ways_on([answer["jobId"] for _, _, answer, _ in jobs]), err=True)
                return _counted_failures(failures, outputs)
            delivered = []
            for output, name, answer, started in jobs:
                try:
                    transcript = await self._follow(client, answer, name)
                    taken_s = time.monotonic() - started
                    delivery = await deliver(transcript, output, self.destination, self.written, taken_s)
                    delivered.append(delivery.output)
                    failures += [delivery.failure] if delivery.failure else []
                except AudioToolsError as error:
                    self._failed(error, output, outputs, failures)
        say_what_to_do(delivered)
        return _counted_failures(failures, outputs)

    async def _send(self, client: AsyncClient, output: Output, name: str) -> Json:
        file = output.source
        if self.by_path:
            answer = await client.submit_path(file if file.is_absolute() else file.absolute(), self.options)
        else:
            check_file(file)
            answer = await client.submit(file, self.options)
        of_file = f"  {name}" if name != file.name else ""
        say(f"Job {answer['jobId']}{of_file}", err=self.destination is not None)
        for warning in answer.get("warnings", ()):
            say(f"  Note: {warning}", err=True)
        return answer

    async def _follow(self, client: AsyncClient, answer: Json, name: str) -> Transcript:
        from audio_tools.cli._progress import ProgressLine, progress_of
        from audio_tools.transcript import Transcript

        try:
            with ProgressLine(name) as line:
                async for event in client.follow(answer):
                    if (progress := progress_of(event)) is not None:
                        line.show(progress)
        except asyncio.CancelledError:
            say(f"Job {answer['jobId']} continues. {ways_on([answer['jobId']])}", err=True)
            raise
        # A job that failed or was cancelled answers with its own error.
        return Transcript.from_json(await client.result(answer["jobId"]))

    def _failed(
        self,
        error: AudioToolsError,
        output: Output,
        outputs: Sequence[Output],
        failures: list[AudioToolsError],
    ) -> None:
        failures.append(error)
        show_error(error, output.source.name if len(outputs) > 1 else "")


def _counted_failures(failures: list[AudioToolsError], outputs: Sequence[Output]) -> list[AudioToolsError]:
    if failures and len(outputs) > 1:
        say(f"{len(failures)} of {counted(len(outputs), 'file')} failed.", err=True)
    return failures


def ways_on(job_ids: Sequence[str]) -> str:
    """What to do with jobs that continue; names the service where it was given as a flag."""
    context = click.get_current_context()
    by_flag = context.get_parameter_source("server") is click.core.ParameterSource.COMMANDLINE
    job = job_ids[0] if len(job_ids) == 1 else "JOB_ID"
    where = f"{job} --server {context.params['server']}" if by_flag else job
    return (
        f"Once it has finished, `audio-tools export {where}` writes its transcript; "
        f"`audio-tools cancel {where}` stops it."
    )
