"""`audio-tools submit --follow` at a service that is stopped and started again."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from tests.acceptance.commands import Commands
from tests.acceptance.service import FOREVER_S, ServiceProcess
from tests.simulator import Latency, Simulator, render, talk


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


async def test_follow_outlives_a_restart_of_the_service(tmp_path: Path, simulator: Simulator) -> None:
    """Killed while the engine works, back on the same ports: the command ends well, its files are there."""
    recording = render(talk(25.0, seed=64), tmp_path / "talk.flac")
    ports = ["--port", free_port(), "--ws-port", free_port()]
    simulator.latency = Latency(base_s=FOREVER_S)
    commands = Commands(tmp_path)
    with ServiceProcess(tmp_path, simulator.base_url, arguments=ports) as service:
        follower = commands.start(
            "submit", recording, "--follow", "-o", commands.out, "--server", service.url
        )
        try:
            await simulator.wait_for(lambda log: len(log) > 0)
            await asyncio.to_thread(service.kill)
            simulator.latency = Latency()
            await asyncio.to_thread(service.start)
            output, errors = await asyncio.to_thread(follower.communicate, timeout=120.0)
        finally:
            follower.kill()
            follower.wait()

    assert follower.returncode == 0, errors
    assert "talk.flac: 0:25 of audio" in output
    assert commands.transcript("talk")["successRate"] == 100
