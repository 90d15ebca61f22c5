"""Where the transcripts of a command go, and what they must not overwrite."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from audio_tools.errors import ConfigError, InvalidOption


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--output` (a folder) and `--formats` (their names, checked)."""
    command = click.option(
        "-f",
        "--formats",
        default="json,srt,vtt,txt",
        show_default=True,
        metavar="NAMES",
        callback=_parse_formats,
        help="What to write, by commas.",
    )(command)
    return click.option(
        "-o",
        "--output",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        help="Where to write it; left out: here.",
    )(command)


def _parse_formats(ctx: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:  # noqa: ARG001
    from audio_tools.exports.files import parse_formats

    try:
        return parse_formats(text)
    except InvalidOption as error:
        raise InvalidOption("--formats (-f)", error.value, error.allowed) from None


def check_outputs(files: Sequence[Path], folder: Path, formats: Sequence[str]) -> None:
    """
    Find out before the work, not after it, that a transcript cannot be written or would overwrite something.

    Raises:
        ConfigError: two files would be written under one name, an output is one of the `files`, the folder,
            which is made if it is missing, cannot be written to, or a folder stands where an output goes,
            or its name is too long.
    """
    _check_names(files)
    outputs = [(file, folder / f"{file.stem}.{name}") for file in files for name in formats]
    for file, output in outputs:
        if any(_same(output, given) for given in files):
            raise ConfigError(
                f"The transcript of {file} would overwrite {output}, which is to be transcribed.",
                hint="Choose another folder with -o.",
            )
    make_folder(folder, hint="Choose another folder with -o.")
    for file, output in outputs:
        _check_place(file, output)


def _check_names(files: Sequence[Path]) -> None:
    names: dict[str, Path] = {}
    for file in files:
        other = names.setdefault(file.stem, file)
        if other is not file:
            raise ConfigError(
                f"{other} and {file} would both be written as {file.stem}.*.",
                hint="Give them to two commands with different -o folders.",
            )


def _check_place(file: Path, output: Path) -> None:
    """Its folder is there by now: only then the file system says whether it takes the name."""
    try:
        # A link is replaced, wherever it leads.
        taken = stat.S_ISDIR(output.lstat().st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(
            f"The transcript of {file} cannot be written as {output.name}: {error.strerror}.",
            hint=f"Give the file a shorter name, or choose formats without {output.suffix[1:]} (-f).",
        ) from None
    if taken:
        raise ConfigError(
            f"The transcript of {file} cannot be written as {output}, which is a folder.",
            hint="Move it away, or choose another folder with -o.",
        )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return False


def make_folder(folder: Path, *, hint: str) -> None:
    """Make a folder if it is missing; raises ConfigError if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try_writing(folder)
    except OSError as error:
        raise ConfigError(f"Nothing can be written to {folder}: {error.strerror}.", hint=hint) from None


def try_writing(folder: Path) -> None:
    """Write a file and remove it again; raises OSError where that is not possible."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".audio-tools-") as file:
        file.write(b"\0")
