"""Memory that a computing process keeps."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SAME_ARRAY_TWICE = """
import ctypes, resource, threading
import numpy as np
from audio_tools.system.memory import keep_freed_memory

keep_freed_memory()
PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)  # a fault would be 4 kB or 2 MB, as memory is free

def compute():
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(10_000_000)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

thread = threading.Thread(target=compute)
thread.start()
thread.join()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc returns large arrays at once")
def test_a_freed_array_is_used_again() -> None:
    """The system clears its pages once, not for each array of its size, in threads too."""
    command = [sys.executable, "-c", SAME_ARRAY_TWICE]

    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    first, again = map(int, output.split())
    assert again < 100 < first
