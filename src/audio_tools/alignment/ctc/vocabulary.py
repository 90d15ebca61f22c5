"""The labels of a CTC model, and how words are spelled with them."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from audio_tools.errors import ConfigError

BLANKS = ("<pad>", "[PAD]", "<blank>", "<blk>", "<eps>", "<b>")
SEPARATORS = ("|", "▁", " ", "<space>")
"""How models write the space between words."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Labels by their text; `blank` and `separator` are labels, the latter None if there is none."""

    labels: dict[str, int]
    blank: int
    separator: int | None

    def spell(self, word: str) -> list[int]:
        """
        Return the labels of a word, the longest that fit first; what the model cannot spell is left out.

        A letter is tried as it is, in small and capital letters, and without its accents.
        """
        labels: list[int] = []
        text = unicodedata.normalize("NFC", word)
        longest = max(map(len, self.labels), default=1)
        position = 0
        while position < len(text):
            for length in range(min(longest, len(text) - position), 0, -1):
                found = self._label(text[position : position + length])
                if found is not None:
                    labels.append(found)
                    position += length
                    break
            else:
                labels += self._without_accents(text[position])
                position += 1
        return labels

    def covers(self, text: str) -> float:
        """Return the share of the letters of a text that the model can spell, 0 to 1."""
        letters = [letter for letter in unicodedata.normalize("NFC", text) if letter.isalpha()]
        return sum(bool(self.spell(letter)) for letter in letters) / max(len(letters), 1)

    def _label(self, text: str) -> int | None:
        if not any(letter.isalnum() or unicodedata.category(letter)[0] == "M" for letter in text):
            return self.labels.get(text) if text in {"'", "’"} else None
        forms = (text, text.lower(), text.upper())
        return next((self.labels[form] for form in forms if form in self.labels), None)

    def _without_accents(self, letter: str) -> list[int]:
        plain = unicodedata.normalize("NFKD", letter)
        found = [self._label(part) for part in plain] if plain != letter else []
        return [label for label in found if label is not None]


def read_vocabulary(folder: Path) -> Vocabulary:
    """
    Read `vocab.json` (Hugging Face) or `tokens.txt` (a token a line, with its number or without).

    Raises:
        ConfigError: there is neither, or it cannot be read.
    """
    for name, read in (("vocab.json", _read_json), ("tokens.txt", _read_lines)):
        if (folder / name).is_file():
            try:
                labels = read((folder / name).read_text(encoding="utf-8"))
            except (ValueError, TypeError, AttributeError) as error:
                raise _unusable(folder, f"{name} is not a vocabulary: {error}") from error
            blank = next((labels[token] for token in BLANKS if token in labels), 0)
            separator = next((labels[token] for token in SEPARATORS if token in labels), None)
            special = {*BLANKS, *SEPARATORS}
            spoken = {text: label for text, label in labels.items() if text not in special}
            return Vocabulary(
                {text: label for text, label in spoken.items() if not _is_special(text)}, blank, separator
            )
    raise _unusable(folder, "it has neither vocab.json nor tokens.txt")


def _is_special(text: str) -> bool:
    return len(text) > 2 and text[0] + text[-1] in {"<>", "[]"}


def _read_json(text: str) -> dict[str, int]:
    return {str(token): int(number) for token, number in json.loads(text).items()}


def _read_lines(text: str) -> dict[str, int]:
    labels: dict[str, int] = {}
    for number, line in enumerate(text.splitlines()):
        token, _, index = line.rpartition(" ")
        if index.isdigit() and (token or line[:1] == " "):
            labels[token or " "] = int(index)
        else:
            labels[line] = number
    return labels


def _unusable(folder: Path, problem: str) -> ConfigError:
    return ConfigError(
        f"ALIGN_MODEL {folder}: {problem}.",
        hint="Set ALIGN_MODEL to a folder with a CTC model (model.onnx) and its vocabulary, or unset it.",
    )
