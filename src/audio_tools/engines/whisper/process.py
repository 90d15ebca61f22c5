"""
The process that owns the Whisper model; `whisper.py` starts it and talks to it over its two standard pipes.

It lives apart because a model takes gigabytes, computes for minutes and may crash in native code: killing
the process is the one sure way to stop it and to get the memory back.

First it sends any number of `Downloaded`, then `Ready` or an error. From then on it takes numbered requests
and answers each under its number, several at once and in any order.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from audio_tools.engines.base import Request
from audio_tools.engines.whisper.messages import Downloaded, Message, Ready
from audio_tools.engines.whisper.model import Whisper
from audio_tools.engines.whisper.weights import find_weights, weights_digest
from audio_tools.errors import AudioToolsError
from audio_tools.subprocess_rpc import open_pipes


def main(model: str, data_dir: Path, device: str, compute_type: str) -> None:
    """Load the model, then answer requests until standard input is closed."""
    say, requests = open_pipes()

    def report(done: int, total: int) -> None:
        say(Downloaded(done, total))

    try:
        folder = find_weights(model, data_dir, on_download=report)
        whisper = Whisper(folder, device, compute_type)
    except AudioToolsError as error:
        say(error)
        return
    say(Ready(weights_digest(folder), whisper.compute_type))
    speaking = threading.Lock()

    def answer(call: int, request: Request) -> None:
        message = _answer(whisper, request)
        with speaking:
            say((call, message))

    with ThreadPoolExecutor(whisper.workers, "window") as workers:
        while True:
            workers.submit(answer, *requests.get())


def _answer(whisper: Whisper, request: Request) -> Message:
    try:
        return whisper.hear(request)
    except AudioToolsError as error:
        return error
    except Exception:
        # A thread that dies would leave its caller waiting: let the whole process be started again.
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
