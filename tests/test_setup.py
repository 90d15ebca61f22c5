"""What `make test` installs is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REQUIREMENTS = Path(__file__).parent.parent / "requirements"
LOCKS = [REQUIREMENTS / f"{name}.lock" for name in ("runtime", "dev", "weights")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_nothing_is_missing_that_the_set_up_installs(lock: Path) -> None:
    """A test that skips for lack of a locked package hides a set-up that failed: `make test` mends it."""
    lines = [
        line.rstrip(" \\") for line in lock.read_text(encoding="utf-8").splitlines() if line[:1].isalnum()
    ]
    wanted = [requirement for requirement in map(Requirement, lines) if _applies(requirement)]

    assert [requirement.name for requirement in wanted if not _is_installed(requirement.name)] == []


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate()


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False
