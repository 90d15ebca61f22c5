"""
Limit the resources and the lifetime of child processes that read untrusted files.

A child bounds itself as the first thing that it does: a hook in the forked process (`preexec_fn`) may
deadlock in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from audio_tools.system.processes import lower_limit

MEMORY_BYTES = 2 << 30
"""Address space, not memory in use."""

_PR_SET_PDEATHSIG = 1


def confine(parent_pid: int) -> None:
    """
    Bound this process: 2 GiB of address space, no file written, no core dumped; on Windows nothing.

    On Linux it is killed when the thread that started it ends, so also when that process is killed.

    Raises:
        SystemExit: the parent is gone already.
    """
    lower_limit("RLIMIT_CORE", 0)
    lower_limit("RLIMIT_FSIZE", 0)
    if sys.platform == "linux":
        lower_limit("RLIMIT_AS", MEMORY_BYTES)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # A parent that died before the call above will send no signal any more.
        if os.getppid() != parent_pid:
            raise SystemExit("the parent process has exited")
