"""Engines that stay warm between jobs."""

from __future__ import annotations

import re

from audio_tools.engines import choose_engine, make_engine
from audio_tools.engines.base import Engine
from audio_tools.errors import InvalidOption
from audio_tools.options import Options
from audio_tools.settings import Settings

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class EnginePool:
    """One engine for each name and model, made when the first job asks for it and kept until `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines: dict[tuple[str, str | None], Engine] = {}

    def get(self, options: Options) -> Engine:
        """
        The engine for a job.

        Raises:
            EngineNotReady: there is none.
            InvalidOption: a model of the local engine is named by a path or a repository, which is for the
                settings to do, not for clients.
        """
        name = choose_engine(self._settings, options)
        if name == "whisper" and options.model and not PLAIN_NAME.fullmatch(options.model):
            raise InvalidOption("model", options.model, "the name of a model, such as base")
        wanted = name, options.model
        if wanted not in self._engines:
            self._engines[wanted] = make_engine(self._settings, options)
        return self._engines[wanted]

    async def close(self) -> None:
        """Close all of them."""
        while self._engines:
            _, engine = self._engines.popitem()
            await engine.close()
