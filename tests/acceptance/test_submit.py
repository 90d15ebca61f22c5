"""`audio-tools submit`, `export` and `cancel` at a service: a transcript now, later, or never."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.acceptance.commands import Commands, Ended
from tests.acceptance.service import FOREVER_S, ServiceProcess
from tests.ports import free_ports
from tests.simulator import Latency, Simulator, render, talk


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short talk, one chunk."""
    return render(talk(25.0, seed=64), tmp_path_factory.mktemp("submit") / "talk.flac")


@pytest.fixture
def service(tmp_path: Path, simulator: Simulator) -> Iterator[ServiceProcess]:
    """On ports that stay the same when it is started again."""
    running = started_on_fixed_ports(tmp_path, simulator)
    yield running
    running.kill()


def started_on_fixed_ports(folder: Path, simulator: Simulator) -> ServiceProcess:
    """A service that runs; ports that another process took meanwhile are chosen anew."""
    for _ in range(4):
        port, ws_port = map(str, free_ports(2))
        ports = ["--port", port, "--ws-port", ws_port]
        service = ServiceProcess(folder, simulator.base_url, arguments=ports)
        with suppress(RuntimeError):
            service.start()
            return service
    raise RuntimeError(f"no port stayed free:\n{service.log}")


@pytest.fixture
def commands(tmp_path: Path, service: ServiceProcess) -> Commands:
    """Those of a client of the service."""
    return Commands(tmp_path, environment={"AUDIO_TOOLS_SERVER": service.url})


@asynccontextmanager
async def following(
    commands: Commands, recording: Path, simulator: Simulator
) -> AsyncIterator[subprocess.Popen[str]]:
    """`submit --follow`, once the engine was asked for the first chunk and does not answer."""
    simulator.latency = Latency(base_s=FOREVER_S)
    follower = commands.start("submit", recording, "--follow", "-o", commands.out)
    try:
        await simulator.wait_for(bool)
        yield follower
    finally:
        follower.kill()
        follower.wait()


async def run(commands: Commands, *arguments: str | Path) -> Ended:
    return await asyncio.to_thread(commands.run, *arguments)


async def test_follow_outlives_a_restart_of_the_service(
    service: ServiceProcess, simulator: Simulator, commands: Commands, recording: Path
) -> None:
    """Killed while the engine works, back on the same ports: the command ends well, its files are there."""
    async with following(commands, recording, simulator) as follower:
        await asyncio.to_thread(service.kill)
        simulator.latency = Latency()
        await asyncio.to_thread(service.start)
        output, errors = await asyncio.to_thread(follower.communicate, timeout=120.0)

    assert follower.returncode == 0, errors
    assert "talk.flac: 0:25 of audio" in output
    assert commands.transcript("talk")["successRate"] == 100


async def test_a_transcript_can_be_fetched_later(
    service: ServiceProcess, commands: Commands, recording: Path, tmp_path: Path
) -> None:
    """`submit` says how; the files are those of `submit --follow`, under the name of the recording."""
    submitted = await run(commands, "submit", recording)
    elsewhere = await run(commands, "submit", recording, "--server", service.url)
    job_id = submitted.output.removeprefix("Job ").strip()
    await service.wait_until(job_id, "completed")
    exported = await run(commands, "export", job_id, "-o", "later", "-f", "srt,vtt,txt")
    followed = await run(commands, "submit", recording, "--follow", "-o", "now", "-f", "srt,vtt,txt")

    assert f"{elsewhere.output[4:].strip()} --server {service.url}` writes" in elsewhere.errors
    assert (submitted.code, exported.code, followed.code) == (0, 0, 0)
    assert f"`audio-tools export {job_id}` writes its transcript" in submitted.errors
    assert exported.output.startswith("talk.flac: 0:25 of audio, ")
    assert " taken " not in exported.output
    later = {path.name: path.read_bytes() for path in (tmp_path / "later").iterdir()}
    assert later == {path.name: path.read_bytes() for path in (tmp_path / "now").iterdir()}
    assert sorted(later) == ["talk.srt", "talk.txt", "talk.vtt"]


async def test_what_is_not_finished_is_not_exported(
    service: ServiceProcess, simulator: Simulator, commands: Commands, recording: Path
) -> None:
    """Exit 1 and its state; who stops following is told how to get the transcript."""
    async with following(commands, recording, simulator) as follower:
        follower.send_signal(signal.SIGINT)
        _, errors = await asyncio.to_thread(follower.communicate, timeout=30.0)
    (job_id,) = re.findall(
        r"Job (\S+) continues\. Once it has finished, `audio-tools export \1` writes", errors
    )
    exported = await run(commands, "export", job_id, "-o", commands.out)

    assert follower.returncode == 130
    assert exported.code == 1
    assert exported.errors.startswith(f"Error: Job {job_id} is active.\n")
    assert list(commands.out.iterdir()) == []


async def test_what_failed_is_exported_with_its_own_error(commands: Commands, tmp_path: Path) -> None:
    """The message and the exit code that `submit --follow` had."""
    (tmp_path / "letter.mp4").write_text("Dear editor, this is a letter. " * 100)
    followed = await run(commands, "submit", "letter.mp4", "--follow")
    job_id = followed.errors.splitlines()[0].removeprefix("Job ")
    exported = await run(commands, "export", job_id)

    assert (followed.code, exported.code) == (3, 3)
    assert exported.errors.startswith("Error: letter.mp4 cannot be read as media: ")


@pytest.mark.parametrize(
    ("option", "sentence"),
    [("--model=whisper-9", "The model `whisper-9` does not exist"), ("--engine=whisper", "No Whisper model")],
)
async def test_wrong_settings_end_both_ways_alike(
    option: str, sentence: str, tmp_path: Path, simulator: Simulator, recording: Path
) -> None:
    """An unknown model: exit 2, with a service as without one."""
    nowhere = {"WHISPER_MODEL": "/no/model"}
    alone = Commands(tmp_path, simulator.base_url, nowhere)
    with ServiceProcess(tmp_path, simulator.base_url, arguments=["--workers", "1"], **nowhere) as service:
        server = ["--server", service.url]
        submitted = await run(alone, "submit", recording, "--follow", option, *server)
        transcribed = await run(alone, "transcribe", recording, option)

    assert (submitted.code, transcribed.code) == (2, 2)
    assert sentence in submitted.errors
    assert sentence in transcribed.errors


async def test_cancel_spares_what_has_ended(
    service: ServiceProcess, commands: Commands, recording: Path
) -> None:
    """Exit 1, and the transcript stays; `--delete` is asked for by name."""
    job_id = await asyncio.to_thread(service.submit, recording)
    await service.wait_until(job_id, "completed")
    refused = await run(commands, "cancel", job_id)
    assert service.transcript(job_id).words
    deleted = await run(commands, "cancel", "--delete", job_id)
    gone = await run(commands, "cancel", job_id)

    assert refused.code == 1
    assert f"Error: Job {job_id} has already finished (completed)." in refused.errors
    assert f"audio-tools cancel --delete {job_id}" in refused.errors
    assert (deleted.code, deleted.errors) == (0, "")
    assert gone.errors.startswith(f"Error: Job not found: {job_id}.")


async def test_cancel_stops_what_runs(
    service: ServiceProcess, simulator: Simulator, commands: Commands, recording: Path
) -> None:
    """Once; the second time it has ended."""
    simulator.latency = Latency(base_s=FOREVER_S)
    job_id = await asyncio.to_thread(service.submit, recording)
    await simulator.wait_for(lambda log: len(log) > 0)
    first = await run(commands, "cancel", job_id)
    again = await run(commands, "cancel", job_id)

    assert (first.code, again.code) == (0, 1)
    assert service.status(job_id)["state"] == "cancelled"
    assert "export" not in again.errors


async def test_cancel_can_delete_what_runs(
    service: ServiceProcess, simulator: Simulator, commands: Commands, recording: Path
) -> None:
    """Cancelled and then deleted by one command: nothing of it is left in the list."""
    simulator.latency = Latency(base_s=FOREVER_S)
    job_id = await asyncio.to_thread(service.submit, recording)
    await simulator.wait_for(lambda log: len(log) > 0)
    ended = await run(commands, "cancel", "--delete", job_id)

    assert (ended.code, ended.errors) == (0, "")
    assert service.http.get(f"/job/{job_id}/status").status_code == 404


async def test_several_files_are_sent_and_followed(commands: Commands, recording: Path) -> None:
    """Each with its number; one that is empty does not keep the others from being written."""
    folder = commands.folder / "card"
    folder.mkdir()
    for name in ("a.flac", "c.flac"):
        (folder / name).write_bytes(recording.read_bytes())
    (folder / "b.flac").touch()
    ended = await run(commands, "submit", folder, "--follow", "-o", commands.out, "-f", "txt")

    assert ended.code == 3
    assert "3 of 3  c.flac" in ended.errors
    assert ended.errors.splitlines()[-1] == "1 of 3 files failed."
    assert sorted(path.name for path in commands.out.iterdir()) == ["a.txt", "c.txt"]


async def test_the_service_reads_a_path_itself(tmp_path: Path, simulator: Simulator, recording: Path) -> None:
    """Nothing is uploaded; a path outside MEDIA_ROOTS is refused with exit code 2."""
    roots = str(recording.parent)
    with ServiceProcess(tmp_path, simulator.base_url, MEDIA_ROOTS=roots) as service:
        commands = Commands(tmp_path, environment={"AUDIO_TOOLS_SERVER": service.url})
        taken = await run(commands, "submit", "--path", recording, "--follow", "-o", commands.out)
        refused = await run(commands, "submit", "--path", "/etc/hostname")

    assert (taken.code, refused.code) == (0, 2)
    assert commands.transcript("talk")["words"]
    assert list((tmp_path / "data" / "uploads").glob("*/media")) == []
