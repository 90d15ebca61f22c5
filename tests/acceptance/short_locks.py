"""`python short_locks.py LOCK_S work …`: `audio-tools` whose locks on jobs run out sooner than 30 s."""

from __future__ import annotations

import sys
from functools import partial

from audio_tools import cli
from audio_tools.jobs.bullmq import queue as bull

if __name__ == "__main__":
    lock_s = float(sys.argv.pop(1))
    # The queue takes the class from its module when it is made.
    vars(bull)["BullQueue"] = partial(bull.BullQueue, lock_s=lock_s, stalled_check_s=lock_s / 6)
    cli.main()
