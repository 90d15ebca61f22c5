"""The words of the project: plain professional English in the code and the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
AVOIDED = re.compile(
    r"\b(nobody|whoever|somebody|of\s+ours|by\s+commas|oftener|for\s+ever|in\s+vain|goes\s+on)\b",
    re.IGNORECASE,
)
TEXTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "src").rglob("*.py")),
    *sorted((ROOT / "src").rglob("*.lua")),
]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_awkward_words(path: Path) -> None:
    """A sentence has the function, the job or the worker as its subject."""
    text = path.read_text(encoding="utf-8")
    found = [f"line {text.count(chr(10), 0, hit.start()) + 1}: {hit[0]}" for hit in AVOIDED.finditer(text)]

    assert found == []
