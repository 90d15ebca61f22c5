"""Dependencies point one way: a module imports only what stands below it, or in its own folder."""

from __future__ import annotations

import ast
from pathlib import Path

from tools.architecture_page import PACKAGE, PAGE, RANKS, with_rank_table

OUTSIDERS = {
    "av": {"media"},
    "soundfile": {"media"},
    "subprocess": {"media", "engines", "system"},
    "openai": {"engines"},
    "faster_whisper": {"engines"},
    "tenacity": {"engines"},
    "pocketsphinx": {"alignment"},
    "threadpoolctl": {"audio"},
    "onnxruntime": {"alignment"},
    "icu4py": {"words"},
    "rapidfuzz": {"words"},
    "sqlite3": {"jobs", "cli"},
    "bullmq": {"jobs"},
    "redis": {"jobs", "engines"},
    "click": {"cli"},
    "rich": {"cli"},
    "fastapi": {"server"},
    "starlette": {"server"},
    "uvicorn": {"server", "server_process"},
}
"""Libraries that only some parts may name."""


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rank_of(part: str) -> int:
    return next(rank for rank, parts in enumerate(RANKS) if part in parts)


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if part_of(path) not in {"__init__", "__main__"}]


def test_modules_import_only_lower_ranks() -> None:
    """The folder tree is a tower: nothing reaches up."""
    wrong = []
    for path in modules():
        own = part_of(path)
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] != "audio_tools" or len(parts) < 2 or parts[1] in {own, "__version__"}:
                continue
            if rank_of(parts[1]) >= rank_of(own):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")

    assert wrong == []


def test_the_server_does_not_know_how_transcripts_are_made() -> None:
    """Server and worker meet only in the queue."""
    forbidden = {"pipeline", "engines", "worker"}
    for path in modules():
        if part_of(path) == "server":
            named = {name.split(".")[1] for name in imports_of(path) if name.startswith("audio_tools.")}
            assert not named & forbidden, path


def test_libraries_stay_in_their_part() -> None:
    """Only `media/` starts FFmpeg, only `server/` speaks HTTP, only `jobs/` keeps jobs."""
    wrong = []
    for path in modules():
        for name in imports_of(path):
            allowed = OUTSIDERS.get(name.split(".", maxsplit=1)[0])
            if allowed and part_of(path) not in allowed:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")

    assert wrong == []


def test_the_architecture_page_has_every_module() -> None:
    """`python -m tools.architecture_page` writes its table from the ranks that these tests enforce."""
    assert PAGE.read_text() == with_rank_table(PAGE.read_text())
    assert {part_of(path) for path in modules()} == {name for modules in RANKS for name in modules}
