"""Whether a chunk whose answer was stored is ever paid for again."""

from __future__ import annotations

import json
from pathlib import Path

from tests.simulator import Simulator, word_text


def stored_chunks(data_dir: Path) -> set[frozenset[str]]:
    """Return the words of each chunk whose answer is stored in a data folder."""
    replies = [json.loads(path.read_bytes()) for path in data_dir.glob("chunks/*/*.json")]
    return {frozenset(word["word"] for word in reply["words"]) for reply in replies}


def assert_nothing_is_paid_twice(simulator: Simulator, stored: set[frozenset[str]], sent: int) -> None:
    """Since the request number `sent`, none was for a chunk that was stored then."""
    asked = [
        frozenset(word_text(number) for number in record.heard if number is not None)
        for record in simulator.requests[sent:]
    ]

    # By chunks, not by words: two chunks overlap where there is no pause, and may have all words in common.
    assert [words for words in asked if words and words in stored] == []
