"""The context that chunks of a job hand on."""

from __future__ import annotations

import asyncio

from audio_tools.pipeline.context import ContextChain


async def test_a_chunk_waits_for_the_context_of_the_one_before() -> None:
    """The first has none; others get it in whatever order they start."""
    chain = ContextChain(is_kept=True)
    second = asyncio.create_task(chain.before(1), name="second")
    third = asyncio.create_task(chain.before(2), name="third")
    await asyncio.sleep(0)

    assert await chain.before(0) == ()
    assert not second.done()
    chain.set_behind(0, (1, 2))
    assert await second == (1, 2)
    chain.set_behind(1, (3,))
    assert await third == (3,)


async def test_a_failed_chunk_does_not_hold_up_the_next_one() -> None:
    """The next one begins without context; a second attempt hands on its own."""
    chain = ContextChain(is_kept=True)
    chain.fail(0)

    assert await chain.before(1) == ()
    chain.set_behind(0, (1,))
    chain.fail(0)
    assert await chain.before(1) == (1,)


async def test_a_cancelled_chunk_does_not_cancel_others() -> None:
    """Several may wait for the same one, over passes."""
    chain = ContextChain(is_kept=True)
    waiting = asyncio.create_task(chain.before(1), name="waiting")
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    chain.set_behind(0, (1,))
    assert await chain.before(1) == (1,)


async def test_without_context_no_chunk_waits() -> None:
    """Engines that keep none get their chunks in any order."""
    assert await ContextChain(is_kept=False).before(7) == ()
