"""The limits of an API key over several processes, in a real Redis."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from audio_tools.engines.rate_limits import TokenBucket
from audio_tools.engines.redis_rate_limits import (
    ACQUIRE,
    KEEP_MS,
    LEARN_QUOTA,
    LONGEST_POLL_MS,
    POLL_MS,
    RedisRequestLimiter,
)
from audio_tools.jobs.bullmq.connection import connect
from audio_tools.transcript import Quota
from tests.jobs.redis_server import RedisServer

pytestmark = pytest.mark.timeout(60)

WORKER = """
import asyncio, sys
from audio_tools.engines.redis_rate_limits import RedisRequestLimiter
from audio_tools.jobs.bullmq.connection import RedisAddress, connect

async def request(client, lanes, key):
    async with lanes.lane():
        await client.lpush(f"{key}:running", await client.incr(f"{key}:gauge"))
        await client.lpush(f"{key}:by", sys.argv[3])
        await asyncio.sleep(0.01)
        await client.decr(f"{key}:gauge")

async def main(port, key, name, lanes, requests):
    client = connect(RedisAddress(f"redis://127.0.0.1:{port}"))
    shared = RedisRequestLimiter(client, key, int(lanes), lease_s=1)
    print("ready", flush=True)
    sys.stdin.readline()
    await asyncio.gather(*(request(client, shared, key) for _ in range(int(requests))))
    await shared.close()
    await client.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running Redis; each test uses an API key of its own."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        server.start()
        yield server


@pytest.fixture
async def client(redis_server: RedisServer) -> AsyncIterator[Redis]:
    """A client of it."""
    client = connect(redis_server.address)
    yield client
    await client.aclose()


NewLanes = Callable[..., RedisRequestLimiter]


@pytest.fixture
async def new_lanes(client: Redis, caplog: pytest.LogCaptureFixture) -> AsyncIterator[NewLanes]:
    """Makes what each of several processes would have; sees that Redis answered whatever was asked of it."""
    made: list[RedisRequestLimiter] = []

    def make(api_key: str, lanes: int, **options: float) -> RedisRequestLimiter:
        made.append(RedisRequestLimiter(client, api_key, lanes, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for lanes in made:
        await lanes.close()
    assert [record.getMessage() for record in caplog.records] == []


@pytest.fixture
def key() -> str:
    """An API key of this test alone."""
    return uuid4().hex


class Request:
    """A request that runs until it is told to end."""

    def __init__(self, lanes: RedisRequestLimiter) -> None:
        self.started = asyncio.Event()
        self.end = asyncio.Event()
        self.task = asyncio.create_task(self._run(lanes))

    async def _run(self, lanes: RedisRequestLimiter) -> None:
        async with lanes.lane():
            self.started.set()
            await self.end.wait()

    async def finish(self) -> None:
        """Let it end."""
        self.end.set()
        await self.task


async def assert_held_back(request: Request) -> None:
    """It does not begin, though it has a moment to."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await request.started.wait()


async def has_asked(client: Redis, lanes: RedisRequestLimiter, times: int = 2) -> None:
    """Wait until somebody who waits was refused that often."""
    for _ in range(times):
        seen = await client.zscore(f"{lanes._key}seen", lanes._process)
        while await client.zscore(f"{lanes._key}seen", lanes._process) == seen:
            await asyncio.sleep(0.005)


@pytest.mark.slow
async def test_three_processes_share_the_lanes(
    redis_server: RedisServer, client: Redis, key: str, tmp_path: Path
) -> None:
    """90 requests of three processes: never more at once than lanes, all done, none left to the end."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, script, str(redis_server.port), key, str(name), "4", "30"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for name in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        await process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
    for process in processes:
        await process.communicate()
        assert process.returncode == 0

    running = [int(n) for n in await client.lrange(f"{key}:running", 0, -1)]
    assert (len(running), max(running)) == (90, 4)
    by = await client.lrange(f"{key}:by", 0, -1)
    # The newest first: the last to finish had not been kept waiting for the others.
    assert set(by[:30]) == {"0", "1", "2"}


async def test_another_key_has_lanes_of_its_own(client: Redis, new_lanes: NewLanes, key: str) -> None:
    """Two keys do not hold each other up; the key itself is nowhere in Redis."""
    one, two = (Request(new_lanes(name, 1)) for name in (key, f"{key} two"))

    await one.started.wait()
    await two.started.wait()

    assert not [name for name in await client.keys("*") if key in name]
    await one.finish()
    await two.finish()


async def test_processes_take_turns(client: Redis, new_lanes: NewLanes, key: str) -> None:
    """A process that frees a lane and wants it again stands behind the other one, which has waited."""
    mine, theirs = new_lanes(key, 1), new_lanes(key, 1)
    first = Request(mine)
    await first.started.wait()
    other = Request(theirs)
    await has_asked(client, theirs)
    again = Request(mine)

    await first.finish()
    await other.started.wait()
    await has_asked(client, mine)

    assert not again.started.is_set()
    await other.finish()
    await again.started.wait()
    await again.finish()


async def test_starts_are_counted_over_all_processes(client: Redis, new_lanes: NewLanes, key: str) -> None:
    """In one window no more requests begin than allowed, however many lanes are free."""
    shared = [new_lanes(key, 10, starts=3, window_s=3600) for _ in range(2)]
    requests = [Request(lanes) for lanes in shared for _ in range(3)]
    for lanes in shared:
        await has_asked(client, lanes)

    assert sum(request.started.is_set() for request in requests) == 3

    await client.delete(f"{shared[0]._key}starts")  # as if the hour had passed
    for request in requests:
        await request.started.wait()
        await request.finish()


async def test_what_the_provider_says_holds_for_all_processes(
    client: Redis, new_lanes: NewLanes, key: str
) -> None:
    """Of four requests that are left two may be under way: two more begin, in any process."""
    mine, theirs = new_lanes(key, 10), new_lanes(key, 10)
    asked_at = asyncio.get_running_loop().time()
    first, second, third = Request(mine), Request(theirs), Request(mine)
    for request in (first, second, third):
        await request.started.wait()
    theirs.answered(asked_at, Quota(limit=60, remaining=4, reset_s=36_000))
    await theirs.close()
    await second.finish()
    requests = [Request(lanes) for lanes in (mine, theirs) for _ in range(2)]
    while sum(request.started.is_set() for request in requests) < 2:
        await asyncio.sleep(0.005)
    for lanes in (mine, theirs):
        if await client.zscore(f"{lanes._key}row", lanes._process):
            await has_asked(client, lanes)

    assert sum(request.started.is_set() for request in requests) == 2

    theirs.answered(asyncio.get_running_loop().time(), Quota(limit=60, remaining=50, reset_s=36_000))
    for request in (first, third, *requests):
        await request.started.wait()
        await request.finish()


async def test_when_the_provider_has_all_again_the_lanes_still_hold(
    client: Redis, new_lanes: NewLanes, key: str
) -> None:
    """What it said it had left counts until it is full again: from then on all of its limit is there."""
    mine, theirs = new_lanes(key, 1), new_lanes(key, 1)
    mine.answered(asyncio.get_running_loop().time(), Quota(limit=1, remaining=0, reset_s=0.2))
    await mine.close()
    running = Request(mine)
    await running.started.wait()
    theirs.answered(asyncio.get_running_loop().time(), Quota(limit=60, remaining=0, reset_s=0.001))
    await theirs.close()
    waiting = Request(theirs)
    await has_asked(client, theirs)

    assert not waiting.started.is_set()
    await running.finish()
    await waiting.started.wait()
    assert float((await client.hget(f"{mine._key}quota", "level")) or 0) == 59
    await waiting.finish()


class BothCounts:
    """One key's requests as Redis and as `TokenBucket` count them, by a clock of their own."""

    def __init__(self, server: redis.Redis, key: str) -> None:
        self._server, self._key = server, key
        self._ask, self._learn = (
            server.register_script(script.replace("'TIME'", "'LRANGE', key .. 'clock', 0, 1"))
            for script in (ACQUIRE, LEARN_QUOTA)
        )
        self._alone = TokenBucket()
        self._now, self._news_at = 1e6, 1e6
        self._running: list[tuple[str, float]] = []
        self._answers: list[float] = []
        self.wait(0.001)

    def wait(self, seconds: float) -> None:
        """Let the clock go on."""
        # What is 120 s old is forgotten, by Redis' own clock.
        self._now = round(min(self._now + seconds, self._news_at + 100), 3)
        self._server.delete(f"{self._key}clock")
        self._server.rpush(f"{self._key}clock", int(self._now), round(self._now % 1 * 1e6))

    def start(self) -> None:
        """Start a request if that is allowed."""
        self.wait(0.002)
        lane = uuid4().hex
        wait_ms = self._ask(
            [self._key], ["process", lane, 1000, 1, 0, 10**9, POLL_MS, LONGEST_POLL_MS, 10**9]
        )
        if abs(self._alone.opens_at() - self._now) < 1e-6:
            reject()

        assert (wait_ms == 0) == (self._alone.opens_at() <= self._now)
        if wait_ms == 0:
            self._alone.take(self._now)
            self._running.append((lane, self._now))
            self._news_at = self._now

    def answer(self, limit: int, share: float, reset_s: float) -> None:
        """The oldest request has its answer, which says so of the limit."""
        self.wait(0.002)
        if not self._running:
            return
        lane, started_at = self._running[0]
        quota = Quota(limit, round(share * limit), reset_s)
        age_ms = 1000 * (self._now - started_at)
        told = quota.limit, quota.remaining, quota.per_second / 1000, 1000 * quota.reset_s
        self._learn([self._key], [*told, age_ms, KEEP_MS, lane])
        meanwhile = len(self._running) - 1 + sum(at >= started_at for at in self._answers)
        self._alone.learn(quota, meanwhile, started_at, self._now)
        self._answers.append(self._now)
        self._running.remove((lane, started_at))
        self._server.zrem(f"{self._key}running", lane)
        self._news_at = self._now


WAIT = st.tuples(st.just("wait"), st.sampled_from([0.001, 0.1, 1.0, 10.0]))
START = st.tuples(st.just("start"))
LEFT = st.sampled_from([0.0, 0.05, 1.0]) | st.floats(0, 1)
RESET_S = st.sampled_from([0.01, 1.0, 20.0, 60.0])
ANSWER = st.tuples(st.just("answer"), st.sampled_from([3, 60]), LEFT, RESET_S)


@given(steps=st.lists(st.one_of(WAIT, START, ANSWER), min_size=20, max_size=60))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_counts_as_a_process_does_alone(
    redis_server: RedisServer, key: str, steps: list[tuple[Any, ...]]
) -> None:
    """The script starts a request when `TokenBucket` does, whatever answers come and whenever they come."""
    with redis.Redis(port=redis_server.port) as server:
        both = BothCounts(server, f"{key}{uuid4().hex}:")
        for what, *how in steps:
            getattr(both, what)(*how)


async def test_a_pause_holds_for_all_processes(client: Redis, new_lanes: NewLanes, key: str) -> None:
    """While one request was told to wait no other begins; a shorter pause does not shorten a longer one."""
    mine, theirs = new_lanes(key, 10), new_lanes(key, 10)
    mine.pause(3600)
    mine.pause(1)
    await mine.close()
    request = Request(theirs)
    await assert_held_back(request)
    assert await client.pttl(f"{mine._key}pause") > 3_000_000

    await client.delete(f"{mine._key}pause")
    await request.started.wait()
    await request.finish()


async def test_the_lane_of_a_dead_process_becomes_free(client: Redis, new_lanes: NewLanes, key: str) -> None:
    """It need not be released: its lease ends."""
    dead, alive = new_lanes(key, 1, lease_s=0.3), new_lanes(key, 1)
    request = Request(dead)
    await request.started.wait()
    dead._key = "elsewhere"  # it renews and gives back nothing any more

    successor = Request(alive)
    await successor.started.wait()

    await successor.finish()
    await request.finish()


async def test_a_long_request_keeps_its_lane(client: Redis, new_lanes: NewLanes, key: str) -> None:
    """Its lease is renewed for as long as it runs."""
    mine, theirs = new_lanes(key, 1, lease_s=3), new_lanes(key, 1)
    request = Request(mine)
    await request.started.wait()
    other = Request(theirs)
    lane = (await client.zrange(f"{mine._key}running", 0, 0))[0]
    end = await client.zscore(f"{mine._key}running", str(lane))
    while await client.zcount(f"{mine._key}running", f"({end}", "+inf") == 0:
        await asyncio.sleep(0.01)
    await has_asked(client, theirs, 4)

    assert not other.started.is_set()
    await request.finish()
    await other.started.wait()
    await other.finish()


async def test_whoever_gives_up_leaves_the_row(client: Redis, new_lanes: NewLanes, key: str) -> None:
    """A request that is cancelled while it waits does not hold up those behind it, nor its own process."""
    mine, theirs = new_lanes(key, 1), new_lanes(key, 1)
    running = Request(mine)
    await running.started.wait()
    waiting = Request(theirs)
    await has_asked(client, theirs)
    waiting.task.cancel()
    await asyncio.gather(waiting.task, return_exceptions=True)
    await theirs.close()

    assert await client.zcard(f"{mine._key}row") == 0
    await running.finish()
    next_one = Request(theirs)
    await next_one.started.wait()
    await next_one.finish()


async def test_no_cancel_is_lost(client: Redis, new_lanes: NewLanes, key: str) -> None:
    """Whatever a request is at: redis-py swallows a cancel that arrives while it takes a connection."""
    mine, theirs = new_lanes(key, 1), new_lanes(key, 1)
    running = Request(mine)
    await running.started.wait()
    for steps in range(60):
        waiting = Request(theirs)
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting.task.cancel()
        done, _ = await asyncio.wait([waiting.task], timeout=5)

        assert done, f"cancelled after {steps} steps, it goes on"
    await theirs.close()
    await running.finish()
    next_one = Request(mine)
    await next_one.started.wait()
    await next_one.finish()


async def test_requests_go_on_while_redis_is_away(
    tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each process then keeps to the limit alone; it says so once."""
    with RedisServer(tmp_path) as server:
        server.start()
        client = connect(server.address)
        lanes = RedisRequestLimiter(client, key, 2)
        server.kill()
        requests = [Request(lanes) for _ in range(3)]
        await requests[0].started.wait()
        await requests[1].started.wait()

        assert not requests[2].started.is_set()
        for request in requests:
            await request.finish()
        await lanes.close()
        assert len([record for record in caplog.records if "until Redis is back" in record.message]) == 1
        await client.aclose()


async def test_redis_that_stands_still_is_not_away(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the server is silent, for less than a lease, no request begins beyond the limit."""
    monkeypatch.setattr("audio_tools.engines.redis_rate_limits.RETURN_TIMEOUT_S", 0.05)
    with RedisServer(tmp_path) as server:
        server.start()
        client = connect(server.address)
        mine, theirs = RedisRequestLimiter(client, key, 1), RedisRequestLimiter(client, key, 1)
        running = Request(mine)
        await running.started.wait()
        with server.standing_still():
            waiting = Request(theirs)
            await assert_held_back(waiting)
        await has_asked(client, theirs)

        assert not waiting.started.is_set()
        await running.finish()
        await waiting.started.wait()
        await waiting.finish()
        for lanes in (mine, theirs):
            await lanes.close()
        await client.aclose()


async def test_a_pause_holds_for_whoever_waits_when_redis_goes_away(tmp_path: Path, key: str) -> None:
    """Its process knows of the pause, though the row of those who wait is gone."""
    with RedisServer(tmp_path) as server:
        server.start()
        client = connect(server.address)
        lanes = RedisRequestLimiter(client, key, 2)
        with server.standing_still():
            waiting = Request(lanes)
            while not lanes._tasks:
                await asyncio.sleep(0)
            lanes.pause(3600)
            server.kill()
            await lanes.close()
            await assert_held_back(waiting)
        waiting.task.cancel()
        await asyncio.gather(waiting.task, return_exceptions=True)
        await lanes.close()
        await client.aclose()


async def test_many_lanes_outlast_a_server_that_stands_still(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """More than there are connections: what all of them have to tell waits, and is no outage."""
    monkeypatch.setattr("audio_tools.jobs.bullmq.connection.CALL_TIMEOUT_S", 0.05)
    with RedisServer(tmp_path) as server:
        server.start()
        client = connect(server.address)
        mine, theirs = (RedisRequestLimiter(client, key, 30, lease_s=3) for _ in range(2))
        running = [Request(mine) for _ in range(30)]
        for request in running:
            await request.started.wait()
        waiting = Request(theirs)
        await has_asked(client, theirs)
        with server.standing_still():
            for request in running:
                request.end.set()
            await assert_held_back(waiting)
        await waiting.started.wait()
        for request in (*running, waiting):
            await request.finish()
        for lanes in (mine, theirs):
            await lanes.close()
        assert await client.zcard(f"{mine._key}running") == 0
        assert caplog.records == []
        await client.aclose()


async def test_lanes_that_were_left_in_an_outage_are_free_after_it(tmp_path: Path, key: str) -> None:
    """The server has them in its file as taken; no request waits for their lease to end."""
    with RedisServer(tmp_path, "--appendfsync", "always") as server:
        server.start()
        client = connect(server.address)
        lanes = RedisRequestLimiter(client, key, 2, lease_s=3600)
        requests = [Request(lanes) for _ in range(2)]
        for request in requests:
            await request.started.wait()
        server.kill()
        for request in requests:
            await request.finish()
        await lanes.close()
        server.start()
        assert await client.zcard(f"{lanes._key}running") == 2

        for _ in range(2):
            request = Request(lanes)
            await request.started.wait()
            await request.finish()
        await lanes.close()
        assert await client.zcard(f"{lanes._key}running") == 0
        await client.aclose()
