"""Forced alignment of English with PocketSphinx, in child processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec

from audio_tools.alignment.base import Aligner
from audio_tools.alignment.pocketsphinx.process import Alignment
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.subprocess_rpc import ChildDied, ChildProcess
from audio_tools.transcript import Interval, Word

RULES = 4
"""Incremented when the same samples and words give other times; part of the identity."""

PATIENCE_S, PATIENCE_SHARE = 20.0, 0.5
"""
So long (s), and such a share of the sound's length, may aligning take; a fiftieth of that length is usual.

A guard for machines under load: the search itself gives up by the amount searched without success, so that
the same samples give the same words. Waiting for a process that is free does not count.
"""

ATTEMPTS = 2
"""A process that dies of native code is replaced, and the chunk aligned once more in the new one."""

log = logging.getLogger(__name__)


def is_installed() -> bool:
    """Return whether PocketSphinx is installed, without importing it."""
    return find_spec("pocketsphinx") is not None


class SphinxAligner:
    """
    See `alignment.base.Aligner`. Its processes are started when there is something to align.

    A cancelled `align` kills the process that worked for it.

    Args:
        processes: how many chunks are aligned at once; each process takes about 100 MB.
    """

    name = "pocketsphinx"
    languages = frozenset({"en"})

    def __init__(self, processes: int = 1) -> None:
        self._turns = asyncio.Semaphore(processes)
        self._idle: list[ChildProcess] = []

    def identity(self) -> tuple[str, ...]:
        """See `alignment.base.Aligner.identity`."""
        return (self.name, version("pocketsphinx"), f"rules {RULES}")

    def for_language(self, language: str | None) -> Aligner:  # noqa: ARG002
        """See `alignment.base.Aligner.for_language`."""
        return self

    async def align(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        """See `alignment.base.Aligner.align`."""
        if not words or (language is not None and language not in self.languages):
            return list(words)
        for attempt in range(ATTEMPTS):
            try:
                async with self._child() as child, asyncio.timeout(_patience_s(pcm)):
                    aligned: list[Word] = await child.call(Alignment(pcm, tuple(words), tuple(speech)))
                    return aligned
            except ChildDied as died:
                last = attempt + 1 == ATTEMPTS
                then = "keeping engine timings" if last else "retrying in a new process"
                log.warning("alignment failed, %s: the aligner %s", then, died)
            except TimeoutError:
                log.warning("alignment timed out, keeping engine timings")
                break
        return list(words)

    async def close(self) -> None:
        """Stop the processes; `align` would start others."""
        while self._idle:
            await self._idle.pop().kill()

    @asynccontextmanager
    async def _child(self) -> AsyncIterator[ChildProcess]:
        """Context manager: a process for one caller at a time; killed if its call does not finish."""
        async with self._turns:
            child = (
                self._idle.pop()
                if self._idle
                else await ChildProcess.start("audio_tools.alignment.pocketsphinx.process")
            )
            try:
                yield child
            except BaseException:
                # Its pending answer is no longer needed, and would be taken for the next one.
                await child.kill()
                raise
            self._idle.append(child)


def _patience_s(pcm: Pcm) -> float:
    return PATIENCE_S + PATIENCE_SHARE * len(pcm) / SAMPLE_RATE_HZ
