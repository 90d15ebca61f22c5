"""Where the transcripts of a command go, and which files they must not overwrite."""

from __future__ import annotations

import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from audio_tools.cli._inputs import Source
from audio_tools.cli._model_options import model_options, parse_flags
from audio_tools.cli._written_files import WrittenFiles
from audio_tools.errors import ConfigError, InvalidOption
from audio_tools.exports.export_options import ExportOptions

DEFAULT_FORMATS = "json,srt,vtt,txt"
STDOUT = Path("-")
STDOUT_FORMAT = "txt"
"""What `-o -` prints where `-f` is not given."""
OVERWRITE_HELP = "Also replace files that audio-tools did not write, or that have changed since."
MOST_NAMED = 5
"""How many existing files an error names."""


@dataclass(frozen=True, slots=True)
class Destination:
    """
    Where transcripts go: a folder, the folder of each media file (`beside`), or standard output.

    Without `overwrite` only unchanged files of earlier runs are replaced. `options` shape the files.
    """

    formats: tuple[str, ...]
    folder: Path = Path()
    beside: bool = False
    overwrite: bool = False
    options: ExportOptions = field(default_factory=ExportOptions)

    @property
    def is_stdout(self) -> bool:
        """Whether the transcript goes to standard output."""
        return self.folder == STDOUT

    def folder_of(self, source: Source) -> Path:
        """The folder for the transcripts of one file."""
        return source.file.parent if self.beside else self.folder / source.subfolder


@dataclass(frozen=True, slots=True)
class Output:
    """The media file, and the file of each format, in order; no files for standard output."""

    source: Path
    paths: dict[str, Path]


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """
    Give a command `-o`, `-f`, `--overwrite` and the flags of `ExportOptions`; `--beside` by `beside_option`.

    It receives them as one `destination`.
    """

    @wraps(command)
    def with_destination(
        *, output: Path, formats: tuple[str, ...] | None, overwrite: bool, beside: bool = False, **given: Any
    ) -> None:
        options = parse_flags(ExportOptions, given)
        destination = replace(
            _destination(output, formats, beside=beside, overwrite=overwrite), options=options
        )
        others = {name: value for name, value in given.items() if name not in ExportOptions.model_fields}
        command(destination=destination, **others)

    overwrite = click.option("--overwrite", is_flag=True, help=OVERWRITE_HELP)
    formats = click.option(
        "-f",
        "--formats",
        metavar="NAMES",
        callback=_parse_formats,
        help=f"Comma-separated output formats.  [default: {DEFAULT_FORMATS}; {STDOUT_FORMAT} with -o -]",
    )
    output = click.option(
        "-o",
        "--output",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False, allow_dash=True),
        default=Path(),
        help="Output directory (default: current directory); - prints one format to standard output.",
    )
    return output(formats(overwrite(model_options(ExportOptions)(with_destination))))


beside_option = click.option("--beside", is_flag=True, help="Write the results next to each media file.")
"""For commands whose media files are on this machine, below `output_options`."""


def formats_option(default: str, help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command `-f` with a default of its own."""
    return click.option(
        "-f",
        "--formats",
        metavar="NAMES",
        default=default,
        show_default=True,
        callback=_parse_formats,
        help=help_text,
    )


def _parse_formats(
    ctx: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    text: str | None,
) -> tuple[str, ...] | None:
    from audio_tools.exports.files import parse_formats

    try:
        return None if text is None else parse_formats(text)
    except InvalidOption as error:
        raise InvalidOption("--formats (-f)", error.value, error.allowed) from None


def _destination(
    output: Path, formats: tuple[str, ...] | None, *, beside: bool, overwrite: bool
) -> Destination:
    to_stdout = output == STDOUT
    if beside and output != Path():
        raise ConfigError("--beside and -o cannot be used together.", hint="Use one of them.")
    if to_stdout and formats is not None and len(formats) != 1:
        raise ConfigError(
            f"-o - prints one format, not {len(formats)}.",
            hint="Choose one of them, for example: -f srt -o -",
        )
    if formats is None:
        formats = (STDOUT_FORMAT,) if to_stdout else tuple(DEFAULT_FORMATS.split(","))
    return Destination(formats, output, beside, overwrite)


def plan_outputs(sources: Sequence[Source], destination: Destination, written: WrittenFiles) -> list[Output]:
    """
    Choose the output files of each media file; refuse before the work what could not be written after it.

    Files of one folder that differ only in the extension keep it: `clip.mov.srt`, `clip.wav.srt`.

    Raises:
        ConfigError: two files would be written under one name, an output is a folder or one of the media
            files, its name is too long, its folder cannot be made or written to, or it exists and is not
            an unchanged file of an earlier run.
    """
    if destination.is_stdout:
        if len(sources) > 1:
            raise ConfigError("-o - accepts only one input file.", hint="Pass one file, or use -o DIR.")
        return [Output(sources[0].file, {})]
    outputs = list(_outputs(sources, destination))
    _refuse_duplicates(outputs)
    for output in outputs:
        for path in output.paths.values():
            if any(_same(path, source.file) for source in sources):
                raise ConfigError(
                    f"The transcript of {output.source} would overwrite the input {path}.", hint=ELSEWHERE
                )
    for folder in dict.fromkeys(path.parent for output in outputs for path in output.paths.values()):
        make_folder(folder, hint=ELSEWHERE)
    for output in outputs:
        for path in output.paths.values():
            _check_place(output.source, path)
    if not destination.overwrite:
        refuse_to_replace([path for output in outputs for path in output.paths.values()], written)
    return outputs


ELSEWHERE = "Choose another directory with -o."


def _outputs(sources: Sequence[Source], destination: Destination) -> Iterator[Output]:
    from audio_tools.exports.files import file_name

    stems = Counter((destination.folder_of(source), source.file.stem) for source in sources)
    for source in sources:
        folder, file = destination.folder_of(source), source.file
        stem = file.stem if stems[folder, file.stem] == 1 else file.name
        yield Output(file, {name: folder / file_name(stem, name) for name in destination.formats})


def _refuse_duplicates(outputs: Sequence[Output]) -> None:
    sources: dict[Path, Path] = {}
    for output in outputs:
        for path in output.paths.values():
            other = sources.setdefault(path, output.source)
            if other is not output.source:
                raise ConfigError(
                    f"{other} and {output.source} would both be written to {path}.",
                    hint="Write next to the media with --beside, or run the command once for each, "
                    "with different -o directories.",
                )


def _check_place(source: Path, path: Path) -> None:
    """Its folder exists by now: only then the file system shows whether it accepts the name."""
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(
            f"The transcript of {source} cannot be written as {path.name}: {error.strerror}.",
            hint=f"Give the file a shorter name, or choose formats without {path.suffix[1:]} (-f).",
        ) from None
    if is_folder:
        raise ConfigError(
            f"The transcript of {source} cannot be written to {path}, which is a folder.",
            hint=f"Move the folder. {ELSEWHERE}",
        )


def refuse_to_replace(paths: Sequence[Path], written: WrittenFiles, *, note: str = "") -> None:
    """Raise ConfigError if a path exists and is not an unchanged file of an earlier run."""
    taken = [path for path in paths if exists(path) and not written.contains(path)]
    if not taken:
        return
    named = ", ".join(map(str, taken[:MOST_NAMED]))
    more = f" and {len(taken) - MOST_NAMED} more" if len(taken) > MOST_NAMED else ""
    exist, was, has = ("exists", "was", "has") if len(taken) == 1 else ("exist", "were", "have")
    raise ConfigError(
        f"{named}{more} already {exist} and {was} not written by audio-tools, or {has} changed since.",
        hint=f"Choose another directory with -o, or replace with --overwrite.{note}",
    )


def exists(path: Path) -> bool:
    """Whether there is anything of this name, be it a broken link."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return False


def make_folder(folder: Path, *, hint: str) -> None:
    """Make a folder if it is missing; raises ConfigError if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try_writing(folder)
    except OSError as error:
        raise ConfigError(f"Cannot write to {folder}: {error.strerror}.", hint=hint) from None


def try_writing(folder: Path) -> None:
    """Write a file and remove it again; raises OSError where that is not possible."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".audio-tools-") as file:
        file.write(b"\0")
