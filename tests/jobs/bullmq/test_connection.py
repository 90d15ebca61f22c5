"""Reaching a Redis server: what may be wrong with it, said at the start and in our own errors."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import exceptions

from audio_tools.errors import AudioToolsError, ConfigError, QueueUnavailable
from audio_tools.jobs.bullmq.connection import FOREIGN_ERRORS, RedisAddress, map_redis_errors
from audio_tools.jobs.bullmq.queue import BullQueue
from tests.jobs.redis_server import RedisServer
from tests.ports import free_port

PASSWORD = "open sesame"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with a password, which throws keys away when its memory is full and keeps nothing on disk."""
    careless = ("--requirepass", PASSWORD, "--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
    with RedisServer(tmp_path_factory.mktemp("guarded"), *careless) as server:
        server.start()
        yield server


async def test_a_wrong_password_is_said_to_be_wrong(guarded_server: RedisServer, tmp_path: Path) -> None:
    """Wrong or missing: at once a ConfigError that names the variable and holds no secret."""
    url = guarded_server.address.url
    for address in (
        RedisAddress(url),
        RedisAddress(url, "wrong"),
        RedisAddress(url.replace("//", "//:wrong@")),
    ):
        with pytest.raises(ConfigError, match="rejected the password") as refused:
            await BullQueue(address, tmp_path, wait_s=None).open()
        assert "REDIS_PASSWORD" in refused.value.hint
        assert "wrong@" not in refused.value.message


async def test_a_right_password_opens(
    guarded_server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Given apart or in the address; a server that may lose jobs is warned of, with the setting to change."""
    url = guarded_server.address.url
    for address in (RedisAddress(url, PASSWORD), RedisAddress(url.replace("//", "//:open%20sesame@"))):
        async with BullQueue(address, tmp_path) as queue:
            await queue.check()

    assert "maxmemory-policy is allkeys-lru" in caplog.text
    assert "appendonly" in caplog.text
    assert PASSWORD not in caplog.text


async def test_no_server_is_an_error_after_the_wait(tmp_path: Path) -> None:
    """It names the address, not the password, and what to do; nothing is left open."""
    address = RedisAddress(f"redis://:{PASSWORD.replace(' ', '')}@127.0.0.1:{free_port()}/3")
    before = psutil.Process().num_fds()

    with pytest.raises(QueueUnavailable, match=r"redis://127\.0\.0\.1:\d+/3 cannot be reached") as refused:
        await BullQueue(address, tmp_path, wait_s=0.2).open()

    assert "REDIS_URL" in refused.value.hint
    assert "sesame" not in str(refused.value)
    assert psutil.Process().num_fds() == before


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (
            socket.gaierror(-2, "Name or service not known"),
            "the host name cannot be resolved",
        ),
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (TimeoutError(110, "Connect call failed ('127.0.0.1', 1)"), "connection timed out"),
    ],
)
def test_the_reason_is_not_in_the_words_of_a_library(failure: OSError, reason: str) -> None:
    """redis-py has numbers and the address again in its own."""
    address = RedisAddress("redis://queue.example:6379/0")
    with pytest.raises(QueueUnavailable) as refused, map_redis_errors(address):
        try:
            raise failure
        except OSError as error:
            raise exceptions.ConnectionError(f"Error {error.errno} connecting to x. {error}") from None

    assert refused.value.message == f"Redis at redis://queue.example:6379/0 cannot be reached: {reason}."
    assert "REDIS_HOST" in refused.value.hint


async def test_a_server_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    """The queue opens when the server is there."""
    with RedisServer(tmp_path / "redis") as server:
        opening = asyncio.create_task(BullQueue(server.address, tmp_path, wait_s=None).__aenter__())
        await asyncio.sleep(0.1)
        assert not opening.done()

        server.start()

        await (await opening).close()


@pytest.mark.parametrize("url", ["http://localhost:6379", "localhost:6379", "redis://localhost:port"])
async def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    """The error names the variable and shows the form."""
    with pytest.raises(ConfigError, match="REDIS_URL") as refused:
        await BullQueue(RedisAddress(url), tmp_path).open()
    assert "redis://HOST:PORT" in refused.value.hint


async def test_a_server_that_is_too_old_is_refused(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version without what the queue needs is named, before anything is stored."""
    monkeypatch.setattr("audio_tools.jobs.bullmq.connection.OLDEST_REDIS", (99, 0))

    with pytest.raises(ConfigError, match=r"is Redis \d+\.\d+"):
        await BullQueue(redis_server.address, tmp_path).open()


@pytest.mark.parametrize(("foreign", "part", "ours", "_message", "hint"), FOREIGN_ERRORS)
def test_every_foreign_error_becomes_ours(
    foreign: type[Exception], part: str, ours: type[AudioToolsError], _message: str, hint: str
) -> None:
    """Each thing that the server or the way to it says is an error of audio-tools that names the server."""
    error = foreign(f"{part}what Redis says")

    with (
        pytest.raises(AudioToolsError, match="Redis at redis://host:1234/5") as mapped,
        map_redis_errors(RedisAddress("redis://:secret@host:1234/5")),
    ):
        raise error

    assert (type(mapped.value), mapped.value.hint, mapped.value.__cause__) == (ours, hint, error)


def test_our_own_mistakes_stay_what_they_are() -> None:
    """A wrong script is no trouble with the server."""
    with (
        pytest.raises(exceptions.ResponseError, match="compiling"),
        map_redis_errors(RedisAddress("redis://host")),
    ):
        raise exceptions.ResponseError("ERR Error compiling script")


def test_a_script_lost_in_a_restart_is_an_outage() -> None:
    """The client loads a script and runs it in two requests; between them Redis may have been restarted."""
    with pytest.raises(QueueUnavailable), map_redis_errors(RedisAddress("redis://host")):
        raise exceptions.NoScriptError
