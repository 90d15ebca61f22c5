"""The units of a text: words, also where a script has no spaces between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.words.script import join_words
from audio_tools.words.units import split_units


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("The plan is real-time. $3.50!", ["The", "plan", "is", "real-time.", "$3.50!"]),
        ("Bonjour ! Aujourd'hui, j'ai", ["Bonjour !", "Aujourd'hui,", "j'ai"]),
        ("- Hello — there", ["- Hello —", "there"]),
        ("今天天气很好，我们去公园。", ["今天", "天气", "很好，", "我们", "去", "公园。"]),
        ("「東京」へ行きました。", ["「東京」", "へ", "行き", "ま", "した。"]),
        ("我买 iPhone X了", ["我", "买", "iPhone", "X了"]),
        ("สวัสดีครับ วันนี้อากาศดี", ["สวัสดี", "ครับ", "วัน", "นี้", "อากาศ", "ดี"]),
        ("ខ្ញុំចង់ទៅផ្សារ", ["ខ្ញុំ", "ចង់ទៅ", "ផ្សារ"]),
        ("ຂ້ອຍຢາກໄປຕະຫຼາດ", ["ຂ້ອຍ", "ຢາກ", "ໄປ", "ຕະຫຼາດ"]),
        ("ကျွန်တော်ဈေးသွားချင်တယ်", ["ကျွန်တော်", "ဈေးသွား", "ချင်", "တယ်"]),
        ("😀今天", ["😀今天"]),
        ("so, ♪♪ la", ["so,", "♪♪", "la"]),
        ("...", ["..."]),
        ("", []),
    ],
)
def test_a_text_is_split_where_a_line_may_break(text: str, units: list[str]) -> None:
    """Marks stay with the word before them, and a dictionary finds the words where no spaces do."""
    assert split_units(text) == units


@pytest.mark.parametrize(
    "text",
    [
        "今天是2026年12月1日，我们去“北京”吧！好吗？API很快……对。",
        "我用 iPhone 15 拍了 4K 视频,然后用iPhone发给她?很好。OK, 好",
        "「東京タワー」へ3つのアイデア…と50%の水、AI－API。",
        "ราคา25บาท",
        "花了$5.50买的——很贵",
    ],
)
def test_numbers_and_words_of_other_scripts_keep_their_spacing(text: str) -> None:
    """A space is where the text has one, and nowhere else."""
    assert join_words(split_units(text)) == text


@given(st.text(st.sampled_from("ab今天很ไทยก็。，.!-— 😀♪「」éक्"), max_size=40))
def test_units_joined_are_the_text(text: str) -> None:
    """Nothing is lost, doubled or put in another order."""
    units = split_units(text)

    assert "".join(join_words(units).split()) == "".join(text.split())
    assert all(unit == unit.strip() != "" for unit in units)
