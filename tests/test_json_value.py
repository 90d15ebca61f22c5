"""Values are read and written by many threads at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import TypeAdapter

from audio_tools import json_value
from audio_tools.transcript import Interval, Usage, Word

KINDS = (Word, Interval, Usage)


def test_threads_take_turns_at_reading_descriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each type is described once, one after the other: `ast.parse` of CPython 3.11 is not thread-safe."""
    making, made = threading.Lock(), []

    def make(kind: type) -> TypeAdapter[Any]:
        assert making.acquire(blocking=False), "two threads at once"
        time.sleep(0.02)  # so that the others come
        made.append(kind)
        making.release()
        return TypeAdapter(kind)

    monkeypatch.setattr(json_value, "_ADAPTERS", {})
    monkeypatch.setattr(json_value, "TypeAdapter", make)
    together = threading.Barrier(3 * len(KINDS))

    def read(kind: type[Word | Interval | Usage]) -> None:
        together.wait(10)
        with pytest.raises(ValueError):
            kind.from_json({"start": "no number", "seconds": "no number"})

    with ThreadPoolExecutor(3 * len(KINDS)) as threads:
        list(threads.map(read, 3 * KINDS))

    assert sorted(made, key=str) == sorted(KINDS, key=str)
