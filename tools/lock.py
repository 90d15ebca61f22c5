"""
Resolve the newest versions of all dependencies into `requirements/*.lock`.

The files carry names, versions and hashes only: no address of a registry.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
PROJECT = REQUIREMENTS.parent / "pyproject.toml"
# The group `build` builds the project itself into the environment, without build isolation.
RUNTIME = [str(PROJECT), "--all-extras", "--group", f"{PROJECT}:build"]
LOCKS = {
    "runtime.lock": RUNTIME,
    "dev.lock": [*RUNTIME, "--group", f"{PROJECT}:dev"],
    "weights.lock": [str(REQUIREMENTS / "weights.in")],
    "openai-cli.lock": [str(REQUIREMENTS / "openai-cli.in")],
}


def lock(name: str, sources: list[str]) -> None:
    """Write one lock file, valid for every supported Python and platform."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--python-version", "3.11", "--no-header", "--no-annotate", "--no-emit-index-url"]
    command += ["--constraints", str(REQUIREMENTS / "constraints.in")]
    subprocess.run([*command, *sources, "--output-file", str(REQUIREMENTS / name)], check=True)


if __name__ == "__main__":
    for name, sources in LOCKS.items():
        lock(name, sources)
