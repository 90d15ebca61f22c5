"""What a command does with a transcript: it writes the files, then reports what they hold and lack."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audio_tools.cli._messages import counted, say, show_error
from audio_tools.cli._outputs import Destination, Output, exists, refuse_to_replace
from audio_tools.cli._written_files import WrittenFiles
from audio_tools.errors import AudioToolsError, ExportError, InvalidOption

if TYPE_CHECKING:
    from audio_tools.exports.export import Export
    from audio_tools.transcript import Transcript

NO_SECOND_BILL = " Finished chunks are not charged again."
USES = {
    "xmeml": "import {} as a sequence in Premiere Pro or DaVinci Resolve",
    "fcpxml": "import {} as a project in Final Cut Pro or DaVinci Resolve",
    "premiere": "import {} in the Text panel of Premiere Pro",
    "srt": "import {} as captions in Premiere Pro, DaVinci Resolve or Final Cut Pro",
    "vtt": "use {} as captions of a web player",
    "txt": "read {}",
    "json": "process {}, which has every word and silence with its times",
}
"""What to do with the files of a format; the first two that were written are named after a run."""


CAPTION_FORMATS = {"srt", "vtt"}
TEXT_FORMATS = {"srt", "vtt", "txt"}
EMPTY_BYTES = len("WEBVTT\n\n")
"""The largest size of a file of TEXT_FORMATS without a word."""
REPORTED_RULES = {
    "reading_speed": "too fast to read",
    "min_duration": "too short",
    "max_duration": "too long",
    "line_length": "too wide",
}
"""The rules of captions that are worth a look at the text, and how they are named."""
MOST_CAPTIONS = 10
"""How many captions are named by number."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was written of a transcript, and the error of the first format that could not hold it."""

    output: Output
    failure: AudioToolsError | None = None


async def deliver(
    transcript: Transcript,
    output: Output,
    destination: Destination,
    written: WrittenFiles,
    taken_s: float | None = None,
) -> Delivery:
    """
    Write the transcript of a file, and report what it holds and what it lacks.

    A format that cannot hold the transcript is reported last and does not prevent the others. Of a dry run
    only the estimate is printed. `taken_s` is the wall time in seconds, None if unknown.

    Raises:
        ConfigError: a file appeared or was changed while the work went on; nothing was written.
        ExportError, InvalidOption: the format for standard output cannot hold the transcript.
        DiskFull, StorageError: a file cannot be written.
    """
    from audio_tools.cli._progress import prospect, summary
    from audio_tools.exports.export import Export

    name = output.source.name
    if transcript.dry_run:
        say(prospect(name, transcript), err=destination.is_stdout)
        return Delivery(output)
    export = Export(transcript, name, options=destination.options)
    files, failed = await asyncio.to_thread(write_files, export, output, destination, written)
    output = replace(output, paths={name: path for name, path in output.paths.items() if path not in failed})
    if destination.is_stdout:
        await asyncio.to_thread(_print, export, destination.formats[0])
    say(summary(name, transcript, taken_s), err=destination.is_stdout)
    if not (transcript.words or transcript.segments or transcript.failed_chunks or transcript.gaps):
        empty = ": captions and text are empty" if TEXT_FORMATS & set(output.paths) else ""
        say(f"  Note: No speech was found{empty}.", err=True)
    for warning in transcript.warnings:
        say(f"  Note: {warning}", err=True)
    for chunk in transcript.failed_chunks:
        say(f"  Missing: {chunk.start:.1f}-{chunk.end:.1f} s: {chunk.message}", err=True)
    for gap in transcript.gaps:
        say(f"  Note: Speech at {gap.start:.1f}-{gap.end:.1f} s could not be transcribed.", err=True)
    if CAPTION_FORMATS & set(output.paths):
        _report_captions(export)
    if files:
        names = (f"{path} (replaced)" if replaced else str(path) for path, replaced in files.items())
        say("  " + "  ".join(names))
    return Delivery(output, first_failure(failed))


def first_failure(failed: dict[Path, AudioToolsError]) -> AudioToolsError | None:
    """Print the errors of the files that were not written; returns the first."""
    for path, error in failed.items():
        show_error(error, f"{path} was not written")
    return next(iter(failed.values()), None)


def write_files(
    export: Export, output: Output, destination: Destination, written: WrittenFiles
) -> tuple[dict[Path, bool], dict[Path, AudioToolsError]]:
    """
    Write every format that can hold the transcript.

    Returns:
        The files, and whether each existed before; the files that were not written, and the error of each.

    Raises:
        ConfigError: a file appeared or was changed while the work went on; nothing was written.
        DiskFull, StorageError: a file cannot be written.
    """
    from audio_tools.exports.registry import FORMATS, render
    from audio_tools.storage.local import write_atomically

    rendered: dict[Path, bytes] = {}
    failed: dict[Path, AudioToolsError] = {}
    for name, path in output.paths.items():
        try:
            documents = render(name, export)
        except (ExportError, InvalidOption) as error:
            failed[path] = error
            continue
        stem = path.name.removesuffix(FORMATS[name].extension)
        rendered |= {path.with_name(stem + document.suffix): document.data for document in documents}
    if not destination.overwrite:
        # The check before the work may be hours old.
        refuse_to_replace(list(rendered), written, note=NO_SECOND_BILL)
    replaced = {path: exists(path) for path in rendered}
    for path, data in rendered.items():
        written.add(path, data)
        write_atomically(path, data)
    return replaced, failed


def _report_captions(export: Export) -> None:
    """Print which captions could not keep a rule, in one line; captions of one word are not meant to."""
    report = [broken for broken in export.caption_report() if broken.rule in REPORTED_RULES]
    if not report or export.options.word_timing == "word":
        return
    reasons = Counter(REPORTED_RULES[broken.rule] for broken in report)
    cues = list(dict.fromkeys(broken.cue for broken in report))
    named = ", ".join(map(str, cues[:MOST_CAPTIONS])) + (" …" if len(cues) > MOST_CAPTIONS else "")
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    say(f"  Note: {counted(len(cues), 'caption')} to check ({why}): {named}", err=True)


def _print(export: Export, name: str) -> None:
    from audio_tools.exports.registry import render

    for document in render(name, export):
        click.echo(document.data, nl=False)


def say_what_to_do(outputs: Iterable[Output]) -> None:
    """Print one line on how to use the files that were written."""
    written = ({name: path for name, path in o.paths.items() if path.is_file()} for o in outputs)
    files = next(filter(None, written), {})
    used = [name for name in USES if name in files and not _is_empty(name, files[name])]
    uses = [USES[name].format(files[name].name) for name in used][:2]
    if uses:
        say(f"Next: {'; '.join(uses)}.", err=True)


def _is_empty(name: str, file: Path) -> bool:
    return name in TEXT_FORMATS and file.stat().st_size <= EMPTY_BYTES
