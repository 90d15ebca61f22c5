"""The table of models: what is asked of each, and what it costs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.engines.openai.models import MODELS, count_tokens, find_model
from tests.simulator import order

ENGINES_PAGE = Path(__file__).parents[3] / "docs" / "engines.md"

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
USAGES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "seconds", "input_tokens", "output_tokens", "total_tokens", "input_token_details"]
            )
            | st.sampled_from(["text_tokens", "audio_tokens"]),
            inner | st.sampled_from(["duration", "tokens"]),
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("whisper-1", "whisper-1"),
        ("gpt-4o-mini-transcribe-2025-12-15", "gpt-4o-mini-transcribe"),
        ("openai/gpt-4o-transcribe-diarize", "gpt-4o-transcribe-diarize"),
        ("gpt-transcribe-2027-01-31", "gpt-transcribe"),
    ],
)
def test_dates_and_providers_are_no_part_of_a_name(name: str, known: str) -> None:
    """A snapshot obeys the rules of its model, at every provider."""
    assert find_model(name) == MODELS[known]


def test_of_an_unknown_model_all_is_hoped_for() -> None:
    """It is asked for words, then for segments, then for text, and has no price of its own."""
    model = find_model("Systran/faster-whisper-large-v3")

    assert [form.response_format for form in model.forms] == ["verbose_json", "verbose_json", "json"]
    assert model.capabilities.words
    assert model.usd_per_minute == 0.0


def test_settings_win_over_the_table() -> None:
    """A user knows of a server what we do not."""
    model = find_model("whisper-1", "diarized_json", 0.001)

    assert model.capabilities.speakers
    assert not model.capabilities.words
    assert model.cost_usd({"type": "duration", "seconds": 120}) == pytest.approx(0.002)


@pytest.mark.parametrize("name", order.MODELS)
def test_no_model_is_asked_for_what_it_refuses(name: str) -> None:
    """The table and the rules of the API as the simulator has them agree, of every model it knows."""
    ours, theirs = find_model(name), order.MODELS[name]

    assert {form.response_format for form in ours.forms} <= set(theirs.formats)
    assert ours.takes_prompt == ("prompt" not in theirs.lacks)
    assert (ours.max_seconds or 0) < (theirs.max_seconds or 1)


@pytest.mark.parametrize("name", MODELS)
def test_the_page_on_engines_tells_the_same(name: str) -> None:
    """docs/engines.md has a row for each model with what the table says."""
    model = MODELS[name]
    able = [model.capabilities.words, model.capabilities.segments, model.capabilities.speakers]
    cells = [
        f"`{model.forms[0].response_format}`",
        *("yes" if each else "no" for each in (*able, model.takes_prompt)),
        f"{model.max_seconds:.0f} s" if model.max_seconds else "by size",
        str(model.usd_per_minute),
    ]
    (row,) = re.findall(rf"^\| `{name}`(?: †)? \| (.*) \|$", ENGINES_PAGE.read_text(), re.MULTILINE)

    assert row.split(" | ") == cells


@pytest.mark.parametrize(
    ("name", "usage", "cost_usd"),
    [
        ("gpt-transcribe", {"type": "duration", "seconds": 60}, 0.0045),
        ("whisper-1", {"type": "duration", "seconds": 90}, 0.009),
        (
            "gpt-4o-transcribe",
            {
                "type": "tokens",
                "input_tokens": 620,
                "input_token_details": {"text_tokens": 20, "audio_tokens": 600},
                "output_tokens": 200,
                "total_tokens": 820,
            },
            (600 * 6 + 20 * 2.5 + 200 * 10) / 1e6,
        ),
        ("gpt-4o-mini-transcribe", {"input_tokens": 600, "output_tokens": 0}, 600 * 3 / 1e6),
        ("gpt-transcribe", {"type": "tokens", "input_tokens": 600, "output_tokens": 10}, None),
        ("whisper-1", None, None),
        ("whisper-1", {"type": "duration"}, None),
    ],
)
def test_usage_has_its_price(name: str, usage: Any, cost_usd: float | None) -> None:
    """Seconds by the minute, tokens by the million; None leaves it to the price per minute."""
    assert find_model(name).cost_usd(usage) == (None if cost_usd is None else pytest.approx(cost_usd))


def test_a_minute_of_talk_costs_about_what_is_published() -> None:
    """Token prices and the published price per minute tell the same: 600 tokens in, 200 out."""
    for name in ("gpt-4o-transcribe", "gpt-4o-mini-transcribe"):
        model = find_model(name)
        assert model.cost_usd({"input_tokens": 600, "output_tokens": 200}) == pytest.approx(
            model.usd_per_minute, rel=0.1
        )


@given(st.sampled_from(sorted(MODELS)), USAGES)
def test_no_usage_breaks_the_bill(name: str, usage: Any) -> None:
    """Whatever a server counts, a cost is a cost or none."""
    cost_usd = find_model(name).cost_usd(usage)

    assert cost_usd is None or 0 <= cost_usd < float("inf")
    assert count_tokens(usage) >= 0
