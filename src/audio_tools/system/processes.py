"""Child processes and signals."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

HAS_GROUPS = hasattr(os, "killpg")

_WINDOWS_GROUP = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}

OWN_GROUP: dict[str, Any] = {"process_group": 0} if HAS_GROUPS else _WINDOWS_GROUP
"""For `Popen`: Ctrl-C in the terminal reaches this process alone, which then ends its child."""

OWN_SESSION: dict[str, Any] = {"start_new_session": True} if HAS_GROUPS else _WINDOWS_GROUP
"""The same for asyncio, whose loops need not know process groups (uvloop)."""


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a child started with `OWN_GROUP` and, but on Windows, what it has started; safe to call twice."""
    if process.returncode is not None:
        return
    # macOS refuses to signal a group whose only process has ended and waits to be reaped.
    with suppress(ProcessLookupError, PermissionError):
        if HAS_GROUPS:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def lower_limit(name: str, value: int) -> None:
    """Lower a limit of this process, such as `RLIMIT_AS`, where the system knows limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = getattr(resource, name)
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, value))


def on_signals(action: Callable[[], object], *signals: signal.Signals) -> None:
    """Have the running event loop call `action` when one of the signals comes; from the main thread."""
    import asyncio  # the children that read media start without it

    loop = asyncio.get_running_loop()
    for number in signals:
        try:
            loop.add_signal_handler(number, action)
        except NotImplementedError:  # Windows: its loops wake up for a signal, but take no handlers
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(action))


def fastest_loop() -> type[asyncio.AbstractEventLoop] | None:
    """Return uvloop's event loop where it exists, else None for Python's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


def core_count() -> int:
    """Return how many cores this process may use, which in a container is fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
