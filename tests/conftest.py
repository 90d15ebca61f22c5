"""What all tests share."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from audio_tools.network import PROXY_VARIABLES
from audio_tools.settings import Settings

# A busy machine is no failure.
hypothesis_settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")

# What a shell starts in the background ignores Ctrl-C, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

SPEECH = Path(os.environ.get("AUDIO_TOOLS_SPEECH", Path(__file__).parents[2] / "shared" / "speech"))

ACCEPTANCE = Path(__file__).parent / "acceptance"
"""Its tests run whole processes: all of them count as slow."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a folder at once."""
    if item.path.is_relative_to(ACCEPTANCE):
        item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests: at the end one process would work while the other has nothing left."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the developer's own changes what a test sees."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of real recordings with reference texts."""
    if not (SPEECH / "manifest.json").is_file():
        pytest.skip(f"real recordings are absent: {SPEECH} (AUDIO_TOOLS_SPEECH names another folder)")
    return SPEECH


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that knows no name, and no proxy that would look names up itself."""

    def getaddrinfo(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for variable in PROXY_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
