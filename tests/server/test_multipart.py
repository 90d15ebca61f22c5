"""Forms with a file, over a real connection: taken whole, or refused with a reason and nothing left."""

from __future__ import annotations

import itertools
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.errors import UploadError
from audio_tools.server.multipart import FormReader
from audio_tools.server.uvicorn_ext.http_protocol import HttpProtocol
from audio_tools.storage import UploadRecord, UploadWriter
from tests.server.service import Service, running
from tests.server.wire import (
    BOUNDARY,
    DELIMITER,
    TYPE,
    Answer,
    chunked,
    form,
    head,
    media,
    part,
    post,
    read_answer,
    wait_until,
)

MAX_BYTES = 4 << 20


@pytest.fixture(scope="module")
def service(http: type[HttpProtocol], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that takes files of up to 4 MiB."""
    with running(tmp_path_factory.mktemp("data"), http=http, max_bytes=MAX_BYTES) as service:
        yield service


@pytest.fixture
def impatient(http: type[HttpProtocol], tmp_path: Path) -> Iterator[Service]:
    """A service that waits for bytes a moment only."""
    with running(tmp_path, http=http, max_bytes=MAX_BYTES, idle_s=0.2) as service:
        yield service


def uploads_in(service: Service) -> list[Path]:
    return sorted(service.folder.glob("uploads/*"))


def ask(service: Service, request: bytes) -> Answer:
    with service.connect(request) as connection:
        return read_answer(connection)


def content(service: Service, answer: Answer) -> bytes:
    path = service.folder / "uploads" / str(answer.json["id"]) / "media"
    return path.read_bytes()


@pytest.mark.parametrize(
    ("before", "after", "options"),
    [
        (b"", b"", None),
        (part("options", b'{"chunkSize": 1}'), b"", '{"chunkSize": 1}'),
        (b"", part("options", b'{"language": "d\xc3\xa9"}'), '{"language": "dé"}'),
        (part("other", b"x" * 1000), part("options", b"") + part("more", b"y"), ""),
        (b"", part("options", b" " * 65_536), " " * 65_536),
    ],
)
def test_a_form_is_taken(service: Service, before: bytes, after: bytes, options: str | None) -> None:
    """Options come before the file, after it or not at all; other fields do not matter."""
    data = bytes(range(256)) * 9000
    answer = ask(service, post(form(before, media(data), after)))

    assert answer.status == 200
    assert answer.json["options"] == options
    assert (answer.json["size"], answer.json["name"]) == (len(data), "a.mov")
    assert content(service, answer) == data


def test_a_form_of_unknown_length_is_taken(service: Service) -> None:
    """Chunked transfer, cut at odd places."""
    data = b"\r\n--a--" * 1000
    body = form(media(data), part("options", b"{}"))
    blocks = [body[start : start + 777] for start in range(0, len(body), 777)]
    request = head("POST", "/process-audio", Content_Type=TYPE, Transfer_Encoding="chunked") + chunked(blocks)
    answer = ask(service, request)

    assert (answer.status, answer.json["options"]) == (200, "{}")
    assert content(service, answer) == data


def test_a_file_of_the_largest_size_is_taken(service: Service) -> None:
    """What surrounds it in the form does not count."""
    assert ask(service, post(form(media(bytes(MAX_BYTES))))).status == 200


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\\\..\\\\boot.ini", "boot.ini"),
        ("/etc/passwd", "passwd"),
        ("Gespräch 🎬.mov", "Gespräch 🎬.mov"),
        ("", "upload"),
        ("say %22hi%22 50%.mov", 'say "hi" 50%.mov'),
    ],
)
def test_a_name_never_reaches_the_file_system(service: Service, sent: str, shown: str) -> None:
    """The file has a name of our own; what the client called it is only shown."""
    answer = ask(service, post(form(media(b"x", sent))))

    assert answer.json["name"] == shown
    assert content(service, answer) == b"x"


def test_uploads_in_one_connection_are_answered_in_order(service: Service) -> None:
    """A client need not wait for the first answer."""
    with service.connect(post(form(media(b"one"))) + post(form(media(b"three")))) as connection:
        sizes = [read_answer(connection).json["size"] for _ in range(2)]

    assert sizes == [3, 5]


WHOLE = form(media(b"x"))
TWO_MEGABYTES = bytes(2 << 20)


@pytest.mark.parametrize(
    ("request_bytes", "status", "code", "says"),
    [
        (post(b"{}", "application/json"), 415, "unsupported_media_type", "application/json"),
        (post(b"a=b", ""), 415, "unsupported_media_type", "is missing"),
        (post(WHOLE, "multipart/mixed; boundary=a--b"), 415, "unsupported_media_type", "mixed"),
        (post(WHOLE, "multipart/form-data"), 400, "malformed_upload", "boundary"),
        (post(WHOLE, 'multipart/form-data; boundary=""'), 400, "malformed_upload", "boundary"),
        (post(WHOLE, f"multipart/form-data; boundary={'a' * 300}"), 400, "malformed_upload", "oundary"),
        (post(WHOLE, "multipart/form-data; boundary=other"), 400, "malformed_upload", "boundary"),
        (post(b"", TYPE), 400, "malformed_upload", "ends before"),
        (post(b"no form at all", TYPE), 400, "malformed_upload", "Malformed"),
        (post(media(b"x")), 400, "malformed_upload", "ends before"),
        (post(WHOLE[:-5]), 400, "malformed_upload", "ends before"),
        (post(form()), 400, "malformed_upload", "no file"),
        (post(form(part("options", b"{}"))), 400, "malformed_upload", "no file"),
        (post(form(part("file", b"x", "a.mov"))), 400, "malformed_upload", "'file'"),
        (post(form(part("audioFile", b"/home/me/a.mov"))), 400, "malformed_upload", "text"),
        (post(form(media(b"x"), media(b"y"))), 400, "malformed_upload", "more than one"),
        (post(form(media(b""))), 400, "malformed_upload", "empty"),
        (
            post(form(part("options", b"{}"), media(b"x"), part("options", b"{}"))),
            400,
            "malformed_upload",
            "twice",
        ),
        (post(form(media(b"x"), part("options", b"\xff"))), 400, "malformed_upload", "UTF-8"),
        (post(form(media(b"x"), part("options", bytes(1 << 20)))), 413, "upload_too_large", "65536"),
        (post(form(part("options", bytes(65_537)), media(b"x"))), 413, "upload_too_large", "65536"),
        (post(form(part("other", TWO_MEGABYTES), media(b"x"))), 413, "upload_too_large", "1048576"),
        (post(form(media(b"x"), part("other", TWO_MEGABYTES))), 413, "upload_too_large", "1048576"),
        (post(WHOLE + TWO_MEGABYTES), 413, "upload_too_large", "1048576"),
        (post(form(*[part("other", b"")] * 64, media(b"x"))), 400, "malformed_upload", "64 parts"),
        (
            post(form(part("other", b"", header=b"X: %b\r\n" % TWO_MEGABYTES))),
            400,
            "malformed_upload",
            "header",
        ),
        (post(form(part("other", b"", header=b"X: y\r\n" * 20))), 400, "malformed_upload", "header"),
        (post(form(media(bytes(MAX_BYTES + 1)))), 413, "upload_too_large", str(MAX_BYTES)),
    ],
)
def test_a_form_that_is_wrong_is_refused(
    service: Service, request_bytes: bytes, status: int, code: str, says: str
) -> None:
    """The status fits, the message says what is wrong, and nothing is left."""
    before = uploads_in(service)
    answer = ask(service, request_bytes)

    assert (answer.status, answer.json["error"]) == (status, code)
    assert answer.json["success"] is False
    assert says in answer.json["message"]
    assert uploads_in(service) == before


@pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}])
def test_too_much_is_refused_before_it_is_sent(service: Service, expect: dict[str, str]) -> None:
    """The announced length is enough."""
    request = head("POST", "/process-audio", Content_Type=TYPE, Content_Length=10**12, **expect)
    answer = ask(service, request)

    assert (answer.status, answer.json["limit"]) == (413, MAX_BYTES)
    assert answer.headers["connection"] == "close"


def test_too_much_is_counted_where_no_length_is_announced(service: Service) -> None:
    """And the client, which is still sending when it is refused, can read why."""
    before = uploads_in(service)
    body = chunked([media(b""), *[bytes(1 << 20)] * 24])
    request = head("POST", "/process-audio", Content_Type=TYPE, Transfer_Encoding="chunked") + body
    answer = ask(service, request)

    assert (answer.status, answer.json["error"]) == (413, "upload_too_large")
    assert uploads_in(service) == before


def test_a_length_that_cuts_the_form_is_refused(service: Service) -> None:
    """Content-Length ends in the middle of the file; what follows is no request."""
    before = uploads_in(service)
    body = form(media(b"x" * 1000))
    answer = ask(service, head("POST", "/process-audio", Content_Type=TYPE, Content_Length=500) + body)

    assert (answer.status, answer.json["error"]) == (400, "malformed_upload")
    assert uploads_in(service) == before


@pytest.mark.parametrize("body", [b"", media(b"x" * 100_000)[:-2], form(media(b"x"))])
def test_a_client_that_falls_silent_is_let_go(impatient: Service, body: bytes) -> None:
    """It announced more than it sends: before the file, in it, after the whole form."""
    length = len(body) + 1
    answer = ask(impatient, head("POST", "/process-audio", Content_Type=TYPE, Content_Length=length) + body)

    assert (answer.status, answer.json["error"]) == (408, "upload_timeout")
    assert uploads_in(impatient) == []


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_hangs_up_leaves_nothing(service: Service, reset: bool) -> None:
    """Whether it says so properly or its machine does."""
    before = uploads_in(service)
    request = head("POST", "/process-audio", Content_Type=TYPE, Content_Length=4 << 20) + media(
        bytes(3 << 20)
    )
    connection = service.connect(request)
    wait_until(lambda: uploads_in(service) != before)
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    wait_until(lambda: uploads_in(service) == before)

    assert ask(service, post(form(media(b"x")))).status == 200


def test_a_server_that_stops_leaves_nothing(http: type[HttpProtocol], tmp_path: Path) -> None:
    """An upload that is still coming when the time for it is over is cancelled and removed."""
    with running(tmp_path, http=http, max_bytes=MAX_BYTES) as service:
        request = head("POST", "/process-audio", Content_Type=TYPE, Content_Length=4 << 20)
        connection = service.connect(request + media(bytes(3 << 20)))
        wait_until(lambda: uploads_in(service))
    connection.close()

    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.fixture
def cramped(http: type[HttpProtocol], tmp_path: Path) -> Iterator[Service]:
    """A service on a disk of 2 MB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    with running(tmp_path, http=http, max_bytes=MAX_BYTES) as service:
        yield service
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_disk_without_room_is_named_at_once(cramped: Service) -> None:
    """Not one byte of the file is asked for."""
    request = head("POST", "/process-audio", Content_Type=TYPE, Content_Length=3 << 20, Expect="100-continue")
    answer = ask(cramped, request)

    assert (answer.status, answer.json["error"]) == (507, "disk_full")
    assert uploads_in(cramped) == []


def test_a_disk_that_fills_up_is_named(cramped: Service) -> None:
    """A full disk is reported as such, and the partial upload is removed."""
    body = chunked([media(b""), *[bytes(1 << 20)] * 4])
    request = head("POST", "/process-audio", Content_Type=TYPE, Transfer_Encoding="chunked") + body
    answer = ask(cramped, request)

    assert (answer.status, answer.json["error"]) == (507, "disk_full")
    assert uploads_in(cramped) == []
    assert ask(cramped, post(form(media(b"x")))).status == 200


class MemoryWriter(UploadWriter):
    """Keeps the bytes in memory."""

    def __init__(self) -> None:
        self.size = 0
        self.data = bytearray()
        self.finished = False

    def begin(self, record: UploadRecord) -> None:
        """Nothing is needed."""

    def write(self, data: bytes | memoryview) -> None:
        self.data += data
        self.size += len(data)

    def finish(self) -> None:
        self.finished = True


LOOKALIKES = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"-",
        b"--",
        b"\r\n--",
        b"\r\n--a",
        b"\r\n--a--",
        b"a--b",
        b"\r\r\n--a--\r",
        b"\x00",
    ]
)
"""What a search for the boundary `\\r\\n--a--b` could stumble over."""
CUTS = st.lists(st.integers(1, 60), min_size=1, max_size=20)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Bytes without a whole boundary."""
    text = b"".join(draw(st.lists(LOOKALIKES | st.binary(max_size=40), min_size=1, max_size=30)))
    while DELIMITER in text:
        text = text.replace(DELIMITER, b"")
    return text or b"x"


def feed(reader: FormReader, body: bytes, cuts: list[int]) -> None:
    """Give the body to the reader in blocks of these sizes, again and again."""
    start = 0
    for size in itertools.cycle(cuts):
        if start >= len(body):
            return
        reader.feed(body[start : start + size])
        start += size


@settings(deadline=None)
@given(data=texts(), options=texts(), file_first=st.booleans(), cuts=CUTS)
def test_a_form_reads_the_same_however_it_is_cut(
    data: bytes, options: bytes, file_first: bool, cuts: list[int]
) -> None:
    """Bytes that look like a boundary, at the seam of two blocks or not, are the file's own."""
    writer = MemoryWriter()
    reader = FormReader(BOUNDARY, writer)
    options = options.decode("latin-1").encode()
    parts = (media(data), part("options", options))
    feed(reader, form(*(parts if file_first else reversed(parts))), cuts)

    assert reader.finish() == (("options", options.decode()),)
    assert writer.data == data
    assert writer.finished


@settings(deadline=None)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8)), min_size=1, max_size=5),
    end=st.floats(0, 1),
    cuts=CUTS,
)
def test_a_broken_form_is_refused_or_read(
    changes: list[tuple[float, bytes]], end: float, cuts: list[int]
) -> None:
    """Whatever is overwritten or cut off, nothing but our own errors comes of it."""
    body = bytearray(form(part("options", b"{}"), media(b"\r\n--a" * 9), part("other", b"y")))
    for place, noise in changes:
        start = int(place * len(body))
        body[start : start + len(noise)] = noise
    writer = MemoryWriter()
    reader = FormReader(BOUNDARY, writer)
    with suppress(UploadError):
        feed(reader, bytes(body[: int(end * len(body)) + 1]), cuts)
        reader.finish()
        assert writer.size > 0
