"""Several files in one command: each has its turn, and what went wrong is told for each."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.acceptance.commands import Commands
from tests.simulator import Simulator, render, talk

SCRIPT = talk(20.0, seed=5)


@pytest.fixture
def commands(tmp_path: Path, simulator: Simulator) -> Commands:
    return Commands(tmp_path, simulator.base_url)


async def test_a_bad_file_does_not_keep_the_others_from_their_turn(
    commands: Commands, simulator: Simulator
) -> None:
    """
    The good one is written, and sent once though named twice; the exit code is that of the bad one. The hint
    at the end names a file that was written.
    """
    good = render(SCRIPT, commands.folder / "good.flac")
    (commands.folder / "empty.mp4").touch()

    ended = await asyncio.to_thread(commands.transcribe, "empty.mp4", good, "good.flac")
    words = [word["word"] for word in commands.transcript("good")["words"]]

    assert ended.code == 3
    assert "Error: empty.mp4 is empty." in ended.errors
    assert "import good.srt as captions" in ended.errors
    assert "good.flac is given more than once; it is transcribed once." in ended.errors
    assert ended.errors.splitlines()[-1] == "1 of 2 files failed."
    assert ended.output.count("of audio") == 1
    assert len(simulator.requests) == commands.transcript("good")["totalChunks"]
    assert words == [word.text for word in SCRIPT.words]


async def test_a_provider_that_takes_nothing_is_asked_for_one_file_only(
    commands: Commands, simulator: Simulator
) -> None:
    """A spent quota: exit 4, the provider's words once, and how many files were not started."""
    simulator.quota_exhausted = True
    files = [render(SCRIPT, commands.folder / f"{name}.flac") for name in "abc"]

    ended = await asyncio.to_thread(commands.transcribe, *files)

    assert ended.code == 4
    assert ended.errors.count("exceeded your current quota") == 1
    assert ended.errors.splitlines()[-1] == "1 of 3 files failed, 2 not started."


async def test_the_result_says_how_it_was_made(commands: Commands) -> None:
    """No aligner where it is off; the detection that was really used; progress from the loading on."""
    good = render(SCRIPT, commands.folder / "good.flac")

    ended = await asyncio.to_thread(commands.transcribe, good, "--silence-detection", "level")
    record = commands.transcript("good")

    assert (record["aligner"], record["silenceDetection"]) == (None, "level")
    assert "good.flac: load 0 %  Starting openai (whisper-1)" in ended.errors.splitlines()


async def test_a_transcript_whose_summary_cannot_be_printed_is_written(commands: Commands) -> None:
    """Exit 1 and one sentence: standard output is full, not the folder."""
    good = render(SCRIPT, commands.folder / "good.flac")

    with Path("/dev/full").open("wb") as full:
        process = commands.start("transcribe", good, "-o", commands.out, stdout=full)
        _, errors = await asyncio.to_thread(process.communicate)
    words = [word["word"] for word in commands.transcript("good")["words"]]

    assert process.returncode == 1
    assert words == [word.text for word in SCRIPT.words]
    assert [line for line in errors.splitlines() if not line.startswith("good.flac: ")] == [
        "Error: Standard output cannot be written: No space left on device."
    ]
