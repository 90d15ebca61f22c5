"""Engines that stay loaded between jobs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from audio_tools.engines import choose_engine, make_engine
from audio_tools.engines.base import Engine
from audio_tools.errors import InvalidOption
from audio_tools.options import EngineName, Options
from audio_tools.settings import Settings

Wanted = tuple[EngineName, str | None]
"""The engine and model of a job."""
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class EnginePool:
    """One engine per name and model in use; the last one of each name stays loaded until `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines: dict[Wanted, Engine] = {}
        self._users = Counter[Wanted]()

    @asynccontextmanager
    async def lend(self, options: Options) -> AsyncIterator[Engine]:
        """
        Context manager: the engine of a job.

        Raises:
            EngineNotReady: no engine is available.
            InvalidOption: a client names a local model by path or repository; only the settings may do so.
        """
        name = choose_engine(self._settings, options)
        if name == "whisper" and options.model and not PLAIN_NAME.fullmatch(options.model):
            raise InvalidOption("model", options.model, "the name of a model, such as base")
        wanted = name, options.model
        if wanted not in self._engines:
            self._engines[wanted] = make_engine(self._settings, options)
        self._users[wanted] += 1
        try:
            yield self._engines[wanted]
        finally:
            self._users[wanted] -= 1
            await self._close_others(wanted)

    async def _close_others(self, last: Wanted) -> None:
        """Close the previous local model: models take gigabytes, and clients may name any number of them."""
        idle = [
            each for each in self._engines if each[0] == last[0] and each != last and not self._users[each]
        ]
        for engine in [self._engines.pop(each) for each in idle]:
            await engine.close()

    async def close(self) -> None:
        """Close all engines."""
        while self._engines:
            _, engine = self._engines.popitem()
            await engine.close()
