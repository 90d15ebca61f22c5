"""
What comes from outside and should not get in, and how many clients do: request smuggling, origins, tokens,
and five hundred WebSockets beside fifty jobs.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import httpx2
import websockets
from tests.acceptance.service import ServiceProcess
from tests.simulator import render, simulator_process, talk

NOBODY = "http://127.0.0.1:9/v1"
TOKEN = "0123456789abcdef-token"
ANSWER_S = 3.0
SOCKETS, JOBS = 500, 50
AT_ONCE = 50
"""Handshakes under way at the same time."""

REFUSALS = {"origin_not_allowed", "unauthorized"}
"""Codes of the errors at the door."""
SMUGGLED = "/job/smuggled-{n}/status"
AMBIGUOUS = (
    "Content-Length: 4\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 4",
    "Content-Length: 0\r\nContent-Length: {size}",
    "Content-Length: {size}\r\nContent-Length: 0",
    "Content-Length: +0",
    "Content-Length: 0x0",
    "Content-Length: 0 0",
    "Content-Length: 0, {size}",
    "Content-Length : 0\r\nTransfer-Encoding : chunked",
    "Content-Length: 4\r\nTransfer-Encoding:\tchunked",
    "Content-Length: 4\r\nTransfer-Encoding: xchunked",
    "Content-Length: 4\r\nTransfer-Encoding: identity, chunked",
    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Content-Length: 4\r\nTransfer-Encoding: chu\r\n nked",
    "X: y\rTransfer-Encoding: chunked\r\nContent-Length: 4",
)
TARGETS = ("POST /jobs", "POST /process-audio", "PUT /nothing")

ORIGINS = (
    "http://evil.example", "https://evil.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example",
    "http://evil.example:3001", "null", "http://127.0.0.1@evil.example", "http://evil.example#127.0.0.1",
    "http://evil.example/127.0.0.1", "http://[::ffff:7f00:1]x", "http://0x7f000001.example", "file://evil.example",
    "chrome-extension://abcdef", "http://127.0.0.1 http://evil.example", "http://127.0.0.1, http://evil.example",
    "HTTP://EVIL.EXAMPLE", "http://evil.example.", "http://xn--lcalhost-n4a.example", "http://localhost%2eevil.example",
    "data:text/html,x", "blob:http://evil.example/1", "http://2130706433.example", "ws://evil.example",
    "http://127.1.evil.example", "http://evil.example?127.0.0.1",
)  # fmt: skip
TOKENS = (
    "", "Bearer", "bearer x", "Bearer x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x",
    f"Bearer {TOKEN.upper()}",
    f"Basic {TOKEN}", f"Bearer {TOKEN[::-1]}", f"Bearer\t{TOKEN[1:]}", f"Bearer x{TOKEN}", "Bearer null",
    "Bearer undefined", f"Bearer {TOKEN} x", f"Bearer {TOKEN},x", f"Bearer \"{TOKEN}\"", f"Token {TOKEN}",
    f"Digest {TOKEN}", f"Bearer {TOKEN[:8]}", f"Bearer {TOKEN[8:]}", f"Bearer {TOKEN * 2}", "Bearer %00",
    f"Bearer {TOKEN}%20", "Bearer " + "0" * len(TOKEN), f"{TOKEN}",
)  # fmt: skip


def bench(folder: Path, sockets: int = SOCKETS, jobs: int = JOBS) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where media are made and the services keep their data.
        sockets: how many WebSockets follow the jobs.
        jobs: how many jobs run beside them.
    """
    for name in ("open", "token", "crowd"):
        (folder / name).mkdir()
    with ServiceProcess(folder / "open", NOBODY, LOG_LEVEL="info") as service:
        smuggled, tried = _smuggle(service)
        origins = _refused(service.http, [{"Origin": origin} for origin in ORIGINS])
        origins += asyncio.run(_refused_sockets(service, [{"Origin": origin} for origin in ORIGINS]))
    with ServiceProcess(folder / "token", NOBODY, API_TOKEN=TOKEN) as service:
        headers = [{"Authorization": token} for token in TOKENS]
        tokens = _refused(service.http, headers) + asyncio.run(_refused_sockets(service, headers))
    told, seconds = _crowd(folder / "crowd", sockets, jobs)
    attempts = 3 * len(ORIGINS), 3 * len(TOKENS)
    return [
        "## Doors",
        "",
        "*Let in*: a second request hidden in an ambiguous first one that was handled; a request or a "
        "WebSocket with a foreign origin or a wrong token that was not refused. All must be 0.",
        "",
        "| attempt | number | **let in** |",
        "|---|---|---|",
        f"| smuggled requests | {tried} | {smuggled} |",
        f"| foreign origins: GET, POST, WebSocket | {attempts[0]} | {attempts[0] - sum(origins)} |",
        f"| wrong tokens: GET, POST, WebSocket | {attempts[1]} | {attempts[1] - sum(tokens)} |",
        "",
        f"{sockets} WebSockets beside {jobs} jobs: **{told}** saw the end of their job, "
        f"{seconds:.0f} s in all.",
    ]


def _smuggle(service: ServiceProcess) -> tuple[int, int]:
    """How many hidden requests reached a route, and how many there were."""
    tried = list(product(TARGETS, AMBIGUOUS))
    for number, (target, head) in enumerate(tried):
        hidden = f"GET {SMUGGLED.format(n=number)} HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\n\r\n"
        body = f"0\r\n\r\n{hidden}"
        lines = head.format(size=len(body))
        request = f"{target} HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\n{lines}\r\n\r\n{body}"
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.settimeout(0.5)
            connection.sendall(request.encode())
            _read_all(connection)
    return service.log.count("smuggled-"), len(tried)


def _read_all(connection: socket.socket) -> None:
    try:
        while connection.recv(65_536):
            pass
    except OSError:  # nothing more comes, or it is reset
        return


def _refused(http: httpx2.Client, attempts: Sequence[dict[str, str]]) -> list[bool]:
    answers = [http.get("/jobs", headers=headers) for headers in attempts]
    answers += [http.post("/jobs", json={"path": "/x"}, headers=headers) for headers in attempts]
    # Not by the status: a path that may not be read is a 403 too, behind the door.
    return [answer.json().get("error") in REFUSALS for answer in answers]


async def _refused_sockets(service: ServiceProcess, attempts: Sequence[dict[str, str]]) -> list[bool]:
    return [await _is_refused(service, headers) for headers in attempts]


async def _is_refused(service: ServiceProcess, headers: dict[str, str]) -> bool:
    """Whether the handshake is refused, or the first message a close."""
    url = f"ws://127.0.0.1:{service.ws_port}/?jobId=00000000-0000-4000-8000-000000000000"
    try:
        async with websockets.connect(url, additional_headers=headers, proxy=None) as connection:
            await connection.recv()
    except websockets.InvalidStatus as refused:
        return refused.response.status_code in {400, 401, 403}
    except websockets.ConnectionClosed as closed:
        # 4404 would mean that the door was open, and only the job unknown.
        return closed.rcvd is not None and closed.rcvd.code == 4401
    return False


def _crowd(folder: Path, sockets: int, jobs: int) -> tuple[int, float]:
    """How many clients saw the end of their job, and how long all took."""
    for seed in range(jobs):
        render(talk(2.0, seed), folder / f"{seed}.flac")
    settings = {"MEDIA_ROOTS": str(folder), "WORKERS": "4"}
    with (
        simulator_process("--latency", str(ANSWER_S)) as url,
        ServiceProcess(folder, url, **settings) as service,
    ):
        began = time.monotonic()
        ids = [
            service.http.post("/jobs", json={"path": str(folder / f"{seed}.flac")}).json()["jobId"]
            for seed in range(jobs)
        ]
        told = asyncio.run(_follow(service, [ids[n % jobs] for n in range(sockets)]))
        return told, time.monotonic() - began


async def _follow(service: ServiceProcess, job_ids: Sequence[str]) -> int:
    doors = asyncio.Semaphore(AT_ONCE)

    async def sees_the_end(job_id: str) -> bool:
        url = f"ws://127.0.0.1:{service.ws_port}/?jobId={job_id}"
        async with doors:
            connection = await websockets.connect(url, proxy=None, open_timeout=60)
        async with connection:
            messages = [str(message) async for message in connection]
        return '"completed"' in messages[-1]

    return sum(await asyncio.gather(*map(sees_the_end, job_ids)))


if __name__ == "__main__":
    from benchmarks.report import show

    show("doors", bench)
