"""`audio-tools cut`: plan a cut of a transcript, and write it for editing programs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

from audio_tools.cli._inputs import MEDIA_SUFFIXES, Source, is_folder
from audio_tools.cli._messages import say
from audio_tools.cli._model_options import model_options, parse_flags
from audio_tools.cli._outputs import OVERWRITE_HELP, STDOUT, Destination, formats_option, plan_outputs
from audio_tools.cli._server_options import server_options
from audio_tools.cli._write_transcript import first_failure, write_files
from audio_tools.cli._written_files import WrittenFiles
from audio_tools.errors import ConfigError
from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.export_options import ExportOptions

if TYPE_CHECKING:
    from audio_tools.exports.cut_plan import CutPlan
    from audio_tools.transcript import Transcript

PLAN = "cut-plan"
TRANSCRIPT_HINT = "Pass the .json file that audio-tools transcribe wrote, or the id of a job."


@click.command("cut")
@click.argument("transcript", metavar="TRANSCRIPT.json|JOB_ID")
@formats_option("xmeml,srt", "Comma-separated output formats; the cut plan is always written too.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Output directory (default: current directory).",
)
@click.option("--overwrite", is_flag=True, help=OVERWRITE_HELP)
@model_options(CutOptions)
@model_options(ExportOptions)
@server_options
def command(
    transcript: str,
    *,
    formats: tuple[str, ...],
    output: Path,
    overwrite: bool,
    server: str,
    token: str | None,
    **given: Any,
) -> None:
    """
    Plan a cut from a transcript and write the cut sequence for an editing program.

    TRANSCRIPT.json was written by `audio-tools transcribe`; JOB_ID is the id or number of a completed job on
    the service. A RANGE is in seconds (12.5-14) or word indexes (w30-w35); --keep and --cut may be
    repeated. Captions and text are timed to the cut sequence.
    """
    from audio_tools.settings import Settings

    if output == STDOUT:
        raise ConfigError(
            "A cut is written as several files, so it cannot be printed to standard output.",
            hint="Choose a directory with -o.",
        )
    options, export_options = parse_flags(CutOptions, given), parse_flags(ExportOptions, given)
    found, file = _load(transcript, server, token)
    if export_options.media_path:
        file = Path(PurePath(export_options.media_path.replace("\\", "/")).name or file.name)
    from audio_tools.exports.cut_plan import plan_transcript

    plan = plan_transcript(found, file.name, options)
    destination = Destination(tuple(dict.fromkeys([*formats, PLAN])), output, overwrite=overwrite)
    written = WrittenFiles(Settings.load().data_dir)
    (planned,) = plan_outputs([Source(Path(file.name))], destination, written)
    from audio_tools.exports.export import Export

    export = Export(found, file.name, plan, export_options)
    paths, failed = write_files(export, planned, destination, written)
    say(_summary(plan))
    say("  " + "  ".join(map(str, paths)))
    if failure := first_failure(failed):
        raise SystemExit(failure.exit_code)


def _load(given: str, server: str, token: str | None) -> tuple[Transcript, Path]:
    """The transcript, and the name of its media file."""
    path = Path(given)
    if given and is_folder(path):
        raise ConfigError(
            f"{path} is a folder, not a transcript.",
            hint="Pass the .json file that audio-tools transcribe wrote, one for each command.",
        )
    is_file = os.path.isfile(path)  # noqa: PTH113 (Path.is_file raises if the name is too long)
    if is_file or path.suffix.lower() == ".json":
        return _read(path), _media_beside(path)
    return asyncio.run(_fetch(given, server, token))


def _read(path: Path) -> Transcript:
    from audio_tools.transcript import Transcript

    try:
        return Transcript.from_json_text(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.", hint=TRANSCRIPT_HINT) from None
    except ValueError:
        raise ConfigError(f"{path} is not a transcript.", hint=TRANSCRIPT_HINT) from None


def _media_beside(path: Path) -> Path:
    """The media file of the same name in the folder of a transcript, else the bare name."""
    beside = sorted(
        file
        for file in path.parent.glob("*")
        if file.stem == path.stem and file.suffix[1:].lower() in MEDIA_SUFFIXES
    )
    return beside[0] if beside else path.with_suffix("")


async def _fetch(job_id: str, server: str, token: str | None) -> tuple[Transcript, Path]:
    from audio_tools.client import AsyncClient
    from audio_tools.client.hints import COMMAND_LINE
    from audio_tools.transcript import Transcript

    async with AsyncClient(server, token, hints=COMMAND_LINE) as client:
        job_id = await client.find_job(job_id)
        name = (await client.status(job_id))["data"].get("fileName")
        transcript = Transcript.from_json(await client.result(job_id))
    return transcript, Path((Path(name).name if isinstance(name, str) else "") or job_id)


def _summary(plan: CutPlan) -> str:
    from audio_tools.exports.plan_json import plan_document

    stats = plan_document(plan).stats
    reasons = ", ".join(f"{entry.count} {reason}" for reason, entry in stats.reasons.items())
    return (
        f"{plan.media.name}: {stats.sequence_duration:.1f} s of {stats.source_duration:.1f} s kept, "
        f"{stats.cut_ranges} cuts{f' ({reasons})' if reasons else ''}, {len(plan.markers)} markers."
    )
