"""The sound of a media file that a browser cannot play, as a WAV that is decoded where it is listened to."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from audio_tools.concurrency import wait_uncancelled
from audio_tools.errors import DecodeFailed
from audio_tools.media.ffmpeg_log import reason

CHILD = "audio_tools.media.preview_child"
RATE_HZ = 32_000
"""As in the child process, whose module is not imported here: it opens media."""
HEADER_BYTES = 44
MOST_BYTES = (1 << 32) - 1
"""What the sizes in a WAV can count: 18 h. What follows is left out."""
START_S = 30.0
"""How long a file may take to be opened (seconds); a network disk needs a while."""
BLOCK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class SoundPreview:
    """A WAV, of which `size` bytes in all are there, and the ones from a place on come from `blocks`."""

    size: int
    blocks: AsyncIterator[bytes]


@asynccontextmanager
async def sound_preview(path: Path, position: int | None, first_byte: int) -> AsyncIterator[SoundPreview]:
    """
    Context manager: the sound of a file as a WAV (mono, 16 bits), from a byte on.

    One process decodes, only as far ahead as a pipe holds, and is killed at the end of the block.

    Args:
        path: a file that `probe` has accepted.
        position: which audio stream, counted from 0; None: the file's default.
        first_byte: which byte of the WAV comes first.

    Raises:
        DecodeFailed: the file has no sound that can be decoded.
    """
    first = max(first_byte - HEADER_BYTES, 0) // 2
    stream = "" if position is None else str(position)
    # -P: a file named json.py beside the media, or wherever the service was started, is not imported.
    command = [sys.executable, "-P", "-m", CHILD, str(os.getpid()), str(path), stream, str(first)]
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    # Each thread of a numeric library would reserve a part of the address space that the child may have.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    child = await asyncio.create_subprocess_exec(
        *command, stdin=null, stdout=pipe, stderr=null, env=environment
    )
    output = child.stdout
    assert output is not None
    try:
        n_samples = await _count(output, path)
        size = min(HEADER_BYTES + 2 * n_samples, MOST_BYTES // 2 * 2)
        yield SoundPreview(size, _blocks(output, size, first_byte))
    finally:
        await wait_uncancelled(asyncio.create_task(_end(child, output), name="end preview"))


async def _end(child: asyncio.subprocess.Process, output: asyncio.StreamReader) -> None:
    with suppress(ProcessLookupError):
        child.kill()
    await output.read()  # to its end, or its descriptor would stay open
    await child.wait()


async def _count(output: asyncio.StreamReader, path: Path) -> int:
    try:
        async with asyncio.timeout(START_S):
            facts = json.loads(await output.readline() or b"{}")
    except TimeoutError:
        facts = {"error": f"it was not open after {START_S:g} seconds"}
    if "samples" not in facts:
        cause = reason(facts.get("error", "the decoder ended early"), path)
        raise DecodeFailed(f"The sound of {path.name} cannot be decoded: {cause.why}.", hint=cause.hint)
    return int(facts["samples"])


async def _blocks(output: asyncio.StreamReader, size: int, first_byte: int) -> AsyncIterator[bytes]:
    head = _header(size)[first_byte:]
    if head:
        yield head
    at = HEADER_BYTES + max(first_byte - HEADER_BYTES, 0) // 2 * 2
    while at < size:
        block = await output.read(min(BLOCK_BYTES, size - at))
        if not block:
            # The decoder has failed half-way; a player is given the length that it was promised.
            block = bytes(min(BLOCK_BYTES, size - at))
        yield block[max(first_byte - at, 0) :]
        at += len(block)


def _header(size: int) -> bytes:
    """The head of a WAV of PCM: mono, 16 bits."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", size - 8, b"WAVE")
        + form
        + struct.pack("<4sI", b"data", size - HEADER_BYTES)
    )
