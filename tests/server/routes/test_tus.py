"""Resumable uploads: the bytes on the disk decide, at whatever moment either side disconnects."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audio_tools.server.routes._tus_headers import relative_location
from audio_tools.server.routes.tus import TusApp
from audio_tools.server.uvicorn_ext.http_protocol import HttpProtocol
from audio_tools.storage import UploadRecord, UploadStatus, UploadStore
from tests.server.service import Service, running
from tests.server.wire import chunked, head, read_answer, wait_until

MAX_BYTES = 64 << 20
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}
DATA = random.Random(1).randbytes(3 << 20)


@pytest.fixture(scope="module")
def service(http: type[HttpProtocol], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that takes uploads of up to 64 MiB, and waits for their bytes as long as it takes."""
    with running(tmp_path_factory.mktemp("data"), http=http, max_bytes=MAX_BYTES, idle_s=3600) as service:
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx2.Client]:
    """Speaks tus with the service."""
    with new_client(service) as client:
        yield client


def new_client(service: Service) -> httpx2.Client:
    return httpx2.Client(base_url=service.url, headers=TUS, timeout=30)


def create(client: httpx2.Client, length: int = len(DATA), metadata: str | None = None) -> str:
    """A new upload; gives its path."""
    headers = {"Upload-Length": str(length)} | ({"Upload-Metadata": metadata} if metadata else {})
    answer = client.post("/files", headers=headers)
    assert answer.status_code == 201, answer.text
    return "/" + answer.headers["location"]


def patch(client: httpx2.Client, path: str, offset: int, data: bytes, **headers: str) -> httpx2.Response:
    given = (
        {"Upload-Offset": str(offset)} | OCTETS | {name.replace("_", "-"): headers[name] for name in headers}
    )
    return client.patch(path, content=data, headers=given)


def offset_of(client: httpx2.Client, path: str) -> int:
    answer = client.head(path)
    assert answer.status_code == 200
    return int(answer.headers["upload-offset"])


def patch_head(path: str, offset: int, **headers: object) -> bytes:
    """The head of a PATCH, to be sent by hand."""
    return head(
        "PATCH",
        path,
        Tus_Resumable="1.0.0",
        Content_Type="application/offset+octet-stream",
        Upload_Offset=offset,
        **headers,
    )


def folder_of(service: Service, path: str) -> Path:
    return service.folder / "uploads" / path.rsplit("/", maxsplit=1)[-1]


def part_size(service: Service, path: str) -> int:
    return (folder_of(service, path) / "media.part").stat().st_size


def content(service: Service, path: str) -> bytes:
    return (folder_of(service, path) / "media").read_bytes()


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def test_the_server_says_what_it_can(service: Service) -> None:
    """Without a version in the request, as the protocol wants it."""
    answer = httpx2.options(f"{service.url}/files")

    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(MAX_BYTES)
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "expiration",
        "termination",
        "checksum",
    }


def test_an_upload_arrives_in_pieces(service: Service, client: httpx2.Client) -> None:
    """Each PATCH says where it starts, each answer where it got to; the last one makes the file usable."""
    path = create(client)
    first = patch(client, path, 0, DATA[:1000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert offset_of(client, path) == 1000
    assert first.headers["cache-control"] == "no-store"
    last = patch(client, path, 1000, DATA[1000:])

    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(DATA)))
    assert "upload-expires" not in last.headers
    assert offset_of(client, path) == len(DATA)
    assert content(service, path) == DATA


def test_a_finished_upload_is_usable_by_its_id(service: Service, client: httpx2.Client) -> None:
    """What a job names as uploadId is the last part of the upload's address."""
    name = base64.b64encode("../Gespräch.mov".encode()).decode()
    path = create(client, 3, f"filetype dmlkZW8=,filename {name}")
    patch(client, path, 0, b"abc")
    uploads = UploadStore(service.folder, max_bytes=1, min_free_bytes=0, ttl_s=3600)
    file = asyncio.run(uploads.open(path.rsplit("/", maxsplit=1)[-1]))
    uploads.close()

    assert (file.size, file.name, file.path.read_bytes()) == (3, "Gespräch.mov", b"abc")


def test_an_upload_can_begin_with_its_creation(service: Service, client: httpx2.Client) -> None:
    """Small files need one request only, and empty ones no bytes."""
    answer = client.post("/files", content=DATA, headers={"Upload-Length": str(len(DATA))} | OCTETS)
    part = client.post("/files", content=b"abc", headers={"Upload-Length": "5"} | OCTETS)
    empty = client.post("/files", headers={"Upload-Length": "0"})

    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(DATA)))
    assert content(service, answer.headers["location"]) == DATA
    assert (part.status_code, part.headers["upload-offset"]) == (201, "3")
    assert patch(client, "/" + part.headers["location"], 3, b"de").status_code == 204
    assert content(service, part.headers["location"]) == b"abcde"
    assert (empty.status_code, empty.headers["upload-offset"]) == (201, "0")
    assert content(service, empty.headers["location"]) == b""


def test_the_length_may_come_later(service: Service, client: httpx2.Client) -> None:
    """Once said it stays."""
    path = "/" + client.post("/files", headers={"Upload-Defer-Length": "1"}).headers["location"]
    assert client.head(path).headers["upload-defer-length"] == "1"
    assert patch(client, path, 0, b"abc").headers["upload-offset"] == "3"
    assert patch(client, path, 3, b"", Upload_Length="2").status_code == 400
    assert patch(client, path, 3, b"", Upload_Length=str(MAX_BYTES + 1)).status_code == 413
    assert patch(client, path, 3, b"d", Upload_Length="5").status_code == 204
    known = client.head(path).headers
    assert (known["upload-length"], known.get("upload-defer-length")) == ("5", None)
    assert patch(client, path, 4, b"e", Upload_Length="6").status_code == 400
    assert patch(client, path, 4, b"e", Upload_Length="5").status_code == 204
    assert content(service, path) == b"abcde"


def test_the_last_word_may_be_the_length(service: Service, client: httpx2.Client) -> None:
    """All bytes were there before anybody knew."""
    path = "/" + client.post("/files", headers={"Upload-Defer-Length": "1"}).headers["location"]
    patch(client, path, 0, b"abc")
    patch(client, path, 3, b"", Upload_Length="3")

    assert content(service, path) == b"abc"


def test_metadata_comes_back_as_it_was_sent(client: httpx2.Client) -> None:
    """Keys without a value too; without metadata there is no header."""
    metadata = "filename YS5tb3Y=,is_confidential,note bm8="
    assert client.head(create(client, 3, metadata)).headers["upload-metadata"] == metadata
    assert "upload-metadata" not in client.head(create(client)).headers


@pytest.mark.parametrize(
    ("asked", "location"), [("/files", "files/7"), ("/files/", "7"), ("/api/v1/files", "files/7"), ("/", "7")]
)
def test_an_upload_is_where_the_client_asked(asked: str, location: str) -> None:
    """A relative address holds behind any proxy."""
    assert relative_location(asked, "7") == location


def test_the_collection_may_end_in_a_slash(service: Service, client: httpx2.Client) -> None:
    """The address that comes back leads to the upload all the same."""
    answer = client.post("/files/", headers={"Upload-Length": "3"})

    assert offset_of(client, str(httpx2.URL(f"{service.url}/files/").join(answer.headers["location"]))) == 0


CREATE: dict[str, str] = {"Upload-Length": "3"}
APPEND = OCTETS | {"Upload-Offset": "2"}


@pytest.mark.parametrize(
    ("request_parts", "status", "code"),
    [
        (("POST", {}, b""), 400, "malformed_upload"),
        (("POST", {"Upload-Length": "-1"}, b""), 400, "malformed_upload"),
        (("POST", {"Upload-Length": "3", "Upload-Defer-Length": "1"}, b""), 400, "malformed_upload"),
        (("POST", {"Upload-Length": "1e3"}, b""), 400, "malformed_upload"),
        (("POST", {"Upload-Length": "9" * 30}, b""), 400, "malformed_upload"),
        (("POST", {"Upload-Length": str(MAX_BYTES + 1)}, b""), 413, "upload_too_large"),
        (("POST", {"Upload-Defer-Length": "2"}, b""), 400, "malformed_upload"),
        (("POST", CREATE | {"Upload-Concat": "partial"}, b""), 400, "malformed_upload"),
        (("POST", CREATE | {"Upload-Metadata": "filename %%%"}, b""), 400, "malformed_upload"),
        (("POST", CREATE | {"Upload-Metadata": "a " + "QUJD" * 2000}, b""), 400, "malformed_upload"),
        (("POST", CREATE | {"Tus-Resumable": "0.2.2"}, b""), 412, "unsupported_tus_version"),
        (("POST", CREATE | {"Content-Type": "text/plain"}, b"x"), 415, "unsupported_media_type"),
        (("POST", CREATE | OCTETS, b"four"), 413, "upload_too_large"),
        (("POST", CREATE | OCTETS | {"Upload-Checksum": checksum(b"abd")}, b"abc"), 460, "checksum_mismatch"),
        (("PATCH", APPEND | {"Tus-Resumable": "2.0.0"}, b"c"), 412, "unsupported_tus_version"),
        (
            ("PATCH", APPEND | {"Content-Type": "application/octet-stream"}, b"c"),
            415,
            "unsupported_media_type",
        ),
        (("PATCH", OCTETS, b"c"), 400, "malformed_upload"),
        (("PATCH", OCTETS | {"Upload-Offset": "x"}, b"c"), 400, "malformed_upload"),
        (("PATCH", OCTETS | {"Upload-Offset": "1"}, b"c"), 409, "offset_mismatch"),
        (("PATCH", OCTETS | {"Upload-Offset": "3"}, b"c"), 409, "offset_mismatch"),
        (("PATCH", APPEND, b"cd"), 413, "upload_too_large"),
        (("PATCH", APPEND | {"Upload-Length": "4"}, b"c"), 400, "malformed_upload"),
        (("PATCH", APPEND | {"Upload-Checksum": "md5 abcd"}, b"c"), 400, "malformed_upload"),
        (("PATCH", APPEND | {"Upload-Checksum": "sha1 %%%"}, b"c"), 400, "malformed_upload"),
        (("PATCH", APPEND | {"Upload-Checksum": checksum(b"x")}, b"c"), 460, "checksum_mismatch"),
        (("PATCH", APPEND | {"Upload-Checksum": checksum(b"x", "sha256")}, b"c"), 460, "checksum_mismatch"),
        (("GET", {}, b""), 405, "method_not_allowed"),
        (("PUT", {}, b""), 405, "method_not_allowed"),
    ],
)
def test_what_is_wrong_changes_nothing(
    service: Service,
    client: httpx2.Client,
    request_parts: tuple[str, dict[str, str], bytes],
    status: int,
    code: str,
) -> None:
    """The status fits, the body has our shape, no byte is written and no upload begun."""
    method, headers, body = request_parts
    member = create(client, 3)
    patch(client, member, 0, b"ab")
    before = set(service.folder.glob("uploads/*"))
    answer = client.request(method, "/files" if method == "POST" else member, headers=headers, content=body)

    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert answer.json()["success"] is False
    assert status == 405 or answer.headers["tus-resumable"] == answer.headers["tus-version"] == "1.0.0"
    assert offset_of(client, member) == 2
    assert set(service.folder.glob("uploads/*")) == before


def test_a_request_without_a_version_is_refused(service: Service) -> None:
    """It may be no tus client at all."""
    assert httpx2.post(f"{service.url}/files", headers={"Upload-Length": "3"}).status_code == 412


@pytest.mark.parametrize("upload_id", ["0" * 32, "x", "..%2f..%2fetc%2fpasswd", "A" * 32, "0" * 33])
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_an_unknown_upload_is_not_found(client: httpx2.Client, method: str, upload_id: str) -> None:
    """Be its id well-formed or not."""
    answer = client.request(method, f"/files/{upload_id}", headers=APPEND)

    assert answer.status_code == 404


def test_a_finished_upload_takes_no_more(service: Service, client: httpx2.Client) -> None:
    """A client that missed the last answer may ask, or send nothing once more."""
    path = create(client, 3)
    patch(client, path, 0, b"abc")

    assert patch(client, path, 3, b"").status_code == 204
    assert patch(client, path, 3, b"d").status_code == 413
    assert patch(client, path, 0, b"abc").status_code == 409
    assert content(service, path) == b"abc"


@pytest.mark.parametrize(("blocks", "status"), [([], 204), ([b"d"], 413), ([DATA], 413)])
def test_a_finished_upload_takes_no_more_in_chunks(
    service: Service, client: httpx2.Client, blocks: list[bytes], status: int
) -> None:
    """Unannounced bytes are not dropped behind a success status."""
    path = create(client, 3)
    patch(client, path, 0, b"abc")
    request = patch_head(path, 3, Transfer_Encoding="chunked") + chunked(blocks)
    with service.connect(request) as connection:
        assert read_answer(connection).status == status

    assert content(service, path) == b"abc"


def test_bytes_may_be_called_so_in_capitals(service: Service, client: httpx2.Client) -> None:
    """Media types know no case."""
    path = create(client, 3)

    assert patch(client, path, 0, b"abc", Content_Type="Application/Offset+Octet-Stream").status_code == 204
    assert content(service, path) == b"abc"


def test_too_much_in_chunks_is_taken_back(service: Service, client: httpx2.Client) -> None:
    """Unannounced bytes are counted; none of this request is kept."""
    path = create(client, 2_000_000)
    patch(client, path, 0, DATA[:1000])
    body = chunked([DATA[:1_500_000], DATA[:1_500_000]])
    with service.connect(patch_head(path, 1000, Transfer_Encoding="chunked") + body) as connection:
        answer = read_answer(connection)

    assert (answer.status, answer.json["error"]) == (413, "upload_too_large")
    assert offset_of(client, path) == 1000


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_bytes_that_match_their_checksum_are_kept(
    service: Service, client: httpx2.Client, algorithm: str
) -> None:
    """Each PATCH has its own."""
    path = create(client)
    for start, end in ((0, 2_000_000), (2_000_000, len(DATA))):
        data = DATA[start:end]
        assert patch(client, path, start, data, Upload_Checksum=checksum(data, algorithm)).status_code == 204

    assert content(service, path) == DATA


def send_half(service: Service, path: str, **headers: object) -> Any:
    """A connection whose PATCH announces everything and stops in the middle; what it sent is on the disk."""
    connection = service.connect(patch_head(path, 0, Content_Length=len(DATA), **headers) + DATA[: 2 << 20])
    wait_until(lambda: part_size(service, path) >= 1 << 20)
    return connection


def test_a_client_that_hangs_up_keeps_what_it_sent(service: Service, client: httpx2.Client) -> None:
    """The client resumes at that offset."""
    path = create(client)
    send_half(service, path).close()
    offset = offset_of(client, path)
    assert 1 << 20 <= offset <= 2 << 20
    assert patch(client, path, offset, DATA[offset:]).status_code == 204

    assert content(service, path) == DATA


def test_unproven_bytes_are_not_kept(service: Service, client: httpx2.Client) -> None:
    """Where a client promised a checksum, half of its bytes cannot be checked."""
    path = create(client)
    send_half(service, path, Upload_Checksum=checksum(DATA)).close()

    assert offset_of(client, path) == 0


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_the_newest_request_takes_over(service: Service, client: httpx2.Client, method: str) -> None:
    """The older one, whose client may long be gone, lets go at once and is told if it still listens."""
    path = create(client)
    with send_half(service, path) as connection:
        headers = APPEND | {"Upload-Offset": "0"}
        status = client.request(method, path, headers=headers).status_code
        answer = read_answer(connection)

    assert status == {"HEAD": 200, "PATCH": 409, "DELETE": 204}[method]
    assert (answer.status, answer.json["error"]) == (400, "upload_interrupted")
    if method == "DELETE":
        assert not folder_of(service, path).exists()
    else:
        offset = offset_of(client, path)
        assert offset >= 1 << 20
        assert patch(client, path, offset, DATA[offset:]).status_code == 204
        assert content(service, path) == DATA


@pytest.mark.slow
def test_clients_at_one_upload_cannot_mix_bytes(service: Service) -> None:
    """Four send the same file, ask where they are, break off, and get in each other's way."""
    with new_client(service) as client:
        path = create(client)
    failures: list[Exception] = []

    def send(seed: int) -> None:
        dice = random.Random(seed)
        try:
            with new_client(service) as client:
                while (offset := offset_of(client, path)) < len(DATA):
                    data = DATA[offset : offset + dice.randrange(1, 300_000)]
                    status = patch(client, path, offset, data).status_code
                    assert status in {204, 400, 409}
                    if status == 400:
                        # Interrupted: at once again, and the four would only interrupt each other.
                        time.sleep(dice.random() / 20)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert content(service, path) == DATA


def test_another_process_that_writes_is_respected(service: Service, client: httpx2.Client) -> None:
    """Its lock on the file keeps us out, and goes with it."""
    path = create(client)
    with (folder_of(service, path) / "media.part").open("rb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        locked = patch(client, path, 0, DATA)
    assert (locked.status_code, locked.json()["error"]) == (423, "upload_locked")

    assert patch(client, path, 0, DATA).status_code == 204


def test_a_silent_client_keeps_what_it_sent(http: type[HttpProtocol], tmp_path: Path) -> None:
    """It is told that it was too slow; the upload waits for it."""
    with (
        running(tmp_path, http=http, max_bytes=MAX_BYTES, idle_s=0.2) as service,
        new_client(service) as client,
    ):
        path = create(client)
        with send_half(service, path) as connection:
            answer = read_answer(connection)

        assert (answer.status, answer.json["error"]) == (408, "upload_timeout")
        assert offset_of(client, path) == 2 << 20


def test_a_server_that_stops_keeps_what_came(http: type[HttpProtocol], tmp_path: Path) -> None:
    """The upload resumes on the next server."""
    with running(tmp_path, http=http, max_bytes=MAX_BYTES) as service, new_client(service) as client:
        path = create(client)
        connection = send_half(service, path)
    connection.close()
    with running(tmp_path, http=http, max_bytes=MAX_BYTES) as service, new_client(service) as client:
        offset = offset_of(client, path)
        assert offset >= 1 << 20
        patch(client, path, offset, DATA[offset:])

        assert content(service, path) == DATA


def test_an_upload_expires_when_nobody_goes_on(service: Service, client: httpx2.Client) -> None:
    """It says when that will be; afterwards it is gone for good."""
    created = client.post("/files", headers={"Upload-Length": "3"})
    path = "/" + created.headers["location"]
    expires_at = parsedate_to_datetime(created.headers["upload-expires"]).timestamp()
    assert time.time() + 3500 < expires_at <= time.time() + 3600
    long_ago = time.time() - 4000
    os.utime(folder_of(service, path) / "media.part", (long_ago, long_ago))

    assert client.head(path).status_code == 410
    assert patch(client, path, 0, b"abc").json()["error"] == "upload_expired"


def test_an_upload_can_be_given_up(service: Service, client: httpx2.Client) -> None:
    """Unfinished or finished; afterwards there is none."""
    for data in (b"ab", b"abc"):
        path = create(client, 3)
        patch(client, path, 0, data)
        assert client.delete(path).status_code == 204
        assert client.head(path).status_code == 404
        assert client.delete(path).status_code == 404
        assert not folder_of(service, path).exists()


def test_a_network_that_lets_only_posts_through_is_enough(service: Service, client: httpx2.Client) -> None:
    """The method that is meant stands in a header."""
    path = create(client, 3)

    def post(method: str, content: bytes = b"", headers: Mapping[str, str] = {}) -> httpx2.Response:
        return client.post(path, content=content, headers={"X-HTTP-Method-Override": method, **headers})

    assert post("PATCH", b"abc", OCTETS | {"Upload-Offset": "0"}).status_code == 204
    assert post("HEAD").headers["upload-offset"] == "3"
    assert post("DELETE").status_code == 204
    assert client.post(path).status_code == 405


def mount(folder: Path, size: str) -> None:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")


def test_a_full_disk_stops_an_upload_and_room_lets_it_go_on(http: type[HttpProtocol], tmp_path: Path) -> None:
    """What fitted stays and counts."""
    mount(tmp_path, "2m")
    with running(tmp_path, http=http, max_bytes=MAX_BYTES) as service, new_client(service) as client:
        assert client.post("/files", headers={"Upload-Length": str(len(DATA))}).status_code == 507
        path = "/" + client.post("/files", headers={"Upload-Defer-Length": "1"}).headers["location"]
        with service.connect(
            patch_head(path, 0, Transfer_Encoding="chunked") + chunked([DATA])
        ) as connection:
            answer = read_answer(connection)
        offset = offset_of(client, path)
        subprocess.run(["mount", "-o", "remount,size=16m", str(tmp_path)], check=True)
        rest = patch(client, path, offset, DATA[offset:], Upload_Length=str(len(DATA)))

        assert (answer.status, answer.json["error"]) == (507, "disk_full")
        assert 0 < offset < len(DATA)
        assert rest.status_code == 204
        assert content(service, path) == DATA
    subprocess.run(["umount", str(tmp_path)], check=True)


class Victim:
    """A service in a process of its own, to be killed."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.server.service", str(folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.service = Service(int(self._process.stdout.readline()), folder)

    def kill_during(self, path: str, offset: int, data: bytes) -> None:
        """Kill it once it has written some bytes of a PATCH, and before it has all."""
        request = patch_head(path, offset, Content_Length=len(data) - offset)
        with self.service.connect(request + data[offset : offset + (2 << 20)]):
            wait_until(lambda: part_size(self.service, path) > offset)
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.slow
def test_a_killed_server_resumes_where_its_disk_is(tmp_path: Path) -> None:
    """Killed three times in the middle of a PATCH: the offset is the size of the file, the digest agrees."""
    data = random.Random(2).randbytes(8 << 20)
    path, offset = "", 0
    for _ in range(3):
        victim = Victim(tmp_path)
        with new_client(victim.service) as client:
            path = path or create(client, len(data))
            offset = offset_of(client, path)
        victim.kill_during(path, offset, data)
    victim = Victim(tmp_path)
    with new_client(victim.service) as client:
        offset = offset_of(client, path)
        assert 3 << 20 <= offset < len(data)
        assert patch(client, path, offset, data[offset:]).status_code == 204
    victim.kill()

    assert content(victim.service, path) == data


class StallOnce:
    """ASGI middleware: after so many bytes the first body that is long enough stops for ever."""

    def __init__(self, app: ASGIApp, after_bytes: int) -> None:
        self._app = app
        self._left = after_bytes
        self.stalled = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_until_stalled() -> Message:
            if self._left <= 0 and not self.stalled.is_set():
                self.stalled.set()
                await asyncio.Event().wait()
            message = await receive()
            self._left -= len(message.get("body", b""))
            return message

        await self._app(scope, receive_until_stalled, send)


NPM = Path(__file__).parents[1] / "npm"


@pytest.fixture
def official_client() -> list[str]:
    """The command that uploads with tus-js-client."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    if not (NPM / "node_modules" / "tus-js-client").is_dir():
        pytest.skip("tus-js-client is not installed: npm ci --prefix tests/server/npm")
    return [node, str(NPM / "upload.js")]


@pytest.mark.slow
def test_the_official_client_resumes_after_being_killed(tmp_path: Path, official_client: list[str]) -> None:
    """
    Its connection stalls in the middle, it is killed, and a new process resumes: the digest agrees.

    To the server the stalled connection looks alive: the new process takes the upload over.
    """
    media, state = tmp_path / "interview.mov", tmp_path / "state.json"
    media.write_bytes(random.Random(3).randbytes(50 << 20))
    gates: list[StallOnce] = []

    def stall(app: ASGIApp) -> ASGIApp:
        gates.append(StallOnce(app, after_bytes=20 << 20))
        return gates[0]

    with running(tmp_path / "data", max_bytes=MAX_BYTES, around=stall) as service:
        command = [*official_client, f"{service.url}/files", str(media), str(state)]
        first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert gates[0].stalled.wait(60)
        first.kill()
        news, _ = first.communicate()
        assert "done" not in news

        again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    lines = again.stdout.splitlines()
    assert lines[0] == "resumed"
    # It did not start all over again.
    assert min(int(line.split()[1]) for line in lines if line.startswith("at ")) >= 10 << 20
    assert lines[-1].startswith("done ")
    (record,) = tmp_path.glob("data/uploads/*/upload.json")
    assert json.loads(record.read_text())["name"] == "interview.mov"
    assert sha256(record.with_name("media")) == sha256(media)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


END: Message = {"type": "http.request", "body": b"", "more_body": False}
GONE: Message = {"type": "http.disconnect"}


async def ask(
    app: ASGIApp, method: str, path: str, headers: Mapping[str, str], *messages: Message
) -> tuple[int, Headers]:
    """A request without a server: the app receives these messages; returns status (0: none) and headers."""
    coming = iter(messages)
    start: Message = {"status": 0, "headers": []}

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in {**TUS, **headers}.items()]
    await app(
        {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b""}, receive, send
    )
    return start["status"], Headers(raw=start["headers"])


async def test_another_process_that_was_quicker_is_respected(tmp_path: Path) -> None:
    """Between the look at the offset and the lock it has written: our bytes would go to the wrong place."""

    class Overtaken(UploadStore):
        async def status(self, upload_id: str) -> UploadStatus:
            status = await super().status(upload_id)
            if status.offset == 0:
                async with self.writer() as writer:
                    writer.resume(upload_id)
                    writer.write(b"a")
            return status

    store = Overtaken(tmp_path, max_bytes=1000, min_free_bytes=0, ttl_s=3600)
    app = Starlette(routes=[*TusApp(store).routes("/files")])
    upload_id = await begin(store)
    headers = {**OCTETS, "Upload-Offset": "0", "Content-Length": "3"}
    status, _ = await ask(app, "PATCH", f"/files/{upload_id}", headers, {**END, "body": b"abc"})
    left = await store.status(upload_id)
    store.close()

    assert (status, left.offset) == (409, 1)


async def begin(store: UploadStore) -> str:
    async with store.writer() as writer:
        writer.begin(UploadRecord("a.mov", resumable=True, length=3))
    return writer.id


KINDS = {
    "whole": 204,
    "proven": 204,
    "disproved": 460,
    "gone": 0,
    "gone unproven": 0,
    "too much": 413,
    "elsewhere": 409,
}
"""What may happen to a PATCH, and the status that comes of it (0: the client has gone)."""
STEPS = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 60)), max_size=12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
async def test_whatever_happens_the_offset_is_the_model_s(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Requests add their bytes, or add none: never some of them at the wrong place."""
    data, offset = bytes(range(100)), 0
    store = UploadStore(tmp_path_factory.mktemp("data"), max_bytes=1000, min_free_bytes=0, ttl_s=3600)
    app = Starlette(routes=[*TusApp(store).routes("/files")])
    _, created = await ask(app, "POST", "/files", {"Upload-Length": "100"}, END)
    path = "/" + created["location"]
    for kind, n_bytes in [*steps, ("whole", 100)]:
        piece = data[offset:] + b"!" if kind == "too much" else data[offset : offset + n_bytes]
        headers = {**OCTETS, "Upload-Offset": str(offset), "Transfer-Encoding": "chunked"}
        if kind in {"proven", "gone unproven"}:
            headers["Upload-Checksum"] = checksum(piece)
        elif kind == "disproved":
            headers["Upload-Checksum"] = checksum(piece + b"!", "sha256")
        elif kind == "elsewhere":
            headers["Upload-Offset"] = str(offset + 1 + n_bytes)
        last = GONE if kind.startswith("gone") else END
        status, _ = await ask(app, "PATCH", path, headers, {**END, "body": piece, "more_body": True}, last)
        if kind in {"whole", "proven", "gone"}:
            offset += len(piece)

        assert status == KINDS[kind]
        assert (await ask(app, "HEAD", path, {}, END))[1]["upload-offset"] == str(offset)
        if offset == len(data):
            break

    assert (await store.open(path.rsplit("/", maxsplit=1)[-1])).path.read_bytes() == data
    store.close()
