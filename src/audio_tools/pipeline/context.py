"""What an engine carries from one chunk to the next: the end of the text before."""

from __future__ import annotations

import asyncio


class ContextChain:
    """
    The context behind each chunk of a job, by its index.

    Args:
        is_kept: whether the engine uses it; if not, no chunk waits for another.
    """

    def __init__(self, *, is_kept: bool) -> None:
        self.is_kept = is_kept
        self._known: dict[int, asyncio.Future[tuple[int, ...]]] = {}

    async def before(self, index: int) -> tuple[int, ...]:
        """Return the context of a chunk; waits until the chunk before it is transcribed or has failed."""
        if not self.is_kept or index == 0:
            return ()
        # A cancelled chunk must not cancel what others wait for.
        return await asyncio.shield(self._future(index - 1))

    def set_behind(self, index: int, context: tuple[int, ...]) -> None:
        """Set the context behind a chunk; a second attempt at a failed chunk replaces that of the first."""
        if self._future(index).done():
            del self._known[index]
        self._future(index).set_result(context)

    def fail(self, index: int) -> None:
        """Let the next chunk begin without context, unless it is known."""
        if not self._future(index).done():
            self.set_behind(index, ())

    def _future(self, index: int) -> asyncio.Future[tuple[int, ...]]:
        if index not in self._known:
            self._known[index] = asyncio.get_running_loop().create_future()
        return self._known[index]
