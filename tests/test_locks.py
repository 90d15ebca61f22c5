"""What the lock files install."""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement

LOCKS = sorted((Path(__file__).parent.parent / "requirements").glob("*.lock"))
PYTHONS = ("3.11.2", "3.11.14", "3.12.1", "3.13.0", "3.14.0")
MACHINES = (
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("darwin", "x86_64"),
    ("darwin", "arm64"),
    ("win32", "AMD64"),
)
BY_MACHINE = {"pocketsphinx"}
"""No version of it has a wheel for every machine."""


def requirements(lock: Path) -> list[Requirement]:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_python_gets_the_same_versions(lock: Path) -> None:
    """What is tested on one Python is what the others run."""
    versions: dict[str, set[str]] = defaultdict(set)
    for python, (system, machine) in product(PYTHONS, MACHINES):
        environment = {
            "python_full_version": python,
            "python_version": python.rpartition(".")[0],
            "sys_platform": system,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "implementation_name": "cpython",
        }
        for wanted in requirements(lock):
            if wanted.marker is None or wanted.marker.evaluate(environment):
                versions[wanted.name].add(str(wanted.specifier))

    assert {name for name, found in versions.items() if len(found) > 1} <= BY_MACHINE
