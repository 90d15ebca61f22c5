"""
Run a Python module in a child process that answers requests one by one.

For code that holds the GIL or may crash, since killing a process is the only reliable way to stop it.
Requests and answers are pickled objects with a length prefix on standard input and output; the process ends
when its standard input is closed, and therefore also when the parent is killed.
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
"""Maximum length of the quoted output of a dead process, in characters."""


class ChildDied(Exception):
    """The process ended without an answer; the message describes how, `by_signal` whether it was killed."""

    def __init__(self, how: str, *, by_signal: bool) -> None:
        super().__init__(how)
        self.by_signal = by_signal


class ChildProcess:
    """The parent side: a running module and its pipes; one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: BinaryIO) -> None:
        self._process = process
        self._stderr = stderr

    @classmethod
    async def start(cls, module: str, *arguments: str) -> ChildProcess:
        """Run a module that calls `serve` or `open_pipes`."""
        # A file instead of a pipe: it needs no reader and survives the process.
        stderr = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # do not import modules from the current directory
                *("-m", module, *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                **OWN_SESSION,  # Ctrl-C in the terminal must reach only the parent, which ends its child
            )
        except BaseException:
            stderr.close()
            raise
        return cls(process, stderr)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def call(self, request: object) -> Any:
        """
        Return the module's answer to a request. A caller that stops waiting must call `kill`.

        Raises:
            ChildDied: the process has ended, or ends before it answers.
        """
        await self.send(request)
        return await self.read()

    async def send(self, request: object) -> None:
        """Send a request. If the process is dead, `receive` raises."""
        pipe = self._process.stdin
        assert pipe is not None
        with suppress(ConnectionError):
            pipe.write(_pack(request))
            await pipe.drain()

    async def read(self) -> Any:
        """
        Return the next answer of the module.

        Raises:
            ChildDied: the process has ended, or ends before it answers.
        """
        pipe = self._process.stdout
        assert pipe is not None
        try:
            length = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))[0]
            return pickle.loads(await pipe.readexactly(length))
        except asyncio.IncompleteReadError:
            raise self._died(await self._process.wait()) from None

    def _died(self, code: int) -> ChildDied:
        quoted = self._last_words()
        if code < 0:
            # A failed assertion in native code prints itself and aborts.
            name = signal.Signals(-code).name
            return ChildDied(f"was killed by {name}{quoted and f': {quoted}'}", by_signal=True)
        return ChildDied(f"ended with code {code}: {quoted or 'no output'}", by_signal=False)

    def _last_words(self) -> str:
        """Return the last line that the process printed; nothing if `kill` ended it."""
        if self._stderr.closed:
            return ""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        return next((line[:LONGEST_LAST_WORDS] for line in reversed(lines) if line.strip()), "")

    async def kill(self) -> None:
        """Kill the process. Safe to call twice."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._stderr.close()


class ConcurrentChild:
    """
    A child process that answers several requests concurrently, identified by call numbers.

    Args:
        child: ownership is taken; all messages before the first request have been read.
    """

    def __init__(self, child: ChildProcess) -> None:
        self._child = child
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._numbers = count()
        self._death: ChildDied | None = None
        self._reading = asyncio.create_task(self._read(), name=f"answers of process {child.pid}")

    @property
    def pid(self) -> int:
        """Process id."""
        return self._child.pid

    @property
    def calls_in_flight(self) -> int:
        """Number of calls without an answer."""
        return len(self._calls)

    @property
    def is_alive(self) -> bool:
        """Whether the process is alive."""
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
        """Kill the process and fail all calls. Safe to call twice."""
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
    """The child side: answer requests until standard input is closed. Does not return."""
    send, requests = open_pipes()
    while True:
        send(answer(requests.get()))


def open_pipes() -> tuple[Callable[[object], None], SimpleQueue[Any]]:
    """The child side with more than one answer to a request: returns how to send, and the requests."""
    output = _take_standard_output()
    requests: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), name="requests", daemon=True).start()

    def send(message: object) -> None:
        output.write(_pack(message))
        output.flush()

    return send, requests


def _pack(message: object) -> bytes:
    body = pickle.dumps(message)
    return _LENGTH.pack(len(body)) + body


def _read_requests(requests: SimpleQueue[Any]) -> None:
    """Forward requests; when standard input is closed, end the process immediately."""
    source = sys.stdin.buffer
    try:
        while len(header := source.read(_LENGTH.size)) == _LENGTH.size:
            requests.put(pickle.loads(source.read(_LENGTH.unpack(header)[0])))
    finally:  # also if the parent was killed in the middle of a request
        os._exit(0)


def _take_standard_output() -> BinaryIO:
    """Reserve standard output for answers; output of libraries goes to standard error."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output
