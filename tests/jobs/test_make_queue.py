"""Which queue the settings name."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from audio_tools.errors import ConfigError
from audio_tools.jobs import JobRequest, SqliteQueue, make_queue
from audio_tools.jobs.bullmq.connection import address_of, connect
from audio_tools.settings import Settings
from tests.jobs.redis_server import RedisServer

VERIFY_MODES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def settings(folder: Path, **given: Any) -> Settings:
    return Settings.load(data_dir=folder, **given)


async def test_without_redis_jobs_are_kept_in_the_folder(tmp_path: Path) -> None:
    """And the queue says so."""
    async with make_queue(settings(tmp_path, redis_password="pw", redis_port=1), None) as queue:
        assert isinstance(queue, SqliteQueue)
        assert await queue.check() == "SQLite"


async def test_with_redis_jobs_are_kept_there(tmp_path: Path, redis_server: RedisServer, prefix: str) -> None:
    """Under the prefix, at the host and port; the queue says where, and that without the password."""
    named = settings(tmp_path, redis_host="127.0.0.1", redis_port=redis_server.port, redis_prefix=prefix)
    async with make_queue(named, 5.0) as queue:
        job = (await queue.add(JobRequest({}))).job
        assert await queue.check() == f"Redis at redis://127.0.0.1:{redis_server.port}/0"
    other = settings(tmp_path, redis_url=redis_server.address.url, redis_host="nowhere", redis_prefix=prefix)
    async with make_queue(other, 5.0) as queue:
        assert await queue.get(job.id) == job


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"redis_host": "redis"}, "redis://redis:6379/0"),
        ({"redis_host": "::1", "redis_port": 7}, "redis://[::1]:7/0"),
        ({"redis_url": "rediss://:a@redis/2"}, "rediss://:a@redis/2"),
    ],
)
def test_the_address(tmp_path: Path, given: dict[str, Any], url: str) -> None:
    """The URL as it is, or host and port put together; the password stands beside."""
    address = address_of(settings(tmp_path, **given, redis_password="pw"))

    assert (address.url, address.password) == (url, "pw")


QUERIES = ["", "?ssl_ca_certs=/ca&ssl_certfile=/cert&ssl_keyfile=/key"] + [
    f"?ssl_cert_reqs={wish}" for wish in ("none", "optional", "required")
]


@pytest.mark.parametrize("query", QUERIES)
async def test_the_client_takes_what_the_setting_may_say(query: str, tmp_path: Path) -> None:
    """Each parameter reaches the connection, which would refuse one that it does not know."""
    client = connect(address_of(settings(tmp_path, redis_url=f"rediss://redis/2{query}")))
    connection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]

    for name, value in parse_qsl(query.removeprefix("?")):
        said = getattr(connection, name.removeprefix("ssl_"))
        assert said == (VERIFY_MODES[value] if name == "ssl_cert_reqs" else value)
    await client.aclose()


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is an extra: the error says what to install."""
    monkeypatch.delitem(sys.modules, "audio_tools.jobs.bullmq.queue", raising=False)
    monkeypatch.setitem(sys.modules, "bullmq", None)

    with pytest.raises(ConfigError, match="bullmq is not installed") as refused:
        make_queue(settings(tmp_path, redis_host="redis"), None)
    assert "[redis]" in refused.value.hint
