"""The two pipes of a running FFmpeg: what it makes and what it complains of."""

from __future__ import annotations

import fcntl
import io
import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from audio_tools.media.ffmpeg_log import Log

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIPE_BYTES = 1 << 20


class Pipes(io.RawIOBase):
    """
    Reads the output while it keeps the complaints flowing, so that neither pipe can block FFmpeg for good.

    `log` has heard every complaint that came before the output read last. The output ends when both pipes
    are closed, so FFmpeg has ended too, or is about to.

    Args:
        output, complaints: descriptors to read from; closing them is left to their owner.
        stall_s: how long to wait for either, in seconds.

    Reading raises:
        TimeoutError: nothing comes.
    """

    def __init__(self, output: int, complaints: int, stall_s: float) -> None:
        self._output, self._complaints, self._stall_s = output, complaints, stall_s
        self.log = Log()
        # Not select(): it fails on descriptors above 1023, and a server with many clients has them.
        self._poll = select.poll()
        self._open = {output, complaints}
        for pipe in self._open:
            self._poll.register(pipe, select.POLLIN)
        if sys.platform == "linux":
            # Fewer switches between the two processes; refused when the user's pipes hold too much already.
            with suppress(OSError):
                fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while self._open:
            ready = {pipe for pipe, _ in self._poll.poll(self._stall_s * 1000)}
            if not ready:
                raise TimeoutError
            if self._complaints in ready:
                self._hear()
            if self._output in ready:
                if read := os.readv(self._output, [buffer]):
                    return read
                self._forget(self._output)
        return 0

    def _hear(self) -> None:
        if data := os.read(self._complaints, 65536):
            self.log.feed(data)
        else:
            self._forget(self._complaints)

    def _forget(self, pipe: int) -> None:
        self._poll.unregister(pipe)
        self._open.discard(pipe)
