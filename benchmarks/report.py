"""RESULTS.md: a section for each benchmark, which says of itself when and on what it was measured."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import ROOT, machine

Bench = Callable[[Path], list[str]]
"""Takes a folder to work in; gives lines of Markdown that begin with a heading."""

ORDER = (
    "pass",
    "schedule",
    "rate",
    "upload",
    "sockets",
    "extensions",
    "truth",
    "words",
    "wer",
    "silence",
    "queue",
)
"""How the benchmarks follow one another in the report; others come after them."""
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
HEAD = """\
# Results

Made by `python -m benchmarks`; `python -m benchmarks pass upload` makes only some sections again. What each
does stands in `benchmarks/bench_<name>.py`. Compare within a table, whose rows were measured in one run, not
between machines; where the load was above the number of cores, times are worse than they could be.
"""
_SECTION = re.compile(r"<!-- (\w+) -->\n(.*?)(?=\n<!-- \w+ -->\n|\Z)", re.DOTALL)


def show(name: str, bench: Bench) -> None:
    """Run one benchmark and print its section."""
    print(measure(name, bench))


def measure(name: str, bench: Bench) -> str:
    """Run a benchmark in a folder of its own that is removed afterwards; gives its section."""
    date, where = datetime.now(UTC).strftime("%Y-%m-%d"), machine()
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
        heading, *lines = bench(Path(folder))
    return "\n".join([heading, "", f"*{date}, {where}*", *lines]).strip() + "\n"


def read(text: str) -> dict[str, str]:
    """The sections of a report by the names of their benchmarks."""
    return {name: section.strip() + "\n" for name, section in _SECTION.findall(text)}


def write(sections: dict[str, str]) -> str:
    """The report, its sections in their order."""
    return "\n".join([HEAD, *(f"<!-- {name} -->\n{sections[name]}" for name in in_order(list(sections)))])


def in_order(names: Sequence[str]) -> list[str]:
    """Names of benchmarks in the order of the report."""
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
