"""Proxies and certificates of the environment, and the reasons for failed connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from audio_tools.client import AsyncClient
from audio_tools.engines.base import Request
from audio_tools.engines.openai.engine import OpenAIEngine
from audio_tools.errors import EngineNotReady, EngineUnreachable, ServerUnreachable
from audio_tools.media.encode import EncodedAudio
from audio_tools.network import failure_reason, is_loopback, require_network_environment
from tests.engines.openai.test_hints import self_signed

NOWHERE = "127.0.0.1:9"
REQUEST = Request(EncodedAudio(b"", "flac", 10.0))


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ConnectionRefusedError(10061, "Connect call failed"), "connection refused"),
        (ConnectionRefusedError(22, "Connection refused"), "connection refused"),
        (ConnectionResetError(10054, "An existing connection was closed"), "connection reset by peer"),
        (TimeoutError(10060, "Connect call failed"), "connection timed out"),
    ],
)
def test_the_numbers_of_windows_have_reasons(failure: OSError, reason: str) -> None:
    """Those of its network and of its event loop mean nothing, or something else, to the C library."""
    assert failure_reason(failure) == reason


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:3001", True),
        ("http://127.9.9.9/v1", True),
        ("http://[::1]:3001", True),
        ("ws://localhost:3002/?jobId=1", True),
        ("http://whisper.localhost", True),
        ("https://api.openai.com/v1", False),
        ("http://192.168.1.2", False),
        ("http://localhost.example.com", False),
    ],
)
def test_loopback_is_told_from_the_network(url: str, loopback: bool) -> None:
    """By address or name, whatever the port."""
    assert is_loopback(url) == loopback


@asynccontextmanager
async def serving(record: dict[str, object]) -> AsyncIterator[str]:
    """The address of a server that gives this answer to everything."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(record)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.mark.parametrize("proxy", [f"http://{NOWHERE}", f"socks5://{NOWHERE}"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY", "all_proxy"])
async def test_the_own_machine_is_reached_without_the_proxy(
    proxy: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Service and engine on loopback, while the environment names a proxy that cannot reach them."""
    if variable == "HTTP_PROXY" and proxy.startswith("socks"):
        pytest.skip("SOCKS is named in ALL_PROXY")
    monkeypatch.setenv(variable, proxy)
    async with serving({"text": "hello", "jobs": [], "total": 0}) as url:
        engine = OpenAIEngine(api_key="sk-test", base_url=f"{url}/v1", model="gpt-4o-transcribe", timeout_s=5)
        await engine.start()
        async with AsyncClient(url) as client:
            assert not (await client.jobs()).jobs
        assert (await engine.transcribe(REQUEST)).text == "hello"
        await engine.close()


@pytest.mark.parametrize("proxy", [f"http://{NOWHERE}", f"socks5://{NOWHERE}", f"socks5h://{NOWHERE}"])
async def test_other_machines_are_reached_through_the_proxy(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is away is waited for like the engine itself."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    engine = OpenAIEngine(api_key="sk", base_url="http://192.0.2.1/v1", model="whisper-1", timeout_s=5)
    await engine.start()
    with pytest.raises(EngineUnreachable):
        await engine.transcribe(REQUEST)
    await engine.close()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks4://10.0.0.1:1080"),
        ("https_proxy", "ftp://10.0.0.1"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("SSL_CERT_DIR", "/nowhere"),
    ],
)
async def test_what_cannot_be_used_is_refused_by_name(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, not as an unexpected error of every job."""
    monkeypatch.setenv(variable, value)
    engine = OpenAIEngine(api_key="sk", base_url="https://api.example.com/v1", model="whisper-1", timeout_s=5)
    for check in (engine.start, None):
        with pytest.raises(EngineNotReady, match=variable):
            await check() if check else require_network_environment()


async def test_a_certificate_file_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint names the variables that may be wrong."""
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    engine = OpenAIEngine(api_key="sk", base_url="https://api.example.com/v1", model="whisper-1", timeout_s=5)
    with pytest.raises(EngineNotReady) as caught:
        await engine.start()
    assert "SSL_CERT_FILE" in caught.value.hint


async def test_a_certificate_that_the_client_does_not_trust_is_named(tmp_path: Path) -> None:
    """With OpenSSL's reason, and the variable that makes it trusted."""
    server = TestServer(web.Application(), scheme="https")
    await server.start_server(ssl=self_signed(tmp_path))
    async with AsyncClient(f"https://127.0.0.1:{server.port}") as client:
        with pytest.raises(ServerUnreachable, match="its certificate is not trusted: self") as caught:
            await client.jobs()
    await server.close()

    assert "SSL_CERT_FILE" in caught.value.hint
