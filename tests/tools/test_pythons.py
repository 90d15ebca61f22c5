"""The Pythons of a machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tools.pythons import Python, find_pythons


def fake_python(path: Path, version: str, *, usable: bool = True, in_venv: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    release = [int(part) for part in version.split(".")]
    facts = json.dumps({"version": release, "path": str(path), "usable": usable, "in_venv": in_venv})
    path.write_text(f"#!/bin/sh\necho '{facts}'\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
def test_pythons_are_found_wherever_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PATH and of pyenv, each release once; none that is too old, inside an environment, or broken."""
    monkeypatch.setattr("tools.pythons.FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    fake_python(tmp_path / "bin" / "python3", "3.11.2")
    fake_python(tmp_path / "bin" / "python3.10", "3.10.9")
    fake_python(tmp_path / "bin" / "python3.12", "3.12.1", in_venv=True)
    fake_python(tmp_path / "bin" / "python3-config", "3.15.0")
    (tmp_path / "bin" / "python3.99").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "bin" / "python3.99").chmod(0o755)
    fake_python(tmp_path / "pyenv" / "versions" / "again" / "bin" / "python3", "3.11.2")
    fake_python(tmp_path / "pyenv" / "versions" / "new" / "bin" / "python3", "3.14.0")
    fake_python(tmp_path / "uv" / "pypy" / "bin" / "python3", "3.11.9", usable=False)

    assert find_pythons() == [
        Python((3, 11, 2), tmp_path / "bin" / "python3"),
        Python((3, 14, 0), tmp_path / "pyenv" / "versions" / "new" / "bin" / "python3"),
    ]
