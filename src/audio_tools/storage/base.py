"""
What a place for data must provide: blobs, uploads and locks, after tusd's data store, upload and locker.

Local files (`local.py`, `uploads.py`, `upload_writer.py`) are the first implementation. Methods block briefly
unless they are `async`; every one raises StorageError if the place fails, and DiskFull if it has no room.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BlobStatus:
    """Name and size in bytes of a blob; `used_at`: epoch seconds of the last `put` or `touch`."""

    name: str
    size: int
    used_at: float


class Blobs(Protocol):
    """
    Small immutable values by name, such as `ab/abcd.json`; names come from the program, never from a client.

    Readers raise FileNotFoundError if there is no such blob. A crash leaves a blob whole or not at all.
    """

    def put(self, name: str, data: bytes) -> None:
        """Store a value durably; replaces an earlier one."""
        ...

    def append(self, name: str, data: bytes, at: int) -> None:
        """
        Append to a value that grows and has `at` bytes so far; 0 starts it anew. Readers see what was
        appended; a crash may lose the last of it.

        Raises:
            StorageError: it has another length, since another process writes it now.
        """
        ...

    def get(self, name: str) -> bytes:
        """Return the value."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open the value for reading; it can be read to its end even if the blob is removed meanwhile."""
        ...

    def status(self, name: str) -> BlobStatus:
        """Return size and age."""
        ...

    def touch(self, name: str) -> None:
        """Renew the age; never raises."""
        ...

    def remove(self, name: str) -> None:
        """Remove a blob. A missing blob is not an error."""
        ...

    def list(self) -> Iterator[BlobStatus]:
        """All blobs, in any order; blobs that are removed meanwhile may be missing."""
        ...

    def clean(self, older_than_s: float) -> int:
        """Remove partial files older than `older_than_s` that crashes left; returns their number."""
        ...


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """
    The client's description of an upload.

    `name` is for display, never for opening. An upload that is not `resumable` ends with its request.
    `length` in bytes is None while unknown; `metadata` is stored unchanged.
    """

    name: str
    resumable: bool = False
    length: int | None = None
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """
    A complete upload. `name` is the client's file name, for display only, never for opening; `path`: where
    this machine can read it.
    """

    id: str
    path: Path
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """
    The state of a resumable upload.

    `offset` and `length` in bytes, `length` None while unknown; `expires_at` in epoch seconds, extended
    by every byte; `metadata` as sent by the client.
    """

    id: str
    offset: int
    length: int | None
    metadata: str
    expires_at: float

    @property
    def finished(self) -> bool:
        """Whether all bytes have been received."""
        return self.offset == self.length


class Upload(Protocol):
    """
    Writes one upload: `begin` or `resume`, then `write`, then `finish` if it is complete, then `close`.

    The methods block; threads may take turns, one call at a time.
    """

    size: int
    max_bytes: int

    @property
    def id(self) -> str:
        """Id of the upload, after `begin` or `resume`."""
        ...

    def reserve(self, n_bytes: int) -> None:
        """Reserve space for the expected bytes."""
        ...

    def begin(self, record: UploadRecord) -> None:
        """Start a new upload; the name is sanitised for display."""
        ...

    def resume(self, upload_id: str) -> None:
        """Resume at the end of an upload. Raises UploadNotFound, UploadLocked."""
        ...

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes. Bytes written before an error are kept. Raises UploadTooLarge."""
        ...

    def truncate(self, size: int) -> None:
        """Truncate the upload to `size` bytes."""
        ...

    def finish(self) -> None:
        """Complete the upload durably; it can then be opened."""
        ...


class Locker(Protocol):
    """Exclusive use of an upload among all processes."""

    def hold(self, upload_id: str) -> AbstractAsyncContextManager[None]:
        """
        Context manager: hold an upload, to assign it to a job or remove it.

        Waits for the current holder, which may remove the upload: check inside the block that it still
        exists.

        Raises:
            UploadNotFound: there is no upload with this id.
        """
        ...


class Uploads(Locker, Protocol):
    """The uploads of a service, shared by its processes. No `async` method blocks the event loop."""

    max_bytes: int
    ttl_s: float
    make_room: Callable[[int], Awaitable[bool]]
    """Called when an upload finds no space, with the missing bytes; returns whether they are now free."""

    def close(self) -> None:
        """Wait for pending writes, and stop the threads."""
        ...

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in a thread of the store, to its end even if the caller is cancelled."""
        ...

    async def run_until(
        self, stop: Callable[[], None], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for a long call: if the caller is cancelled, `stop` makes it return."""
        ...

    def writer(self) -> AbstractAsyncContextManager[Upload]:
        """
        Context manager: the writer of one upload; call its methods through `run`.

        After an exception, an upload that is not resumable is removed, finished or not.
        """
        ...

    async def reserve(self, writer: Upload, n_bytes: int) -> None:
        """Reserve space for the expected bytes of an upload. Raises DiskFull if none can be made."""
        ...

    async def missing_bytes(self, n_bytes: int) -> int:
        """Return how many bytes must be freed to receive `n_bytes` more; 0 if there is space for them."""
        ...

    async def open(self, upload_id: str) -> UploadedFile:
        """Return a finished upload. Raises UploadNotFound, UploadExpired, UploadUnfinished."""
        ...

    async def status(self, upload_id: str) -> UploadStatus:
        """The state of a resumable upload. Raises UploadNotFound, UploadExpired."""
        ...

    async def size(self, upload_id: str) -> int:
        """Return the size of a finished upload in bytes, 0 if there is none."""
        ...

    async def set_length(self, upload_id: str, length: int) -> None:
        """Store the length of an upload that started without one. Call it only from its writer."""
        ...

    async def remove(self, upload_id: str) -> None:
        """Remove an upload in any state. A missing upload is not an error."""
        ...

    async def sweep(self, in_use: Collection[str]) -> int:
        """Remove leftovers of a crash, and old uploads that are not `in_use`; returns their number."""
        ...
