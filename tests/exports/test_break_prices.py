from __future__ import annotations

from itertools import pairwise

import pytest

from audio_tools.exports import break_prices
from audio_tools.exports.break_prices import break_price


@pytest.mark.parametrize(
    ("left", "right", "price"),
    [
        ("done.", "Then", break_prices.AFTER_SENTENCE),
        ("done.”", "Then", break_prices.AFTER_SENTENCE),
        ("完了。", "次", break_prices.AFTER_SENTENCE),
        ("well,", "yes", break_prices.AFTER_CLAUSE),
        ("I...", "don't", break_prices.AFTER_CLAUSE),
        ("—", "said", break_prices.AFTER_CLAUSE),
        ("-", "said", break_prices.AFTER_CLAUSE),
        ("went", "to", break_prices.BEFORE_PREPOSITION),
        ("Brücke", "und", break_prices.BEFORE_CONJUNCTION),
        ("etc.", "and", break_prices.BEFORE_CONJUNCTION),
        ("blue", "sky", break_prices.PLAIN),
        ("John", "Smith", break_prices.IN_NAME),
        ("J.", "Smith", break_prices.IN_NAME),
        ("500", "euros", break_prices.IN_NAME),
        ("the", "sky", break_prices.AFTER_BINDER),
        ("Dr.", "Smith", break_prices.AFTER_BINDER),
        ("because", "of", break_prices.AFTER_BINDER),
        ("Hello", "!", break_prices.BEFORE_MARK),
        ("「", "はい", break_prices.BEFORE_MARK),
    ],
)
def test_a_place_has_the_price_of_its_kind(left: str, right: str, price: float) -> None:
    """Punctuation decides first, then the words on both sides."""
    assert break_price(left, right) == price


def test_prices_keep_the_order_of_the_guides() -> None:
    """After a sentence is better than after a clause, and so on down to a stray mark."""
    order = [
        break_prices.AFTER_SENTENCE,
        break_prices.AFTER_CLAUSE,
        break_prices.BEFORE_CONJUNCTION,
        break_prices.BEFORE_PREPOSITION,
        break_prices.PLAIN,
        break_prices.IN_NAME,
        break_prices.AFTER_BINDER,
        break_prices.BEFORE_MARK,
    ]

    assert all(better < worse for better, worse in pairwise(order))


def test_a_word_that_begins_with_a_mark_is_a_word() -> None:
    """Only a mark that stands alone is held back; ".NET" may begin a line."""
    assert break_price("uses", ".NET") == break_prices.PLAIN
