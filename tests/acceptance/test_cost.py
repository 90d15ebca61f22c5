"""What a job may cost, and what it would cost: nothing is spent beyond the limit, and nothing paid twice."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from audio_tools.errors import AllChunksFailed, CostLimitReached
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.transcript import Transcript
from tests.acceptance.commands import Commands
from tests.acceptance.service import ServiceProcess, engine_process
from tests.acceptance.truth import assert_true
from tests.simulator import Latency, Simulator, by_plan, render, talk

MakeTools = Callable[..., PipelineContext]
SCRIPT = talk(300.0, seed=31)
USD_PER_SECOND = 0.0001
"""Of whisper-1."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five minutes of talk: 0.03 USD, seven chunks."""
    return render(SCRIPT, tmp_path_factory.mktemp("cost") / "talk.flac")


async def transcript_of(recording: Path, tools: PipelineContext, **options: object) -> Transcript:
    return await transcribe(recording, Options.parse(options)[0], tools, lambda _: None)


async def test_the_limit_is_not_passed_and_what_was_paid_is_kept(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """The job stops before its limit, says what there is, and resumes from there with a higher one."""
    simulator.latency = Latency(base_s=0.05)
    with pytest.raises(
        CostLimitReached, match=r"Spent 0\.0\d+ USD; \d of about 7 chunks are stored"
    ) as caught:
        await transcript_of(recording, make_tools(), maxCost=0.015)
    sent = sum(record.seconds for record in simulator.requests)
    assert 0.008 <= sent * USD_PER_SECOND <= 0.015
    assert all(record.status == 200 for record in simulator.requests)
    assert (caught.value.status, caught.value.exit_code, caught.value.facts()) == (402, 4, {"maxCost": 0.015})

    transcript = await transcript_of(recording, make_tools(), maxCost=0.03)

    assert_true(transcript, SCRIPT)
    assert transcript.usage.stored_chunks == len(simulator.requests) - transcript.usage.calls
    assert len({record.sha256 for record in simulator.requests}) == len(simulator.requests)


async def test_money_that_was_lost_with_the_answers_is_not_said_to_be_the_reason(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """Where the limit is reached and not one chunk was heard, the job says what went wrong."""
    simulator.faults = by_plan(["500"])
    with pytest.raises(AllChunksFailed, match="returned 500"):
        await transcript_of(recording, make_tools(lanes=1), maxCost=0.006)

    assert len(simulator.requests) == 1


async def test_a_dry_run_asks_nobody_and_is_near_the_truth(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """Chunks, seconds and cost before the job are about those after it."""
    before = await transcript_of(recording, make_tools(key=""), dryRun=True)
    assert (before.dry_run, before.words, simulator.requests) == (True, (), [])

    after = await transcript_of(recording, make_tools())

    assert before.total_chunks == pytest.approx(after.total_chunks, abs=2)
    assert before.usage.seconds == pytest.approx(after.usage.seconds, rel=0.05)
    assert before.usage.cost_usd == pytest.approx(after.usage.cost_usd, rel=0.05)
    assert (before.duration, before.engine, before.model) == (after.duration, after.engine, after.model)


async def test_a_dry_run_decodes_what_promises_no_duration(
    recording: Path, tmp_path: Path, make_tools: MakeTools
) -> None:
    """A recording that was written to a pipe does not say how long it is."""
    piped = await asyncio.to_thread(_pipe, recording, tmp_path / "piped.mkv")

    estimate = await transcript_of(piped, make_tools(), dryRun=True)

    assert estimate.media.duration is None
    assert estimate.usage.seconds == pytest.approx(300.0, abs=0.1)


def _pipe(source: Path, target: Path) -> Path:
    command: list[str | Path] = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        source,
        "-c",
        "copy",
        "-f",
        "matroska",
        "-",
    ]
    with target.open("wb") as file:
        subprocess.run(command, stdout=file, check=True)
    return target


async def test_the_command_line_takes_both(recording: Path, tmp_path: Path, simulator: Simulator) -> None:
    """A dry run is one line and writes nothing; a limit that is reached exits with 4 and says so."""
    commands = Commands(tmp_path, simulator.base_url)
    dry = await asyncio.to_thread(commands.transcribe, recording, "--dry-run")
    assert (dry.code, dry.errors) == (0, "")
    assert dry.output == (
        "talk.flac: 5:00 of audio, about 7 chunks, 300 s to send to openai (whisper-1), about $0.0300\n"
    )
    assert not commands.out.exists()

    dear = await asyncio.to_thread(commands.transcribe, recording, "--max-cost", "0.001")

    assert dear.code == 4
    assert "Cost limit of 0.001 USD reached" in dear.errors
    assert simulator.requests == []

    done = await asyncio.to_thread(commands.transcribe, recording)

    assert re.search(r"about \$0\.03\d\d$", done.output, re.MULTILINE), "the cost reads as in the dry run"


async def test_the_service_takes_both(recording: Path, tmp_path: Path) -> None:
    """A dry run is a job whose result has no words; a job that would be too dear fails with 402."""
    with engine_process() as engine, ServiceProcess(tmp_path, engine.base_url) as service:
        await _ask_service(service, recording)


async def _ask_service(service: ServiceProcess, recording: Path) -> None:
    dry, dear = (service.submit(recording, options) for options in ({"dryRun": True}, {"maxCost": 0.001}))
    await service.wait_until(dry, "completed")
    status = await service.wait_until(dear, "failed")

    estimate = service.transcript(dry)
    assert (estimate.dry_run, estimate.words, estimate.usage.cost_usd) == (True, (), 0.03)
    assert service.metric("audio_tools_media_seconds_total") == 0
    assert (status["errorCode"], "0 of about 7 chunks" in status["error"]) == ("cost_limit_reached", True)
