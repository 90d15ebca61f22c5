from __future__ import annotations

from itertools import pairwise

import pytest

from audio_tools.exports import breaks
from audio_tools.exports.breaks import break_price


@pytest.mark.parametrize(
    ("left", "right", "price"),
    [
        ("done.", "Then", breaks.AFTER_SENTENCE),
        ("done.”", "Then", breaks.AFTER_SENTENCE),
        ("完了。", "次", breaks.AFTER_SENTENCE),
        ("well,", "yes", breaks.AFTER_CLAUSE),
        ("I...", "don't", breaks.AFTER_CLAUSE),
        ("—", "said", breaks.AFTER_CLAUSE),
        ("-", "said", breaks.AFTER_CLAUSE),
        ("went", "to", breaks.BEFORE_PREPOSITION),
        ("Brücke", "und", breaks.BEFORE_CONJUNCTION),
        ("etc.", "and", breaks.BEFORE_CONJUNCTION),
        ("blue", "sky", breaks.PLAIN),
        ("John", "Smith", breaks.IN_NAME),
        ("J.", "Smith", breaks.IN_NAME),
        ("500", "euros", breaks.IN_NAME),
        ("the", "sky", breaks.AFTER_BINDER),
        ("Dr.", "Smith", breaks.AFTER_BINDER),
        ("because", "of", breaks.AFTER_BINDER),
        ("Hello", "!", breaks.BEFORE_MARK),
        ("「", "はい", breaks.BEFORE_MARK),
    ],
)
def test_a_place_has_the_price_of_its_kind(left: str, right: str, price: float) -> None:
    """Punctuation decides first, then the words on both sides."""
    assert break_price(left, right) == price


def test_prices_keep_the_order_of_the_guides() -> None:
    """After a sentence is better than after a clause, and so on down to a stray mark."""
    order = [
        breaks.AFTER_SENTENCE,
        breaks.AFTER_CLAUSE,
        breaks.BEFORE_CONJUNCTION,
        breaks.BEFORE_PREPOSITION,
        breaks.PLAIN,
        breaks.IN_NAME,
        breaks.AFTER_BINDER,
        breaks.BEFORE_MARK,
    ]

    assert all(better < worse for better, worse in pairwise(order))


def test_a_word_that_begins_with_a_mark_is_a_word() -> None:
    """Only a mark that stands alone is held back; ".NET" may begin a line."""
    assert break_price("uses", ".NET") == breaks.PLAIN
