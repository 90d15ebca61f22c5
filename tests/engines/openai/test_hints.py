"""Failures that no waiting mends: each says what to do, and none is tried again."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from audio_tools.engines.base import Request
from audio_tools.engines.openai.engine import OpenAIEngine
from audio_tools.errors import (
    BadEngineReply,
    ChunkRefused,
    EngineError,
    EngineRateLimited,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
)
from audio_tools.media.encode import EncodedAudio
from audio_tools.settings import Settings
from tests.pipeline.test_reply_cases import case

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


def answer_of(reply: dict[str, Any]) -> web.Response:
    """The answer of a shared case."""
    body, headers = reply["body"], reply.get("headers", {})
    if isinstance(body, str):
        return web.Response(status=reply.get("status", 200), text=body, headers=headers)
    return web.json_response(body, status=reply.get("status", 200), headers=headers)


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [("nginx413", ChunkRefused, "CHUNK_SIZE"), ("groq429", EngineRateLimited, "seconds of audio per hour")],
)
async def test_a_refusal_of_a_shared_case_says_what_to_change(
    name: str, kind: type[EngineError], told: str, transcribe: Transcribe, serve: Serve
) -> None:
    """The size limit of a proxy, and the time that a provider asks to wait."""
    reply = case(name)
    server = await serve(lambda _: answer_of(reply))
    with pytest.raises(kind) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert told in f"{caught.value} {caught.value.hint}"
    wait_s = reply["headers"].get("retry-after")
    assert getattr(caught.value, "retry_after_s", None) == (float(wait_s) if wait_s else None)


async def test_a_shared_case_of_azure_is_asked_with_its_query(transcribe: Transcribe, serve: Serve) -> None:
    """Any other address is not found there."""
    answers = case("azure404")["by_path"]

    def answer(request: web.Request) -> web.Response:
        return answer_of(next(reply for path, reply in answers.items() if re.search(path, request.path_qs)))

    server = await serve(answer)
    url = f"{server.make_url('/openai/deployments/whisper')}?api-version=2024-06-01"

    assert (await transcribe(url)).startswith("And so my fellow Americans, ask not")


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (405, EngineRefused, "OPENAI_BASE_URL"),
        (410, EngineRefused, "/v1"),
        (415, EngineRefused, "audioFormat"),
        (501, EngineRefused, "/v1"),
        (511, EngineRefused, "login"),
        (526, EngineRefused, "certificate"),
        (302, EngineRefused, "/v1"),
        (422, ChunkRefused, "Repeating it will not help"),
    ],
)
async def test_what_will_not_go_away_says_so(
    status: int, kind: type[EngineError], hint: str, transcribe: Transcribe, serve: Serve
) -> None:
    """None of them is tried again, and none says that the same command may succeed later."""
    server = await serve(lambda _: web.Response(status=status, text=NGINX, content_type="text/html"))
    with pytest.raises(kind) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert hint in caught.value.hint
    assert not caught.value.retryable


async def test_a_redirect_that_leads_back_is_refused(transcribe: Transcribe, serve: Serve) -> None:
    """As of a page that wants a login."""
    server = await serve(lambda _: web.Response(status=302, headers={"Location": "/login"}))
    with pytest.raises(EngineRefused, match="cannot be used") as caught:
        await transcribe(str(server.make_url("/v1")))

    assert "OPENAI_BASE_URL" in caught.value.hint


@pytest.mark.parametrize("body", ["", "<!doctype html><title>Open WebUI</title>"])
async def test_a_page_instead_of_a_reply_shows_a_wrong_address(
    body: str, transcribe: Transcribe, serve: Serve
) -> None:
    """Many web applications answer every path with their page."""
    server = await serve(lambda _: web.Response(text=body, content_type="text/html"))
    with pytest.raises(BadEngineReply) as caught:
        await transcribe(str(server.make_url("/")))

    assert "/v1" in caught.value.hint


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
    """A self-signed certificate."""
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


GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
CLOUDFLARE = "<html><head><title>engine.example | 522: Connection timed out</title></head></html>"
DOWN = '{"errors": [{"code": 7009, "message": "Upstream service unavailable"}]}'


@pytest.mark.parametrize(
    ("status", "body", "away"),
    [
        (502, GATEWAY, True),
        (502, "", True),
        (503, "<html><body>No server is available to handle this request.</body></html>", True),
        (503, DOWN, None),
        (521, CLOUDFLARE, True),
        (522, CLOUDFLARE, True),
        (523, '{"title": "Error 523: Origin is unreachable", "retryable": true}', True),
    ],
)
async def test_a_gateway_without_its_engine_is_waited_for(
    status: int, body: str, away: bool | None, transcribe: Transcribe, serve: Serve
) -> None:
    """Its page, or the status of Cloudflare, says that the engine is away."""
    content_type = "application/json" if body.startswith("{") else "text/html"
    server = await serve(lambda _: web.Response(status=status, text=body, content_type=content_type))
    with pytest.raises(EngineUnavailable) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert caught.value.away is away


async def test_a_key_is_not_cut_before_it_is_recognised(
    transcribe: Transcribe, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long error is shortened, and the first half of a key is a secret too."""
    key = "0a1b2c3d4e" * 8
    monkeypatch.setenv("OPENAI_API_KEY", key)
    Settings.load()
    text = f"{'x' * 250} {key}"
    server = await serve(lambda _: web.json_response({"error": {"message": text}}, status=401))
    with pytest.raises(EngineRefused) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert "0a1b" not in caught.value.message


@pytest.mark.parametrize("status", [504, 524])
async def test_a_gateway_that_does_not_wait_long_enough_says_so(
    status: int, transcribe: Transcribe, serve: Serve
) -> None:
    """The server got the chunk and works on it: fewer or shorter chunks, or a longer limit, help."""
    server = await serve(lambda _: web.Response(status=status, text=GATEWAY, content_type="text/html"))
    with pytest.raises(EngineTimeout) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert "CHUNK_SIZE" in caught.value.hint
    assert "proxy_read_timeout" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "body", "loading"),
    [
        (503, '{"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}', True),
        (500, '{"error": "llm server loading model"}', True),
        (
            503,
            '{"error": "Model openai/whisper-large-v3 is currently loading", "estimated_time": 20.0}',
            True,
        ),
        (500, '{"detail": "Model is not ready"}', True),
        (503, '{"detail": "model not loaded"}', True),
        (503, '{"error": {"message": "That model is currently overloaded"}}', False),
    ],
)
async def test_a_server_that_loads_its_model_says_so(
    status: int, body: str, loading: bool, transcribe: Transcribe, serve: Serve
) -> None:
    """Then it is certain that nothing was transcribed; where loading has failed, nothing is certain."""
    server = await serve(lambda _: web.Response(status=status, text=body, content_type="application/json"))
    with pytest.raises(EngineUnavailable) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert (caught.value.loading, caught.value.away) == (loading, True if loading else None)
    assert caught.value.received == (status == 500 and not loading)


@pytest.mark.parametrize(
    ("body", "away"),
    [
        ("Internal Server Error", None),
        ("", None),
        ("<html><head><title>500 Internal Server Error</title></head></html>", None),
        ('{"detail": "Internal Server Error"}', None),
        ('{"error": {"message": "An unexpected error has occurred.", "type": "server_error"}}', None),
        ('{"error": {"code": 500, "message": "failed to load model: service not ready"}}', False),
        ('{"error": {"message": "model name=x failed to load"}}', False),
        ('{"error": "failed to process audio"}', False),
        ('{"detail": "CUDA out of memory. Tried to allocate 2.00 GiB"}', False),
        ("内部错误：显存不足", False),
    ],
)
async def test_a_500_with_a_reason_is_not_taken_for_loading(
    body: str, away: bool | None, transcribe: Transcribe, serve: Serve
) -> None:
    """LocalAI, whisper.cpp and others say what failed; a bare 500 shows nothing."""
    server = await serve(lambda _: web.Response(status=500, text=body, content_type="application/json"))
    with pytest.raises(EngineUnavailable) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert (caught.value.loading, caught.value.away, caught.value.received) == (False, away, True)
    assert ("see the log of the server" in caught.value.hint) is (away is None)


@pytest.mark.parametrize(("models", "away"), [(200, False), (404, None), (500, None), (503, None)])
async def test_a_free_server_that_lists_its_models_is_not_loading(
    models: int, away: bool | None, serve: Serve
) -> None:
    """A bare 500 is then the failure of a chunk, as speaches reports it."""

    def answer(request: web.Request) -> web.Response:
        if request.path == "/v1/models":
            return web.json_response({"object": "list", "data": []}, status=models)
        return web.Response(status=500, text="Internal Server Error")

    server = await serve(answer)
    url = str(server.make_url("/v1"))
    engine = OpenAIEngine(api_key="x", base_url=url, model="x", timeout_s=10, usd_per_minute=0.0)
    await engine.start()
    with pytest.raises(EngineUnavailable) as caught:
        await engine.transcribe(REQUEST)
    await engine.close()

    assert caught.value.away is away


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("date", 90.0),
        ("0.493", 0.493),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
async def test_retry_after_in_any_form(
    value: str, seconds: float | None, transcribe: Transcribe, serve: Serve
) -> None:
    """Seconds or a date (RFC 9110); what is no time is none."""
    given = formatdate(time.time() + 90, usegmt=True) if value == "date" else value
    server = await serve(lambda _: web.json_response({}, status=429, headers={"Retry-After": given}))
    with pytest.raises(EngineRateLimited) as caught:
        await transcribe(str(server.make_url("/v1")))

    assert caught.value.retry_after_s == (None if seconds is None else pytest.approx(seconds, abs=5.0))


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1//", "/v1/audio/transcriptions", "/v1/audio/transcriptions/"]
)
async def test_the_address_of_the_route_is_as_good_as_its_base(
    path: str, transcribe: Transcribe, serve: Serve
) -> None:
    """Many a server documents the one, and many clients want the other."""
    server = await serve(lambda request: web.json_response({"text": request.path}))

    assert await transcribe(f"http://127.0.0.1:{server.port}{path}") == "/v1/audio/transcriptions"


@pytest.mark.parametrize("text", ["I think that works", "42", '{"not": "an answer"}'])
async def test_a_server_that_sends_the_text_alone_is_understood(
    text: str, transcribe: Transcribe, serve: Serve
) -> None:
    """Whatever it looks like, if it says that it is text."""
    server = await serve(lambda _: web.Response(text=text))

    assert await transcribe(str(server.make_url("/v1"))) == text


async def test_an_answer_that_cannot_be_decoded_is_no_missing_server(
    transcribe: Transcribe, serve: Serve
) -> None:
    """It came, and may be paid."""
    server = await serve(
        lambda _: web.Response(
            body=b"plain", headers={"Content-Encoding": "gzip", "Content-Type": "text/html"}
        )
    )
    with pytest.raises(BadEngineReply, match="decoded"):
        await transcribe(str(server.make_url("/v1")))
