"""Write a transcript to files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from audio_tools.exports.export import Export
from audio_tools.exports.registry import FORMATS, render, require_format
from audio_tools.storage.local import write_atomically
from audio_tools.system.paths import storable_name
from audio_tools.transcript import Transcript


def parse_formats(text: str) -> tuple[str, ...]:
    """
    The comma-separated names of formats, each once.

    Raises:
        InvalidOption: one of them is unknown.
    """
    return tuple(dict.fromkeys(require_format(name) for name in text.split(",")))


def file_name(stem: str, name: str) -> str:
    """The name of the file of one format."""
    return storable_name(stem) + FORMATS[name].extension


def write(transcript: Transcript, formats: Iterable[str], folder: Path, stem: str) -> list[Path]:
    """
    Write a transcript into `folder`, under `stem` and the extension of each format; a missing folder is made.

    A file appears whole or not at all, and takes the place of an older one of the same name.

    Returns:
        The paths, in the order of `formats`, each format once; a very long EDL is several files.

    Raises:
        InvalidOption: a format is unknown; nothing was written.
        ExportError: a format cannot hold this transcript; nothing was written.
        DiskFull: there is no room in `folder`.
        StorageError: `folder` cannot be written to.
    """
    export = Export(transcript, stem)
    names = parse_formats(",".join(formats))
    files = {folder / (stem + part.suffix): part.data for name in names for part in render(name, export)}
    for path, data in files.items():
        write_atomically(path, data)
    return [*files]
