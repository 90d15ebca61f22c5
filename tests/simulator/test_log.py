"""How the simulator is watched and steered, from within and from other processes."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import aiohttp
import openai
import pytest

from tests.simulator import KEY, Latency, Record, Script, Simulator, by_plan, simulator_process
from tests.simulator.conftest import ask, flac, outcome

File = tuple[str, bytes]


async def test_many_requests_run_side_by_side(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File
) -> None:
    """Open requests are counted, and the most that were ever open at once."""
    simulator.faults = by_plan(["hang"] * 3)
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(ask(client, file)) for _ in range(3)]
        await simulator.wait_for(lambda log: sum(record.fault == "hang" for record in log) == 3)
        assert simulator.in_flight == 3
        for task in asking:
            task.cancel()
    await simulator.wait_for(lambda log: all(record.aborted for record in log))
    await ask(client, file)

    assert (simulator.in_flight, simulator.max_in_flight) == (0, 3)


async def test_one_lane_is_never_counted_as_two(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File
) -> None:
    """A request is over before its answer arrives: the next one never overlaps with it."""
    for _ in range(20):
        await ask(client, file)

    assert simulator.max_in_flight == 1


async def test_a_record_tells_all(simulator: Simulator, client: openai.AsyncOpenAI, script: Script) -> None:
    """The log has the file's digest, the fields, the words heard, times and outcome."""
    data = flac(script)
    await client.audio.transcriptions.create(
        file=("talk.flac", data),
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    (record,) = simulator.requests

    assert record.sha256 == hashlib.sha256(data).hexdigest()
    assert record.n_bytes > len(data)
    assert record.fields == {
        "model": ["whisper-1"],
        "response_format": ["verbose_json"],
        "timestamp_granularities[]": ["word", "segment"],
    }
    assert record.heard == tuple(word.number for word in script.words)
    assert (record.number, record.status, record.seconds) == (0, 200, 20.0)
    assert (record.model, record.file_name) == ("whisper-1", "talk.flac")


async def test_waiting_for_what_never_comes_ends(simulator: Simulator) -> None:
    """A test that waits in vain fails instead of hanging."""
    with pytest.raises(TimeoutError):
        await simulator.wait_for(bool, timeout_s=0.01)


async def control(url: str, settings: dict[str, Any]) -> int:
    """Change settings as another process does; the status of the answer."""
    async with aiohttp.ClientSession(url) as session, session.post("/__control", json=settings) as response:
        return response.status


@pytest.mark.parametrize(
    ("faults", "outcomes"),
    [
        ({"plan": ["503", {"kind": "429", "retry_after_s": 1}]}, ["InternalServerError", "RateLimitError"]),
        ({"words": [3], "kind": "500", "attempts": 1}, ["InternalServerError", "ok"]),
        ({"probability": 1.0, "kinds": ["garbage"]}, ["JSONDecodeError", "JSONDecodeError"]),
        (None, ["ok", "ok"]),
    ],
    ids=["plan", "words", "random", "none"],
)
async def test_faults_can_be_ordered_from_outside(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File, faults: Any, outcomes: list[str]
) -> None:
    """Each way to fail can be sent as JSON."""
    assert await control(simulator.url, {"faults": faults}) == 200

    assert [await outcome(client, file), await outcome(client, file)] == outcomes


async def test_settings_can_be_changed_from_outside(simulator: Simulator, file: File) -> None:
    """All other settings too, and the log can be emptied."""
    settings = {
        "latency": {"base_s": 0.5, "sigma": 0.1},
        "inaccuracy": {"early_s": 0.1},
        "requests_per_minute": 5,
        "dialect": "vllm",
        "quota_exhausted": True,
        "keys": ["sk-a", "sk-b"],
        "forget": True,
    }
    simulator.requests.append(Record(0, 0.0))

    assert await control(simulator.url, settings) == 200

    assert simulator.latency == Latency(0.5, 0.0, 0.1)
    assert (simulator.requests_per_minute, simulator.quota_exhausted) == (5, True)
    assert simulator.dialect == "vllm"
    assert (simulator.keys, simulator.inaccuracy.early_s) == (("sk-a", "sk-b"), 0.1)
    assert simulator.requests == []


@pytest.mark.parametrize("settings", [{"colour": "red"}, {"latency": {"warp": 9}}, {"faults": {}}, [1]])
async def test_wrong_settings_are_refused(simulator: Simulator, settings: Any) -> None:
    """A slip in a setting is not passed over."""
    assert await control(simulator.url, settings) == 400


@pytest.mark.slow
async def test_a_process_of_its_own(script: Script, file: File) -> None:
    """The simulator runs apart, tells its address first, and its log can be read over HTTP."""
    with simulator_process("--latency", "0.01", "--seed", "3", "--key", "sk-other") as base_url:
        async with openai.AsyncOpenAI(api_key="sk-other", base_url=base_url, max_retries=0) as client:
            assert await ask(client, file) == script.text
        url = base_url.removesuffix("/v1")
        async with aiohttp.ClientSession(url) as session, session.get("/__log") as response:
            log = await response.json()

    assert (log["in_flight"], log["max_in_flight"]) == (0, 1)
    assert [record["status"] for record in log["requests"]] == [200]
    assert log["requests"][0]["latency_s"] == 0.01


@pytest.mark.slow
def test_a_process_that_cannot_start_is_an_error() -> None:
    """A wrong argument is not waited for."""
    with pytest.raises(RuntimeError, match="did not start"), simulator_process("--port", "99999999"):
        pass


async def test_a_client_that_leaves_while_it_sends_is_noticed(simulator: Simulator) -> None:
    """Half a body and a closed connection is an aborted request, not a crash."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(simulator.url.rpartition(":")[2]))
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n--x"
    )
    writer.write(head.encode())
    await simulator.wait_for(lambda log: len(log) == 1)

    writer.close()
    await writer.wait_closed()
    await simulator.wait_for(lambda log: log[0].aborted)

    assert (simulator.in_flight, simulator.requests[0].status) == (0, None)
