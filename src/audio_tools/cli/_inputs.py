"""Which files a command takes: the named ones, and the media files in the named folders."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from audio_tools.cli._messages import say
from audio_tools.errors import MediaNotFound, ProbeFailed

_SUFFIXES = """
    3g2 3gp aac ac3 adts aif aifc aiff alac amr amv ape asf au avi bwf caf dts dv eac3 f4a f4v flac flv gsm
    gxf ism ismv m2t m2ts m2v m4a m4b m4r m4v mka mkv mod mov mp2 mp3 mp4 mpe mpeg mpg mts mxf nsv nut oga ogg
    ogm ogv opus qt ra rf64 rm rmvb snd spx tak tod ts tta vob w64 wav wave webm wma wmv wtv wv
"""
MEDIA_SUFFIXES = frozenset(_SUFFIXES.split())
"""The file extensions that are looked for in a folder; a file that is named is tried whatever its name."""


class _MediaPath(click.Path):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty path, from a variable that is not set: it would stand for the current folder."""
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


@dataclass(frozen=True, slots=True)
class Source:
    """A media file, and its folder relative to the one that the user named."""

    file: Path
    subfolder: Path = Path()


def find_sources(given: Iterable[Path]) -> list[Source]:
    """
    The files to process, each once, in the given order; a folder selects the media files in it and below.

    Raises:
        MediaNotFound: a folder has no media files.
    """
    seen: dict[tuple[Path, str], Source] = {}
    for argument in given:
        for source in _expand(argument):
            # Two names of one file are two transcripts.
            if (key := (source.file.resolve(), source.file.stem)) in seen:
                say(f"Note: {source.file} is given more than once; it is transcribed once.", err=True)
            seen.setdefault(key, source)
    return list(seen.values())


def _expand(argument: Path) -> Iterator[Source]:
    if not is_folder(argument):
        yield Source(argument)
        return
    files = list(_media_files(argument))
    if not files:
        raise MediaNotFound(
            f"No media files in this folder: {argument}",
            hint="Name the files themselves if they have unusual extensions.",
        )
    yield from (Source(file, file.parent.relative_to(argument)) for file in files)


def is_folder(path: Path) -> bool:
    """Whether there is a folder with this path."""
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises if the name is too long)


def _media_files(folder: Path) -> Iterator[Path]:
    """The media files below a folder, sorted; hidden files and folders are skipped, links not followed."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and path.suffix[1:].lower() in MEDIA_SUFFIXES and path.is_file():
                yield path


def check_file(file: Path) -> None:
    """
    Refuse a path that is not a readable, non-empty regular file, named as the user typed it.

    Raises:
        MediaNotFound: it does not exist or cannot be read. ProbeFailed: it is a folder, a device, or empty.
    """
    try:
        status = file.stat()
    except PermissionError:
        raise MediaNotFound(f"Permission denied: {file}", hint=_READABLE) from None
    except OSError:
        if address := _ADDRESS.match(str(file)):
            url = f"{address[1]}://{address[2]}"  # a path has no double slash
            raise MediaNotFound(f"{url} is an address, not a file.", hint=_DOWNLOAD) from None
        raise MediaNotFound(
            f"File not found: {file}", hint="Check the path and the spelling of the name."
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise ProbeFailed(f"{file} is a folder, not a media file.")
    if not stat.S_ISREG(status.st_mode):
        raise ProbeFailed(f"{file} is not a regular file.")
    if not os.access(file, os.R_OK):
        raise MediaNotFound(f"Permission denied: {file}", hint=_READABLE)
    if status.st_size == 0:
        raise ProbeFailed(f"{file} is empty.", hint="Copy or export the file again.")


_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)")
"""An address in the form of a path; a drive of Windows has one letter."""
_DOWNLOAD = "Download the file first, then give its path."
_READABLE = "Make the file readable for this user."


def show_position(number: int, total: int, name: str) -> str:
    """The name of a file, with its number where there are several: `2 of 7  clip.mp4`."""
    return f"{number} of {total}  {name}" if total > 1 else name


def media_argument(command: click.decorators.FC) -> click.decorators.FC:
    """Give a command its files and folders."""
    return click.argument(
        "files", nargs=-1, required=True, metavar="FILE|FOLDER...", type=_MediaPath(path_type=Path)
    )(command)
