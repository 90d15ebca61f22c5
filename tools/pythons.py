"""Find the supported Pythons of this machine: on PATH, in the usual folders, of pyenv and uv."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST = (3, 11)
PROBE_TIMEOUT_S = 30.0
FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
"""Where Pythons are besides PATH, which an environment or a version manager may hide."""

_NAME = re.compile(r"python3(\.\d+)?(\.exe)?")
_PROBE = """
import ensurepip, json, sys, venv
print(json.dumps({
    "version": sys.version_info[:3],
    "path": sys.executable,
    "usable": sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final",
    "in_venv": sys.prefix != sys.base_prefix,
}))
"""


@dataclass(frozen=True, slots=True, order=True)
class Python:
    """An interpreter that can make environments."""

    version: tuple[int, int, int]
    path: Path

    def __str__(self) -> str:
        return ".".join(map(str, self.version))


def find_pythons() -> list[Python]:
    """Every supported CPython, oldest first, each patch release once; the first on PATH stands for it."""
    found: dict[tuple[int, int, int], Python] = {}
    for path in dict.fromkeys(_candidates()):
        python = _probe(path)
        if python is not None:
            found.setdefault(python.version, python)
    return sorted(found.values())


def _candidates() -> Iterator[Path]:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield from _in_folder(Path(folder))
    yield from (path for folder in FOLDERS for path in _in_folder(Path(folder)))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local" / "share" / "uv" / "python")
    for installed in (*pyenv.glob("versions/*"), *uv.glob("*")):
        yield from _in_folder(installed / "bin")


def _in_folder(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path.absolute() for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _probe(path: Path) -> Python | None:
    try:
        output = subprocess.run(
            [path, "-I", "-c", _PROBE], capture_output=True, check=True, timeout=PROBE_TIMEOUT_S
        ).stdout
        facts = json.loads(output)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # a shim without its Python, or one without the venv module
    version = tuple(facts["version"])
    if not facts["usable"] or facts["in_venv"] or version < OLDEST:
        return None
    return Python(version, Path(facts["path"]))


if __name__ == "__main__":
    for python in find_pythons():
        print(python, python.path)
