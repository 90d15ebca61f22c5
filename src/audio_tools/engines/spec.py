"""The description of an engine, for the program before an engine is created."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from audio_tools.engines.base import Engine
from audio_tools.options import EngineName, Options
from audio_tools.settings import Settings
from audio_tools.words.word_timer import WordTimer


@dataclass(frozen=True, slots=True)
class Requirement:
    """
    What an engine needs before it can be chosen by `auto`.

    `absent`: a clause for the error message if it is missing; `remedy`: how to provide it, no full stop.
    """

    absent: str
    remedy: str
    is_met: Callable[[Settings], bool]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of `doctor` about an engine; `ok` None: nothing is wrong, but not everything was tried."""

    ok: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """
    One engine: what it needs, how it is created, described and diagnosed. To add an engine, add its spec to
    `registry.ENGINES` and its name to `options.EngineName`.

    `is_local`: it computes on this machine, so it costs nothing. `languages`: ISO 639-1 codes that it knows.
    `client_models`: the model names that clients may use; None: any. `make`: creates the engine of a job
    without starting it; its `capabilities` depend on the model. `describe`: the engine and model in a few
    words, in a few file-system calls; raises EngineNotReady if a key, package or model is missing.
    `diagnose`: the line of `doctor`, with network access only if the second argument is true; raises
    AudioToolsError if a transcription would fail. `account`: identifies the account whose rate limits all
    processes share; None: the limits are those of this process. `word_timer`: creates what times the words of
    engines without word times, or returns None if this engine cannot, or its model is not present.
    """

    name: EngineName
    requirement: Requirement
    is_local: bool
    languages: frozenset[str]
    make: Callable[[Settings, Options], Engine]
    describe: Callable[[Settings], str]
    diagnose: Callable[[Settings, bool], Diagnosis]
    client_models: re.Pattern[str] | None = None
    account: Callable[[Settings], str] | None = None
    word_timer: Callable[[Settings], WordTimer | None] = lambda _: None
