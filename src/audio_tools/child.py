"""
A module of ours in a process of its own, which answers one request after the other.

Code that holds Python's lock or may crash lives there: killing the process is the one sure way to stop it.
Requests and answers are pickled objects, each behind its length, on the process's two standard pipes; it
ends as soon as its standard input is closed, so also when we are killed.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, BinaryIO

_LENGTH = struct.Struct("!Q")

LONGEST_LAST_WORDS = 300
"""How much of what a dead process wrote is shown, in characters."""


class ChildDied(Exception):
    """The process ended before it answered; the message says how."""


class Child:
    """The parent's end: a running module and the pipes to it; one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: BinaryIO) -> None:
        self._process = process
        self._stderr = stderr

    @classmethod
    async def start(cls, module: str) -> Child:
        """Run a module that calls `serve`."""
        # A file, not a pipe: nobody has to read it along, and it is there to be read when the process died.
        stderr = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # no module of the folder that we happen to run in
                *("-m", module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C in the terminal is for us, and we end it
            )
        except BaseException:
            stderr.close()
            raise
        return cls(process, stderr)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    async def ask(self, request: object) -> Any:
        """
        What the module's `answer` gives for a request; whoever gives up waiting must `kill`.

        Raises:
            ChildDied: the process is gone, or goes.
        """
        write, read = self._process.stdin, self._process.stdout
        assert write is not None and read is not None
        with suppress(ConnectionError):  # then there is no answer either
            write.write(_pack(request))
            await write.drain()
        try:
            length = _LENGTH.unpack(await read.readexactly(_LENGTH.size))[0]
            return pickle.loads(await read.readexactly(length))
        except asyncio.IncompleteReadError:
            raise ChildDied(self._last_words(await self._process.wait())) from None

    def _last_words(self, code: int) -> str:
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it says nothing")
        return f"ended with code {code}: {last[:LONGEST_LAST_WORDS]}"

    async def kill(self) -> None:
        """End the process, whatever it does; safe to call twice."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._stderr.close()


def serve(answer: Callable[[Any], object]) -> None:
    """The child's end: answer requests until standard input is closed. It does not return."""
    output = _take_standard_output()
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read_requests, args=(inbox,), name="requests", daemon=True).start()
    while True:
        output.write(_pack(answer(inbox.get())))
        output.flush()


def _pack(message: object) -> bytes:
    body = pickle.dumps(message)
    return _LENGTH.pack(len(body)) + body


def _read_requests(inbox: SimpleQueue[Any]) -> None:
    """Hand on requests; when there can be no more, end the process in the middle of whatever it does."""
    source = sys.stdin.buffer
    while len(header := source.read(_LENGTH.size)) == _LENGTH.size:
        inbox.put(pickle.loads(source.read(_LENGTH.unpack(header)[0])))
    os._exit(0)


def _take_standard_output() -> BinaryIO:
    """Keep standard output for answers; what a library prints goes to standard error."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output
