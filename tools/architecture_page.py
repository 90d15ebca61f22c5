"""Write the table of ranks in `docs/architecture.md`; a test holds the page and the imports to it."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "architecture.md"
PACKAGE = PAGE.parent.parent / "src" / "audio_tools"

RANKS: list[dict[str, str]] = [
    {
        "redaction": "removal of secrets from text",
        "system": "differences between operating systems",
        "lua": "Lua scripts for Redis, read from `.lua` files",
    },
    {
        "errors": "every error, with code, status and hint",
        "json_value": "base class of values that serialize to JSON",
    },
    {
        "transcript": "words, segments, silences, media: the values of a transcript",
        "options": "options of a job",
        "logs": "structured logs, secrets redacted",
        "metrics": "Prometheus metrics",
        "subprocess_rpc": "calls into a child process",
        "model_packages": "model weights shipped in Python packages",
        "network": "proxy and certificate settings, reasons for failed connections",
        "concurrency": "thread calls and error groups for asyncio",
    },
    {
        "settings": "every setting of the process",
        "events": "events of a running job",
        "audio": "samples: level, voice activity, pauses, cutting",
    },
    {
        "words": "times and text of words, computed without the audio",
        "media": "the only place that opens media files",
        "storage": "files under `DATA_DIR`: uploads, chunk cache, transcripts",
    },
    {
        "exports": "transcript to file",
        "engines": "chunk to words, with retries and rate limits",
        "jobs": "the job queue: SQLite, BullMQ on Redis",
        "alignment": "word times from the samples",
    },
    {
        "pipeline": "media file to transcript",
        "testing": "test doubles: engine, blobs, queue",
        "webhooks": "signed messages to other programs when a job ends",
    },
    {
        "backend": "operations on jobs: start, cancel, delete, fetch, sweep",
        "client": "the Python clients of the service",
    },
    {
        "worker": "takes jobs from the queue and runs the pipeline",
        "server": "HTTP and WebSocket API",
        "mcp_server": "tools for assistants: Model Context Protocol",
    },
    {"worker_process": "the `work` process: engines, limits, aligner, workers"},
    {"server_process": "the `serve` process: HTTP, with or without workers"},
    {"cli": "the command line"},
]
"""Modules and folders of the package from the ground up, each with its subject."""

HEAD = "| rank | module | subject |\n|---|---|---|\n"


def rank_table() -> str:
    """One row for each module of the package, lowest rank first."""
    rows = [
        f"| {rank} | `{name}{'/' if (PACKAGE / name).is_dir() else ''}` | {subject} |"
        for rank, modules in enumerate(RANKS)
        for name, subject in modules.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


def with_rank_table(page: str) -> str:
    """The page with its table of ranks replaced by the current one."""
    return re.sub(re.escape(HEAD) + r"(?:\|.*\n)*", lambda _: rank_table(), page)


if __name__ == "__main__":
    PAGE.write_text(with_rank_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
