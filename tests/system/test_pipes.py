"""Reading from pipes, with and without `poll`."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator

import pytest

from audio_tools.system.pipes import timed_reader

Reader = Callable[[memoryview], int]


@pytest.fixture(autouse=True, params=["poll", "threads"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this system has, then what Windows has."""
    if request.param == "threads":
        monkeypatch.delattr(select, "poll", raising=False)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: where to read and where to write; the test closes the latter."""
    read, write = os.pipe()
    yield read, write
    os.close(read)


def read_all(reader: Reader, size: int) -> bytes:
    data, buffer = bytearray(), bytearray(size)
    while n_bytes := reader(memoryview(buffer)):
        data += buffer[:n_bytes]
    return bytes(data)


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_everything_comes_in_order_whatever_the_buffer(pipe: tuple[int, int], size: int) -> None:
    """More than a pipe holds, then the end, which stays the end."""
    sent = bytes(range(256)) * 500

    def write() -> None:
        with os.fdopen(pipe[1], "wb") as file:
            file.write(sent)

    writer = threading.Thread(target=write)
    writer.start()
    reader = timed_reader(pipe[0], 60)

    assert read_all(reader, size) == sent
    assert reader(memoryview(bytearray(10))) == 0
    writer.join()


def test_a_silent_pipe_times_out(pipe: tuple[int, int]) -> None:
    """A decoder that hangs does not hang the job; what comes later is still read."""
    reader = timed_reader(pipe[0], 0.05)
    with pytest.raises(TimeoutError):
        reader(memoryview(bytearray(10)))
    os.write(pipe[1], b"late")
    os.close(pipe[1])

    assert read_all(timed_reader(pipe[0], 60) if hasattr(select, "poll") else reader, 10) == b"late"


def test_a_reader_that_is_given_up_leaves_no_thread(pipe: tuple[int, int]) -> None:
    """A cancelled job reads no further, and its child may still write."""
    before = set(threading.enumerate())
    reader = timed_reader(pipe[0], 60)
    os.write(pipe[1], b"data")
    assert reader(memoryview(bytearray(2))) == 2
    started = set(threading.enumerate()) - before

    del reader
    os.close(pipe[1])
    for thread in started:
        thread.join(30)

    assert not any(thread.is_alive() for thread in started)
