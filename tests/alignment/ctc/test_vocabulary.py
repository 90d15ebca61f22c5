"""Vocabularies as they are exported, and words spelled with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audio_tools.alignment.ctc.vocabulary import read_vocabulary
from audio_tools.errors import ConfigError


def test_a_vocabulary_of_hugging_face(tmp_path: Path) -> None:
    """Special tokens are no letters; capital letters serve small ones."""
    labels = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "E": 5, "T": 6, "'": 7}
    (tmp_path / "vocab.json").write_text(json.dumps(labels))

    vocabulary = read_vocabulary(tmp_path)

    assert (vocabulary.blank, vocabulary.separator) == (0, 4)
    assert vocabulary.spell("«Té't,»") == [6, 5, 7, 6]
    assert vocabulary.spell("1813") == []


@pytest.mark.parametrize("text", ["<blk> 2\nа 0\nб 1\n▁ 3\n", "а\nб\n<blk>\n▁\n"])
def test_a_list_of_tokens(tmp_path: Path, text: str) -> None:
    """With numbers or without, in any script."""
    (tmp_path / "tokens.txt").write_text(text)

    vocabulary = read_vocabulary(tmp_path)

    assert (vocabulary.blank, vocabulary.separator) == (2, 3)
    assert vocabulary.spell("Баба") == [1, 0, 1, 0]
    assert vocabulary.covers("баба") == 1.0
    assert vocabulary.covers("ба da") == 0.5


def test_tokens_of_several_letters(tmp_path: Path) -> None:
    """The longest that fits comes first."""
    (tmp_path / "tokens.txt").write_text("<blank>\ns\nc\nh\nsch\nu\n")

    assert read_vocabulary(tmp_path).spell("Schuhs") == [4, 5, 3, 1]


def test_a_folder_without_a_vocabulary_names_the_setting(tmp_path: Path) -> None:
    """So does one that cannot be read."""
    with pytest.raises(ConfigError, match=r"ALIGN_MODEL .*neither vocab\.json nor tokens\.txt"):
        read_vocabulary(tmp_path)
    (tmp_path / "vocab.json").write_text("[1, 2]")
    with pytest.raises(ConfigError, match=r"vocab\.json is not a vocabulary"):
        read_vocabulary(tmp_path)
