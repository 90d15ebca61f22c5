"""
What the extension of uvicorn for large bodies brings: uploads with and without it, in turns.

It stays only as long as this shows a gain in the CPU time of an upload.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench_upload import served
from benchmarks.sender import random_content, send_form
from benchmarks.service import WITHOUT
from benchmarks.uploading import Taken, take

SIZE_BYTES = 1 << 30
ROUNDS = 3


def bench(
    folder: Path,
    size_bytes: int = SIZE_BYTES,
    rounds: int = ROUNDS,
) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where files may lie.
        size_bytes: of the uploads.
        rounds: how often each way gets an upload.
    """
    uploads: dict[str, list[Taken]] = {"": [], "socket_body": []}
    with random_content(folder, size_bytes) as content:
        for _ in range(rounds):
            for without, taken in uploads.items():
                with _left_out(without):
                    taken.append(take(folder, served, send_form, content))
    return [
        "## Extensions of uvicorn",
        "",
        f"Uploads of {size_bytes / 1e9:.1f} GB, {rounds} rounds in turns; medians.",
        "",
        "| large bodies | MB/s | CPU s/GB |",
        "|---|---|---|",
        *(_row(without, taken, size_bytes) for without, taken in uploads.items()),
    ]


@contextmanager
def _left_out(extension: str) -> Iterator[None]:
    """Services that are started meanwhile run without an extension."""
    os.environ[WITHOUT] = extension
    try:
        yield
    finally:
        del os.environ[WITHOUT]


def _name(without: str) -> str:
    return "without" if without else "with"


def _row(without: str, taken: Sequence[Taken], size_bytes: int) -> str:
    speed = size_bytes / 1e6 / statistics.median(each.seconds for each in taken)
    cpu = statistics.median(each.cpu_s for each in taken) / (size_bytes / 1e9)
    return f"| {_name(without)} `socket_body` | {speed:,.0f} | {cpu:.2f} |"


if __name__ == "__main__":
    from benchmarks.report import show

    show("extensions", bench)
