"""Each engine is described once; the rest of the program asks the registry."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest
from tools.architecture_page import PACKAGE

from audio_tools.engines.registry import ENGINES, check_engine, choose_engine, is_needed, make_engine
from audio_tools.errors import EngineNotReady
from audio_tools.metrics import REGISTRY
from audio_tools.options import EngineName, Options
from audio_tools.settings import Settings


def without_local_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio_tools.engines.whisper.spec.find_spec", lambda _: None)


def test_every_engine_can_be_named_in_options_and_settings() -> None:
    """The names of the interface are those of the registry, and `auto`."""
    assert set(get_args(EngineName)) == {"auto", *ENGINES}
    assert all(name == spec.name for name, spec in ENGINES.items())


@pytest.mark.parametrize("name", list(ENGINES))
def test_a_created_engine_has_the_name_of_its_spec(name: EngineName, tmp_path: Path) -> None:
    """Results, metrics and limits are kept under this name."""
    settings = Settings.load(data_dir=tmp_path, openai_api_key="sk-test")

    assert make_engine(settings, Options(engine=name)).name == name


def test_auto_takes_the_first_engine_whose_requirement_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API with a key, else the local engine; with neither, the error says how to get one."""
    without_local_engine(monkeypatch)
    keyless = Settings.load()

    assert choose_engine(Settings.load(openai_api_key="sk-test"), Options()).name == "openai"
    with pytest.raises(EngineNotReady, match="not set, and the local engine is not") as raised:
        check_engine(keyless)
    assert raised.value.hint == (
        "Set OPENAI_API_KEY, or install the local engine: pip install 'audio-tools-backend[local]'."
    )
    assert [name for name, spec in ENGINES.items() if is_needed(spec, keyless)] == ["whisper"]


def test_an_engine_named_by_the_job_goes_first() -> None:
    """The setting is only a default."""
    settings = Settings.load(openai_api_key="sk-test", engine="openai")

    assert choose_engine(settings, Options(engine="whisper")).name == "whisper"


def test_counters_of_every_engine_start_at_zero() -> None:
    """Prometheus sees no increase in a counter that begins at 1."""
    for name in ENGINES:
        assert REGISTRY.get_sample_value("audio_tools_engine_calls_total", {"engine": name}) is not None


def test_no_other_module_compares_engine_names() -> None:
    """A new engine is one spec, not a search for conditions."""
    compared = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and each.value in ENGINES
    ]

    assert compared == []
