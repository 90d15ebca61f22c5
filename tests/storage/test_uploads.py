"""Uploads on the disk: whole or absent, one writer at a time, and nothing left behind."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.errors import (
    DiskFull,
    StorageError,
    UploadExpired,
    UploadLocked,
    UploadNotFound,
    UploadTooLarge,
    UploadUnfinished,
)
from audio_tools.storage import UploadedFile, UploadRecord, UploadStore
from audio_tools.storage.upload_writer import WRITEBACK_BYTES, display_name

TTL_S = 10_000.0
LONG_AGO_S = 20_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[UploadStore]:
    """A store that takes uploads of up to 64 MiB."""
    uploads = UploadStore(tmp_path, max_bytes=64 << 20, min_free_bytes=0, ttl_s=TTL_S)
    yield uploads
    uploads.close()


async def upload(store: UploadStore, data: bytes, name: str = "a.mov") -> UploadedFile:
    """A finished upload that came in one request."""
    async with store.writer() as writer:
        writer.begin(UploadRecord(name))
        writer.write(data)
        writer.finish()
    return await store.open(writer.id)


async def begin(store: UploadStore, data: bytes, length: int | None = 10) -> str:
    """A resumable upload whose first request is over; gives its id."""
    async with store.writer() as writer:
        writer.begin(UploadRecord("a.mov", resumable=True, length=length))
        writer.write(data)
    return writer.id


def part_of(folder: Path, upload_id: str) -> Path:
    return folder / "uploads" / upload_id / "media.part"


def age(folder: Path) -> None:
    """Make an upload and its files look old."""
    long_ago = time.time() - LONG_AGO_S
    for path in (*folder.iterdir(), folder):
        os.utime(path, (long_ago, long_ago))


async def test_a_finished_upload_is_found_by_another_process(store: UploadStore, tmp_path: Path) -> None:
    """All that is needed to open it is on the disk."""
    file = await upload(store, b"media", "Interview äöü.mov")
    other = UploadStore(tmp_path, max_bytes=1, min_free_bytes=0, ttl_s=TTL_S)

    found = await other.open(file.id)
    other.close()

    assert found == file
    assert (found.size, found.name) == (5, "Interview äöü.mov")
    assert found.path.read_bytes() == b"media"
    assert found.path.is_relative_to(tmp_path / "uploads" / file.id)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\take 1.wav", "take 1.wav"),
        ("/", "upload"),
        ("..", "upload"),
        ("", "upload"),
        (" \t\n", "upload"),
        ("a\x00b\r\nc\x1b[31m.mov", "abc[31m.mov"),
        ("\u202evom.exe", "vom.exe"),
        ("x" * 5000 + ".mov", "x" * 196 + ".mov"),
        ("レコーディング🎬.mp4", "レコーディング🎬.mp4"),
    ],
)
async def test_of_a_name_is_kept_what_can_be_shown(store: UploadStore, given_name: str, shown: str) -> None:
    """No folder, no control or direction character; the ending stays."""
    assert (await upload(store, b"x", given_name)).name == shown


@given(st.text())
def test_a_shown_name_is_one_plain_file_name(name: str) -> None:
    """Whatever a client calls its file."""
    shown = display_name(name)

    assert 0 < len(shown) <= 200
    assert not set(shown) & set("/\\\r\n\x00")
    assert shown not in {".", ".."}
    assert shown.strip() == shown


@pytest.mark.parametrize(
    "upload_id", ["", ".", "..", "../uploads", "a" * 31, "A" * 32, "a" * 32 + "\n", "é" * 32]
)
async def test_an_id_not_of_our_making_is_not_found(
    store: UploadStore, tmp_path: Path, upload_id: str
) -> None:
    """Nor does it reach the disk: what lies beside the uploads stays."""
    (tmp_path / "precious").write_text("x")
    with pytest.raises(UploadNotFound):
        await store.open(upload_id)
    await store.remove(upload_id)

    assert (tmp_path / "precious").exists()


async def test_an_unknown_and_a_removed_upload_are_not_found(store: UploadStore) -> None:
    """Removing twice is fine."""
    file = await upload(store, b"x")
    await store.remove(file.id)
    await store.remove(file.id)
    for upload_id in (file.id, "0" * 32):
        with pytest.raises(UploadNotFound):
            await store.open(upload_id)


async def test_a_record_that_was_open_is_removed_later(store: UploadStore, tmp_path: Path) -> None:
    """Windows keeps an open file: the record of an upload that its holder removes."""
    file = await upload(store, b"media")
    async with store.hold(file.id):
        file.path.unlink()

    assert list((tmp_path / "uploads").iterdir()) == []


async def test_an_upload_that_fails_leaves_nothing(store: UploadStore, tmp_path: Path) -> None:
    """The file is removed also when the error comes after the last byte: no client knows its id."""
    for finished in (False, True):
        with pytest.raises(RuntimeError):
            async with store.writer() as writer:
                writer.begin(UploadRecord("a.mov"))
                writer.write(b"media")
                if finished:
                    writer.finish()
                raise RuntimeError
        assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_resumable_upload_goes_on_where_it_was(store: UploadStore) -> None:
    """The size of the file is the offset."""
    upload_id = await begin(store, b"01234")
    assert (await store.status(upload_id)).offset == 5
    with pytest.raises(UploadUnfinished) as unfinished:
        await store.open(upload_id)
    async with store.writer() as writer:
        writer.resume(upload_id)
        writer.write(b"56789")
        writer.finish()

    assert unfinished.value.facts() == {"offset": 5, "length": 10}
    assert (await store.open(upload_id)).path.read_bytes() == b"0123456789"
    assert (await store.status(upload_id)).finished


async def test_a_crash_before_the_last_step_is_made_good(store: UploadStore, tmp_path: Path) -> None:
    """All bytes are there, only the rename is missing: the next request finishes it."""
    upload_id = await begin(store, b"0123456789")
    assert part_of(tmp_path, upload_id).exists()

    assert (await store.open(upload_id)).path.read_bytes() == b"0123456789"
    assert not part_of(tmp_path, upload_id).exists()


async def test_two_writers_never_share_an_upload(store: UploadStore) -> None:
    """The second one is told; once the first has left, it may."""
    upload_id = await begin(store, b"01234")
    async with store.writer() as first, store.writer() as second:
        first.resume(upload_id)
        with pytest.raises(UploadLocked):
            second.resume(upload_id)
        first.close()
        second.resume(upload_id)
        assert second.size == 5


async def test_who_is_locked_out_does_no_harm(store: UploadStore) -> None:
    """The error of the second writer does not cost the first its upload."""
    upload_id = await begin(store, b"01234")
    async with store.writer() as first:
        first.resume(upload_id)
        with pytest.raises(UploadLocked):
            async with store.writer() as second:
                second.resume(upload_id)
        first.write(b"56789")
        first.finish()

    assert (await store.open(upload_id)).size == 10


async def test_an_upload_that_cannot_begin_leaves_nothing(
    store: UploadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its folder nor its lock."""

    def fail(path: Path, data: bytes) -> None:
        raise DiskFull("full")

    monkeypatch.setattr("audio_tools.storage.upload_folder.write_atomically", fail)
    with pytest.raises(DiskFull):
        await begin(store, b"x")

    assert list((tmp_path / "uploads").iterdir()) == []


async def test_bytes_over_the_limit_are_refused(tmp_path: Path) -> None:
    """What fits may still come."""
    store = UploadStore(tmp_path, max_bytes=10, min_free_bytes=0, ttl_s=TTL_S)
    async with store.writer() as writer:
        writer.begin(UploadRecord("a.mov"))
        with pytest.raises(UploadTooLarge, match="10"):
            writer.write(b"x" * 11)
        writer.write(b"x" * 10)
        assert writer.size == 10
    store.close()


async def test_short_writes_are_carried_on(store: UploadStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes three bytes at a time gets them all."""
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: whole(fd, memoryview(data)[:3], offset))

    file = await upload(store, bytes(range(100)))

    assert file.path.read_bytes() == bytes(range(100))


async def test_a_long_upload_is_written_in_order(store: UploadStore) -> None:
    """Asking the system to begin with the disk work early changes nothing in the file."""
    data = os.urandom(WRITEBACK_BYTES // 3)
    async with store.writer() as writer:
        writer.begin(UploadRecord("a.mov"))
        for _ in range(7):
            writer.write(data)
        writer.truncate(len(data) * 2)
        writer.write(data)
        writer.finish()

    assert (await store.open(writer.id)).path.read_bytes() == data * 3


async def test_a_disk_that_fails_to_sync_loses_the_upload(
    store: UploadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed sync any page may be missing, so no byte of it counts."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    upload_id = await begin(store, b"01234")
    async with store.writer() as writer:
        writer.resume(upload_id)
        monkeypatch.setattr(os, "fdatasync", fail)
        with pytest.raises(StorageError):
            writer.finish()

    assert part_of(tmp_path, upload_id).stat().st_size == 0


async def test_uploads_do_not_count_on_the_same_bytes(
    store: UploadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one is still to write is not free for another; what it has written is not counted twice."""
    free = 100
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    async with store.writer() as first, store.writer() as second:
        first.reserve(60)
        with pytest.raises(DiskFull):
            second.reserve(41)
        second.reserve(40)
        first.begin(UploadRecord("a.mov"))
        first.write(b"x" * 60)
        free = 40
        second.reserve(40)
        with pytest.raises(DiskFull):
            first.write(b"x" * 41)
    async with store.writer() as third:
        third.reserve(40)


async def test_some_room_is_always_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system and the database need it more."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    store = UploadStore(tmp_path, max_bytes=1000, min_free_bytes=70, ttl_s=TTL_S)
    async with store.writer() as writer:
        with pytest.raises(DiskFull):
            writer.reserve(31)
        writer.begin(UploadRecord("a.mov"))
        with pytest.raises(DiskFull):
            writer.write(b"x" * 31)
        writer.write(b"x" * 30)
    store.close()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_full_disk_keeps_what_was_written(full_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last bytes that fitted are there, the offset says so, and once there is room it resumes."""
    monkeypatch.setattr("audio_tools.storage.disk_space.DiskSpace._require_free", lambda *_: None)
    store = UploadStore(full_disk, max_bytes=10 << 20, min_free_bytes=0, ttl_s=TTL_S)
    async with store.writer() as writer:
        writer.begin(UploadRecord("a.mov", resumable=True, length=2 << 20))
        with pytest.raises(DiskFull, match="full"):
            writer.write(bytes(2 << 20))
        written = writer.size
    subprocess.run(["mount", "-o", "remount,size=8m", str(full_disk)], check=True)
    async with store.writer() as writer:
        writer.resume(writer_id := next(path.name for path in (full_disk / "uploads").iterdir()))
        assert writer.size == written > 900_000
        writer.write(bytes((2 << 20) - written))
        writer.finish()
    assert (await store.open(writer_id)).size == 2 << 20
    store.close()


async def test_a_cancelled_call_waits_for_its_thread(store: UploadStore) -> None:
    """However often it is cancelled: the thread may be writing to the file that is closed next."""
    entered, go_on, left = threading.Event(), threading.Event(), threading.Event()

    def write() -> None:
        entered.set()
        go_on.wait()
        left.set()
        raise OSError("nobody hears of this")

    task = asyncio.create_task(store.run(write), name="writer")
    await asyncio.to_thread(entered.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    ended_early = task.done()
    go_on.set()
    assert not ended_early
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left.is_set()


async def test_a_long_call_is_stopped_when_nobody_waits_for_it(store: UploadStore) -> None:
    """Cancelling does not wait for a client that sends nothing."""
    entered, stopped, left = threading.Event(), threading.Event(), threading.Event()

    def listen() -> None:
        entered.set()
        if stopped.wait(20):
            left.set()

    task = asyncio.create_task(store.run_until(stopped.set, listen), name="listener")
    await asyncio.to_thread(entered.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left.is_set()


async def test_a_damaged_record_counts_as_no_upload(store: UploadStore, tmp_path: Path) -> None:
    """What the disk lost is sent again."""
    file = await upload(store, b"x")
    record = tmp_path / "uploads" / file.id / "upload.json"
    for damage in (b"", b"{", b"[]", b'{"nam": 1}', b"\xff"):
        record.write_bytes(damage)
        with pytest.raises(UploadNotFound):
            await store.open(file.id)


async def test_an_upload_that_ends_with_its_request_is_nobody_s(store: UploadStore) -> None:
    """While it arrives it cannot be queried, used or resumed, even by a client that guesses its id."""
    async with store.writer() as writer:
        writer.begin(UploadRecord("a.mov"))
        with pytest.raises(UploadNotFound):
            await store.status(writer.id)
        with pytest.raises(UploadNotFound):
            await store.open(writer.id)


async def test_an_upload_left_for_too_long_has_expired(store: UploadStore, tmp_path: Path) -> None:
    """It is called so until it is swept; a finished one stays usable, and each use puts its end off."""
    upload_id, file = await begin(store, b"01234"), await upload(store, b"x")
    for one in (upload_id, file.id):
        age(tmp_path / "uploads" / one)
    with pytest.raises(UploadExpired):
        await store.status(upload_id)

    assert await store.open(file.id) == file
    assert await store.sweep(in_use=()) == 1
    with pytest.raises(UploadNotFound):
        await store.status(upload_id)
    age(tmp_path / "uploads" / file.id)
    assert await store.sweep(in_use=()) == 1


async def test_a_sweep_leaves_what_is_being_given_to_a_job(store: UploadStore, tmp_path: Path) -> None:
    """However old it is: in a moment a job will name it."""
    file = await upload(store, b"x")
    age(tmp_path / "uploads" / file.id)
    async with store.hold(file.id):
        assert await store.sweep(in_use=()) == 0

    assert await store.sweep(in_use=()) == 1


async def test_every_byte_puts_the_end_off(store: UploadStore, tmp_path: Path) -> None:
    """An upload that receives bytes does not expire."""
    upload_id = await begin(store, b"01234")
    age(tmp_path / "uploads" / upload_id)
    async with store.writer() as writer:
        writer.resume(upload_id)
        writer.write(b"5")

    assert (await store.status(upload_id)).expires_at > time.time() + TTL_S - 60


async def test_a_sweep_removes_what_nobody_needs(store: UploadStore, tmp_path: Path) -> None:
    """A dead request's part goes at once, the rest once it is old, but not what is named or written."""
    folder = tmp_path / "uploads"
    dead = await upload(store, b"dead")
    dead.path.rename(dead.path.with_name("media.part"))
    torn = folder / ("0" * 32)
    torn.mkdir()
    old = [await begin(store, b"old"), (await upload(store, b"old")).id, torn.name]
    named, writing = (await upload(store, b"named")).id, await begin(store, b"busy")
    for upload_id in (*old, named, writing):
        age(folder / upload_id)
    fresh = {await begin(store, b"fresh"), (await upload(store, b"fresh")).id, named, writing}
    (folder / ("1" * 32)).mkdir()
    (folder / "not ours").mkdir()
    async with store.writer() as writer, store.writer() as busy:
        busy.resume(writing)
        age(folder / writing)
        writer.begin(UploadRecord("a.mov"))

        removed = await store.sweep(in_use={named})

        left = {path.name for path in folder.iterdir()}
    assert removed == 4
    assert left == fresh | {writer.id, "1" * 32, "not ours"}


async def test_no_descriptor_leaks(store: UploadStore) -> None:
    """Neither well-ended nor failed uploads keep one."""

    async def use() -> None:
        upload_id = await begin(store, b"01234")
        await upload(store, b"x")
        with pytest.raises(UploadLocked):
            async with store.writer() as first, store.writer() as second:
                first.resume(upload_id)
                second.resume(upload_id)
        with pytest.raises(UploadNotFound):
            async with store.writer() as writer:
                writer.resume("0" * 32)
        await store.sweep(in_use=())

    await use()
    before = psutil.Process().num_fds()
    for _ in range(20):
        await use()

    assert psutil.Process().num_fds() == before
