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
from itertools import count
from queue import SimpleQueue
from typing import Any, BinaryIO

from audio_tools.system.processes import OWN_SESSION

_LENGTH = struct.Struct("!Q")

LONGEST_LAST_WORDS = 300
"""How much of what a dead process wrote is shown, in characters."""


class ChildDied(Exception):
    """The process ended before it answered; the message says how, `by_signal` if somebody killed it."""

    def __init__(self, how: str, *, by_signal: bool) -> None:
        super().__init__(how)
        self.by_signal = by_signal


class ChildProcess:
    """The parent's end: a running module and the pipes to it; one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: BinaryIO) -> None:
        self._process = process
        self._stderr = stderr

    @classmethod
    async def start(cls, module: str, *arguments: str) -> ChildProcess:
        """Run a module that calls `serve` or `open_pipes`."""
        # A file, not a pipe: nobody has to read it along, and it is there to be read when the process died.
        stderr = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # no module of the folder that we happen to run in
                *("-m", module, *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                **OWN_SESSION,  # Ctrl-C in the terminal is for this process, which ends its child
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
        await self.send(request)
        return await self.read()

    async def send(self, request: object) -> None:
        """Send a request; one that does not arrive gets no answer either."""
        pipe = self._process.stdin
        assert pipe is not None
        with suppress(ConnectionError):
            pipe.write(_pack(request))
            await pipe.drain()

    async def read(self) -> Any:
        """
        What the module says next.

        Raises:
            ChildDied: the process is gone, or goes.
        """
        pipe = self._process.stdout
        assert pipe is not None
        try:
            length = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))[0]
            return pickle.loads(await pipe.readexactly(length))
        except asyncio.IncompleteReadError:
            raise self._died(await self._process.wait()) from None

    def _died(self, code: int) -> ChildDied:
        if code < 0:
            return ChildDied(f"was killed by {signal.Signals(-code).name}", by_signal=True)
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        last_words = next((line for line in reversed(lines) if line.strip()), "no output")
        return ChildDied(f"ended with code {code}: {last_words[:LONGEST_LAST_WORDS]}", by_signal=False)

    async def kill(self) -> None:
        """End the process, whatever it does; safe to call twice."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._stderr.close()


class ConcurrentChild:
    """
    A child that answers several requests at once, each under the number of its call.

    Args:
        child: owned from now on; it has said all that it says before the first request.
    """

    def __init__(self, child: ChildProcess) -> None:
        self._child = child
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._numbers = count()
        self._death: ChildDied | None = None
        self._reading = asyncio.create_task(self._read(), name=f"answers of process {child.pid}")

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still answers."""
        return not self._reading.done()

    async def call(self, request: object) -> Any:
        """
        Return the answer to a request.

        A cancelled call kills the process, unless others wait for it too: then its answer is dropped.

        Raises:
            ChildDied: the process is gone, or ends before it answers.
        """
        if self._death is not None:
            raise self._death
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        try:
            await self._child.send((number, request))
            return await answer
        except asyncio.CancelledError:
            if len(self._calls) == 1:
                await self.kill()
            raise
        finally:
            del self._calls[number]

    async def kill(self) -> None:
        """End the process and all calls; safe to call twice."""
        await self._child.kill()
        await self._reading

    async def _read(self) -> None:
        try:
            while True:
                number, message = await self._child.read()
                if number in self._calls and not self._calls[number].done():
                    self._calls[number].set_result(message)
        except ChildDied as died:
            self._death = died
            for answer in self._calls.values():
                if not answer.done():
                    answer.set_exception(died)


def serve(answer: Callable[[Any], object]) -> None:
    """The child's end: answer requests until standard input is closed. It does not return."""
    say, requests = open_pipes()
    while True:
        say(answer(requests.get()))


def open_pipes() -> tuple[Callable[[object], None], SimpleQueue[Any]]:
    """The child's end, for more than an answer to each request: how to say something, and what is asked."""
    output = _take_standard_output()
    requests: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), name="requests", daemon=True).start()

    def say(message: object) -> None:
        output.write(_pack(message))
        output.flush()

    return say, requests


def _pack(message: object) -> bytes:
    body = pickle.dumps(message)
    return _LENGTH.pack(len(body)) + body


def _read_requests(requests: SimpleQueue[Any]) -> None:
    """Hand on requests; when there can be no more, end the process in the middle of whatever it does."""
    source = sys.stdin.buffer
    try:
        while len(header := source.read(_LENGTH.size)) == _LENGTH.size:
            requests.put(pickle.loads(source.read(_LENGTH.unpack(header)[0])))
    finally:  # also when the parent was killed half-way through a request
        os._exit(0)


def _take_standard_output() -> BinaryIO:
    """Keep standard output for answers; what a library prints goes to standard error."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output
