"""Engines that stay loaded between jobs; `rate_limits` bounds their concurrent requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from audio_tools.engines.base import Engine
from audio_tools.engines.registry import choose_engine
from audio_tools.errors import InvalidOption
from audio_tools.options import Options
from audio_tools.settings import Settings

Wanted = tuple[str, str | None]
"""The engine and model of a job."""


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
        spec = choose_engine(self._settings, options)
        if options.model and spec.client_models and not spec.client_models.fullmatch(options.model):
            raise InvalidOption("model", options.model, "the name of a model, such as base")
        wanted = spec.name, options.model
        if wanted not in self._engines:
            self._engines[wanted] = spec.make(self._settings, options)
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
