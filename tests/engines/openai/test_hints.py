"""Failures that no waiting mends: each says what to do, and none is tried again."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from audio_tools.engines.base import Request
from audio_tools.engines.openai.engine import OpenAIEngine
from audio_tools.errors import ChunkRefused, EngineError, EngineRefused
from audio_tools.media.encode import EncodedAudio

REQUEST = Request(EncodedAudio(b"", "flac", 10.0))
Transcribe = Callable[[str], Awaitable[str]]


@pytest.fixture
async def transcribe() -> AsyncIterator[Transcribe]:
    """Asks the server at an address; gives the text."""
    engines: list[OpenAIEngine] = []

    async def ask(url: str) -> str:
        engines.append(OpenAIEngine(api_key="sk-x", base_url=url, model="gpt-4o-transcribe", timeout_s=10))
        await engines[-1].start()
        return (await engines[-1].transcribe(REQUEST)).text

    yield ask
    for engine in engines:
        await engine.close()


Answer = Callable[[web.Request], web.Response]
Serve = Callable[..., Awaitable[TestServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server with an answer to everything."""
    servers: list[TestServer] = []

    async def start(answer: Answer, tls: ssl.SSLContext | None = None) -> TestServer:
        async def handle(request: web.Request) -> web.Response:
            await request.read()
            return answer(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        servers.append(TestServer(app, scheme="https" if tls else "http"))
        await servers[-1].start_server(ssl=tls)
        return servers[-1]

    yield start
    for server in servers:
        await server.close()


NGINX = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>"
NGINX_400 = "<html><body>400 The plain HTTP request was sent to HTTPS port</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (413, NGINX, (ChunkRefused, "CHUNK_SIZE")),
        (400, NGINX_400, (EngineRefused, "https://")),
        (400, "Client sent an HTTP request to an HTTPS server.\n", (EngineRefused, "https://")),
    ],
)
async def test_an_answer_of_a_proxy_says_what_to_change(
    status: int, body: str, expected: tuple[type[EngineError], str], transcribe: Transcribe, serve: Serve
) -> None:
    """The size limit of a proxy, and plain HTTP on a port for TLS."""
    server = await serve(lambda _: web.Response(status=status, text=body, content_type="text/html"))
    kind, hint = expected
    with pytest.raises(kind) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert hint in caught.value.hint
    assert not caught.value.retryable


async def test_tls_towards_plain_http_is_refused_at_once(transcribe: Transcribe, serve: Serve) -> None:
    """The scheme of OPENAI_BASE_URL is wrong; no waiting mends that."""
    server = await serve(lambda _: web.Response())
    with pytest.raises(EngineRefused, match="TLS connection failed") as caught:
        await transcribe(f"https://127.0.0.1:{server.port}/v1")

    assert "http://" in caught.value.hint


async def test_a_certificate_that_is_not_trusted_is_refused_at_once(
    tmp_path: Path, transcribe: Transcribe, serve: Serve
) -> None:
    """The hint names the variable that makes it trusted."""
    server = await serve(lambda _: web.Response(), self_signed(tmp_path))
    with pytest.raises(EngineRefused, match="TLS connection failed") as caught:
        await transcribe(f"https://127.0.0.1:{server.port}/v1")

    assert "SSL_CERT_FILE" in caught.value.hint


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody has signed but itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", str(folder / "key.pem")]
    subprocess.run([*command, "-out", str(folder / "own.pem")], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem", folder / "key.pem")
    return context


async def test_the_query_of_the_address_stays_behind_the_path(transcribe: Transcribe, serve: Serve) -> None:
    """As Azure wants it, whose keys come in a header of their own."""
    seen: list[web.Request] = []

    def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({"text": "hello"})

    server = await serve(answer)
    url = f"{server.make_url('/openai/deployments/whisper')}/?api-version=2024-06-01"

    assert await transcribe(url) == "hello"
    assert seen[0].path == "/openai/deployments/whisper/audio/transcriptions"
    assert seen[0].query_string == "api-version=2024-06-01"
    assert seen[0].headers["api-key"] == "sk-x"
