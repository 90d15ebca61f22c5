"""
The process that owns the Whisper model; `whisper.py` starts it and talks to it over its two standard pipes.

It lives apart because a model takes gigabytes, computes for minutes and may crash in native code: killing
the process is the one sure way to stop it and to get the memory back. It ends as soon as its standard input
is closed, so also when the service is killed.

First it sends any number of `Downloaded`, then `Ready` or an error; from then on one reply or error for each
request.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from audio_tools.engines.base import Request
from audio_tools.engines.weights import find_weights, weights_digest
from audio_tools.engines.whisper_messages import HEADER_BYTES, Downloaded, Message, Ready, body_bytes, pack
from audio_tools.engines.whisper_model import Whisper
from audio_tools.errors import AudioToolsError


def main(model: str, data_dir: Path, device: str, compute_type: str) -> None:
    """Load the model, then answer requests until standard input is closed."""
    output = _take_standard_output()
    inbox: SimpleQueue[Request] = SimpleQueue()
    threading.Thread(target=_read_requests, args=(inbox,), name="requests", daemon=True).start()

    def send(message: Message) -> None:
        output.write(pack(message))
        output.flush()

    def report(done: int, total: int) -> None:
        send(Downloaded(done, total))

    try:
        folder = find_weights(model, data_dir, on_download=report)
        whisper = Whisper(folder, device, compute_type)
    except AudioToolsError as error:
        send(error)
        return
    send(Ready(weights_digest(folder), whisper.compute_type))
    while True:
        send(_answer(whisper, inbox.get()))


def _answer(whisper: Whisper, request: Request) -> Message:
    try:
        return whisper.hear(request)
    except AudioToolsError as error:
        return error


def _read_requests(inbox: SimpleQueue[Request]) -> None:
    """Hand on requests; when there can be no more, end the process in the middle of whatever it does."""
    source = sys.stdin.buffer
    try:
        while len(header := source.read(HEADER_BYTES)) == HEADER_BYTES:
            inbox.put(pickle.loads(source.read(body_bytes(header))))
    finally:  # also when the service was killed half-way through a request
        os._exit(0)


def _take_standard_output() -> BinaryIO:
    """Keep standard output for messages; what a library prints goes to standard error."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
