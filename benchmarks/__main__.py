"""`python -m benchmarks [NAME…]`: run all benchmarks, or those named, and write RESULTS.md again."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Missing
from benchmarks.report import RESULTS, in_order, measure, read, write

PREFIX = "bench_"


def names() -> list[str]:
    """The benchmarks that there are, in the order of the report."""
    return in_order([path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py")])


def main(wanted: Sequence[str]) -> None:
    """
    Run benchmarks; each one's section is written as soon as it is there.

    One that lacks something keeps its old section, and what it lacks is printed.

    Raises:
        SystemExit: there is no such benchmark.
    """
    if strange := set(wanted) - set(names()):
        raise SystemExit(f"no benchmark {', '.join(sorted(strange))}; there are {', '.join(names())}")
    for name in in_order(list(wanted)) or names():
        print(f"{name} …", flush=True)
        try:
            section = measure(name, importlib.import_module(f"benchmarks.{PREFIX}{name}").bench)
        except (Missing, ImportError, OSError) as reason:
            print(f"{name}: not run here: {reason}", file=sys.stderr)
            continue
        sections = read(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(write(sections | {name: section}))
        print(section, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
