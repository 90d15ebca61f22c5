"""
Tools that have a base URL, against the real service: the requests that they make, replayed, and OpenAI's own
command line. What they send was read in their source in November 2026.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from tests.acceptance.service import ServiceProcess, engine_process
from tests.simulator import render, talk

SCRIPT = talk(8.0, seed=101)
TEXT = " ".join(word.text for word in SCRIPT.words)
CLI_LOCK = Path(__file__).parents[2] / "requirements" / "openai-cli.lock"


class Tool(NamedTuple):
    """A request: the fields of the form beside the file, and the name and type that the file has."""

    fields: list[tuple[str, str]]
    file: tuple[str, str] = ("talk.flac", "audio/flac")
    streams: bool = False
    ignored: int = 0
    """Number of sentences on fields that have no effect."""


WORDS = [("timestamp_granularities[]", "segment"), ("timestamp_granularities[]", "word")]
VERBOSE = ("response_format", "verbose_json")
TOOLS = {
    "a page with a microphone": Tool(
        [("model", "whisper-1"), ("language", "")], ("blob", "audio/webm;codecs=opus")
    ),
    "Home Assistant (openai_stt)": Tool(
        [
            ("model", "whisper-1"),
            ("language", "en-US"),
            ("prompt", ""),
            ("temperature", "0"),
            ("response_format", "json"),
        ],
        ("whisper_audio.wav", "audio/wav"),
    ),
    "LibreChat": Tool([("model", "whisper-1"), ("language", "en")], ("audio.webm", "audio/webm")),
    "LiteLLM": Tool([("model", "whisper-1"), VERBOSE]),
    "n8n": Tool([("model", "whisper-1"), ("language", "en"), ("temperature", "0.4")], ignored=1),
    "Open WebUI": Tool([("model", "whisper-1"), ("language", "en")], ("a.wav", "application/octet-stream")),
    "Subtitle Edit": Tool(
        [("model", "whisper-1"), ("language", "en"), VERBOSE, *WORDS, ("temperature", "0.20")],
        ("a.mp3", "audio/wav"),
        ignored=1,
    ),
    "Subtitle Edit, streaming": Tool(
        [("model", "whisper-1"), ("response_format", "json"), ("stream", "true")], streams=True
    ),
    "Whisper for Obsidian": Tool(
        [("model", "whisper-1"), ("language", "auto"), ("prompt", "Ada")], ("recording.webm", "audio/webm")
    ),
    "programs for whisper.cpp": Tool(
        [
            ("model", "whisper-1"),
            ("temperature", "0.0"),
            ("temperature_inc", "0.2"),
            ("response_format", "verbose_json"),
        ],
        ignored=1,
    ),
    "programs for faster-whisper servers": Tool(
        [
            ("model", "whisper-1"),
            ("language", "en"),
            VERBOSE,
            *WORDS,
            ("hotwords", "Ada"),
            ("vad_filter", "true"),
            ("word_timestamps", "true"),
        ],
        ignored=1,
    ),
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(SCRIPT, tmp_path_factory.mktemp("tools") / "talk.flac")


@pytest.fixture(scope="module")
def service(recording: Path) -> Iterator[ServiceProcess]:
    with engine_process() as engine, ServiceProcess(recording.parent, engine.base_url) as running:
        yield running


@pytest.mark.parametrize("name", TOOLS)
def test_what_a_tool_sends_is_answered(name: str, service: ServiceProcess, recording: Path) -> None:
    """With the text, and with times where it asks for them."""
    tool = TOOLS[name]
    file_name, kind = tool.file
    form = [(field, (None, text)) for field, text in tool.fields]
    response = service.http.post(
        "/v1/audio/transcriptions", files=[*form, ("file", (file_name, recording.read_bytes(), kind))]
    )
    assert response.status_code == 200, response.text
    if tool.streams:
        assert text_of_events(response) == TEXT
        return
    record = response.json()

    assert record["text"] == TEXT
    assert len(record.get("warnings", [])) == tool.ignored
    assert ("segments" in record) == (VERBOSE in tool.fields)
    assert ("words" in record) == (WORDS[1] in tool.fields)


def text_of_events(response: httpx2.Response) -> str:
    """The text, read as Subtitle Edit does: by the names of the events, up to the last one."""
    events = [event.splitlines() for event in response.text.strip().split("\n\n")]
    names = [event[0].removeprefix("event: ") for event in events[:-1]]
    deltas = [event[1] for event, name in zip(events, names, strict=False) if name == "transcript.text.delta"]

    assert names[-1] == "transcript.text.done"
    assert events[-1] == ["data: [DONE]"]
    return "".join(httpx2.Response(200, text=line.removeprefix("data: ")).json()["delta"] for line in deltas)


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command `openai`, which only versions before 2 have."""
    folder = tmp_path_factory.mktemp("openai-cli")
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    install += ["--target", str(folder), "--require-hashes", "-r", str(CLI_LOCK)]
    ended = subprocess.run(install, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip(f"the command line of openai<2 cannot be installed: {ended.stderr.strip()[-300:]}")
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from openai.cli import main; sys.exit(main())"
    )
    return [sys.executable, "-c", program]


@pytest.mark.slow
def test_the_command_line_of_openai(
    command_line: list[str], service: ServiceProcess, recording: Path
) -> None:
    """It transcribes, unchanged but for its base URL."""
    call = [*command_line, "api", "audio.transcriptions.create", "-f", str(recording)]
    environment = os.environ | {"OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_API_KEY": "any"}
    ended = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    assert TEXT in ended.stdout
