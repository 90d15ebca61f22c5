"""
The table of `make test-all` and CI: which Python passed what, with which programs on PATH.

Each run leaves its facts in a file of its own, so that a run which could not even be set up has a row too.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "platforms.md"
RESULTS = ROOT / ".nox" / "results"

HEAD = (
    "| Python | FFmpeg | `make demo` | tests | passed | skipped | failed | minutes |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True, slots=True)
class Suite:
    """The counts of a report that pytest wrote."""

    passed: int
    skipped: int
    failed: int
    seconds: float

    @classmethod
    def read(cls, report: Path) -> Self | None:
        """Count the tests of a JUnit report; None where pytest wrote none, so did not get to its end."""
        if not report.is_file():
            return None
        suite = ElementTree.parse(report).getroot().find("testsuite")
        if suite is None:
            return None
        tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        return cls(tests - skipped - failed, skipped, failed, float(suite.get("time", 0)))


@dataclass(frozen=True, slots=True)
class Row:
    """What one Python did."""

    python: str
    ffmpeg: str
    tests: str
    demo: str = "not run"
    suite: Suite | None = None

    @property
    def passed(self) -> bool:
        """Whether every cell of the row did."""
        return self.demo != "FAILED" and self.suite is not None and not self.suite.failed

    def save(self, name: str) -> None:
        """Store the row for `read_rows`."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a stored row."""
        facts = json.loads(path.read_text(encoding="utf-8"))
        suite = facts.pop("suite")
        return cls(**facts, suite=suite and Suite(**suite))


def read_rows() -> list[Row]:
    """All stored rows, oldest Python first."""
    rows = [Row.load(path) for path in RESULTS.glob("*.json")]
    return sorted(rows, key=lambda row: ([int(part) for part in row.python.split(".")], row.ffmpeg))


def as_table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    return HEAD + "".join(_line(row) for row in rows)


def _line(row: Row) -> str:
    suite = row.suite
    counts = ("-", "-", "NOT SET UP", "-")
    if suite is not None:
        failed = f"FAILED: {suite.failed}" if suite.failed else "0"
        counts = (str(suite.passed), str(suite.skipped), failed, f"{suite.seconds / 60:.1f}")
    return "| " + " | ".join((row.python, row.ffmpeg, row.demo, row.tests, *counts)) + " |\n"


def with_table(page: str, rows: Iterable[Row]) -> str:
    """The page with its table replaced."""
    return re.sub(re.escape(HEAD) + r"(?:\|.*\n)*", lambda _: as_table(rows), page)


def main(arguments: Sequence[str]) -> int:
    """Print the table, with `--write` also into the page; 1 if a row failed or Pythons are too few."""
    rows = read_rows()
    print(as_table(rows))
    if "--write" in arguments:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    pythons = {row.python for row in rows}
    print(f"{len(pythons)} Pythons found: {', '.join(dict.fromkeys(row.python for row in rows))}")
    if len(pythons) < 2:
        print("At least two are needed to know that the product is not tied to one.")
    return int(len(pythons) < 2 or not all(row.passed for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
