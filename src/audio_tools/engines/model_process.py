"""
A local model in a process of its own: `ModelProcess` starts it and sends requests, `serve_model` answers.

It lives apart because a model takes gigabytes, computes for minutes and may crash in native code: killing
the process is the only sure way to stop it and to get the memory back.

The process first sends any number of `Downloaded`, then `Ready` or an error. From then on it takes numbered
requests and answers each under its number, several at once and in any order.
"""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from audio_tools.engines.base import OnDownload, Request
from audio_tools.errors import AudioToolsError, EngineNotReady, EngineUnavailable
from audio_tools.subprocess_rpc import ChildDied, ChildProcess, ConcurrentChild, open_pipes
from audio_tools.transcript import Reply


@dataclass(frozen=True, slots=True)
class Downloaded:
    """Progress of a model download, in bytes."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded; `digest`: the SHA-256 of its weights, `compute_type`: the arithmetic it uses."""

    digest: str
    compute_type: str


Message = Downloaded | Ready | Reply | AudioToolsError


class ModelProcess:
    """
    The parent's side: one model in one process, which is started by `start` and again after it was stopped.

    A cancelled `start` kills the process, and so does a cancelled `transcribe` unless the process is working
    on another chunk as well: then it finishes the cancelled one too.

    Args:
        module: calls `serve_model`; it is run with `arguments`.
        label: name of the model in messages: `Whisper`.
        lanes: maximum number of concurrent requests; others wait.
        memory_hint: advice for a process that was killed, which is what happens when memory runs out.
    """

    def __init__(
        self, module: str, arguments: Sequence[str], *, label: str, lanes: int, memory_hint: str
    ) -> None:
        self._module = module
        self._arguments = arguments
        self._label = label
        self._memory_hint = memory_hint
        self._ready: Ready | None = None
        self._child: ConcurrentChild | None = None
        self._starting = asyncio.Lock()
        self._turns = asyncio.Semaphore(lanes)

    @property
    def ready(self) -> Ready:
        """What the process reported of its model; after `start` only."""
        assert self._ready is not None, "start() comes first"
        return self._ready

    @property
    def pid(self) -> int | None:
        """The process id; None while no process runs."""
        return self._child.pid if self._child is not None else None

    @property
    def requests_in_flight(self) -> int:
        """Number of requests that the process has not answered yet."""
        return self._child.calls_in_flight if self._child is not None else 0

    async def start(self, on_download: OnDownload | None = None) -> None:
        """
        Load the model; download it first if necessary, which may take minutes.

        Args:
            on_download: receives the progress of the download; called on the event loop.

        Raises:
            EngineNotReady: the model is missing, or cannot be loaded.
            StorageError: there is no room for the model.
        """
        try:
            await self._running_child(on_download or _ignore)
        except EngineUnavailable as error:
            raise EngineNotReady(error.message, hint=error.hint) from error

    async def transcribe(self, request: Request) -> Reply:
        """
        Return the reply to a request.

        Raises:
            EngineError: see the model. EngineUnavailable: the process died; the next call starts another.
        """
        async with self._turns:
            child = await self._running_child(_ignore)
            try:
                answer: Message = await child.call(request)
            except ChildDied as died:
                raise self._unavailable(died) from None
        if isinstance(answer, AudioToolsError):
            raise answer
        assert isinstance(answer, Reply), f"unexpected answer from the {self._label} process: {answer!r}"
        return answer

    async def close(self) -> None:
        """End the process. Safe to call twice."""
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _running_child(self, on_download: OnDownload) -> ConcurrentChild:
        """Return the process with its model loaded; start it if there is none."""
        async with self._starting:
            if self._child is not None and self._child.is_alive:
                return self._child
            await self.close()
            child = await ChildProcess.start(self._module, *self._arguments)
            try:
                self._ready = await _load(child, on_download)
            except ChildDied as died:
                await child.kill()
                raise self._unavailable(died) from None
            except BaseException:
                await child.kill()
                raise
            self._child = ConcurrentChild(child)
            return self._child

    def _unavailable(self, died: ChildDied) -> EngineUnavailable:
        hint = self._memory_hint if died.by_signal else ""
        return EngineUnavailable(f"The {self._label} process {died}.", hint=hint)


async def _load(child: ChildProcess, on_download: OnDownload) -> Ready:
    """Wait until the model is loaded."""
    while True:
        message: Message = await child.read()
        if isinstance(message, Ready):
            return message
        if isinstance(message, AudioToolsError):
            raise message
        if isinstance(message, Downloaded):
            on_download(message.done, message.total)


def _ignore(done: int, total: int) -> None:
    """Ignore the progress of a download."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """
    The child's side: a model in memory, and what to report of it.

    `transcribe`: called by up to `workers` threads at once; an AudioToolsError that it raises answers its
    request, and the process remains.
    """

    transcribe: Callable[[Request], Reply]
    workers: int
    ready: Ready


def serve_model(load: Callable[[OnDownload], LoadedModel]) -> None:
    """
    Load a model in this process, then answer requests until standard input is closed.

    Args:
        load: loads the model; an AudioToolsError that it raises is sent to the parent.
    """
    say, requests = open_pipes()

    def report(done: int, total: int) -> None:
        say(Downloaded(done, total))

    try:
        model = load(report)
    except AudioToolsError as error:
        say(error)
        return
    say(model.ready)
    sending = threading.Lock()

    def answer(call: int, request: Request) -> None:
        message = _answer(model, request)
        with sending:
            say((call, message))

    with ThreadPoolExecutor(model.workers, "model") as workers:
        while True:
            workers.submit(answer, *requests.get())


def _answer(model: LoadedModel, request: Request) -> Message:
    try:
        return model.transcribe(request)
    except AudioToolsError as error:
        return error
    except Exception:
        # A thread that dies would leave its caller waiting: let the whole process be started again.
        traceback.print_exc()
        os._exit(1)
