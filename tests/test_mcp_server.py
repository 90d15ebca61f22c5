"""The tools of assistants: the official client, over standard input and output, on a real service."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters

from audio_tools.client import AsyncClient
from audio_tools.client.values import ExportedFile
from audio_tools.errors import ConfigError
from audio_tools.mcp_server import WORDS_A_PAGE, McpTools, find_words
from audio_tools.transcript import Transcript, Word
from tests.acceptance.service import ServiceProcess, engine_process
from tests.server.openapi.test_schemas import full_transcript
from tests.simulator import render, talk

pytestmark = pytest.mark.slow
SCRIPT = talk(20.0, seed=4)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service that may read the files of its folder."""
    folder = tmp_path_factory.mktemp("mcp")
    render(SCRIPT, folder / "talk.flac")
    with (
        engine_process() as engine,
        ServiceProcess(folder, engine.base_url, MEDIA_ROOTS=str(folder)) as running,
    ):
        yield running


@asynccontextmanager
async def assisted(server: str, folder: Path) -> AsyncIterator[Client]:
    """What an assistant has of `audio-tools mcp`. Not a fixture: its end belongs to the task of its start."""
    arguments = ["-m", "audio_tools", "mcp", "--server", server, "-o", str(folder), "--max-cost", "1"]
    async with Client(StdioServerParameters(command=sys.executable, args=arguments)) as client:
        yield client


async def call(assistant: Client, tool: str, **arguments: Any) -> Any:
    result = await assistant.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def test_an_assistant_transcribes_searches_and_cuts(service: ServiceProcess, tmp_path: Path) -> None:
    """From a path to a cut sequence, with progress on the way."""
    folder = tmp_path / "exports"
    async with assisted(service.url, folder) as assistant:
        await transcribe_search_and_cut(service, assistant, folder)


async def transcribe_search_and_cut(service: ServiceProcess, assistant: Client, folder: Path) -> None:
    shown: list[float] = []

    async def show(progress: float, total: float | None, message: str | None) -> None:
        shown.append(progress)

    recording = str(service.folder / "talk.flac")
    done = await assistant.call_tool("transcribe", {"path": recording}, progress_callback=show)
    assert not done.is_error, done.content
    summary = done.structured_content
    assert summary is not None
    job_id = summary["jobId"]
    truth = service.transcript(job_id)
    words = await call(assistant, "read_words", job_id=job_id)
    middle = truth.words[4:6]
    found = await call(
        assistant, "find_phrase", job_id=job_id, phrase=" ".join(w.word for w in middle).upper()
    )
    segments = await call(assistant, "read_transcript", job_id=job_id, start=truth.segments[-1].start)
    plan = await call(assistant, "plan_cut", job_id=job_id, options={"minSilence": 0.3})
    first = await call(assistant, "export", job_id=job_id, format="xmeml", cut={})
    second = await call(assistant, "export", jobId=job_id, format="xmeml")

    assert shown == sorted(shown)
    assert shown[-1] == 100
    assert summary["words"] == len(truth.words)
    assert [entry["text"] for entry in words["words"]] == [word.word for word in truth.words]
    assert words["nextOffset"] is None
    assert [(place["firstWord"], place["start"]) for place in found["places"]] == [(4, middle[0].start)]
    assert segments["segments"][-1]["text"] == truth.segments[-1].text
    assert plan["stats"]
    assert Path(first["path"]).parent == folder
    assert Path(first["path"]).stat().st_size == first["bytes"]
    assert first["path"] != second["path"]


async def test_the_rules_of_the_service_hold(service: ServiceProcess, tmp_path: Path) -> None:
    """A path outside MEDIA_ROOTS and an unknown job get sentences as answers; the cost limit is passed on."""
    recording = str(service.folder / "talk.flac")
    async with assisted(service.url, tmp_path) as assistant:
        refused = await assistant.call_tool("transcribe", {"path": "/etc/hostname"})
        unknown = await assistant.call_tool("get_status", {"job_id": "999"})
        await call(assistant, "transcribe", path=recording, options={"maxCost": 5.0, "dryRun": True})
        wrong = await assistant.call_tool("transcribe", {"path": recording, "options": {"maxCost": "5"}})
        jobs = await call(assistant, "list_jobs")

    assert refused.is_error
    assert "MEDIA_ROOTS" in str(refused.content)
    assert wrong.is_error
    assert "maxCost" in str(wrong.content)
    assert unknown.is_error
    assert "999" in str(unknown.content)
    started = service.status(jobs["jobs"][0]["jobId"])
    assert started["data"]["options"]["maxCost"] == 1.0


async def test_without_a_service_the_answer_says_how_to_start_one(tmp_path: Path) -> None:
    """The assistant can pass the hint on."""
    async with assisted("http://127.0.0.1:9", tmp_path) as assistant:
        answer = await assistant.call_tool("list_jobs", {})

    assert answer.is_error
    assert "audio-tools serve" in str(answer.content)


@given(st.lists(st.sampled_from(["a", "B,", "c.", "—"]), max_size=12), st.integers(0, 11), st.integers(1, 4))
def test_every_part_of_a_text_is_found_where_it_is(words: list[str], first: int, length: int) -> None:
    """Whatever its case and punctuation; signs alone are no words."""
    part = words[first : first + length]
    if not part or "—" in (part[0], part[-1]):
        return

    assert (first, first + len(part) - 1) in find_words(words, " ".join(part).swapcase())


@pytest.mark.parametrize(
    ("words", "phrase", "found"),
    [
        (["你好", "，", "世界", "。", "你", "好"], "你好", [(0, 0), (4, 5)]),
        (["你好", "，", "世界"], "你好世界", [(0, 2)]),
        (["Send", "an", "e-mail", "or", "e", "mail."], "email", [(2, 2), (4, 5)]),
        (["Cafe\u0301", "olé"], "café", [(0, 0)]),
        (["mailing", "list"], "mail", []),
        (["a", "a", "a"], "a a", [(0, 1), (1, 2)]),
        (["…", "!"], "!", []),
    ],
)
def test_phrases_of_any_script_are_found(words: list[str], phrase: str, found: list[tuple[int, int]]) -> None:
    """Whether their words are spaced or not, and however their letters are encoded; only whole words."""
    assert find_words(words, phrase) == found


class OneExport:
    """A client whose jobs all have the same file."""

    async def find_job(self, job_id: str) -> str:
        return job_id

    async def export(self, *_: Any, **__: Any) -> ExportedFile:
        return ExportedFile("talk.srt", "application/x-subrip", b"1\n")


async def test_the_folder_is_made_with_the_first_export(tmp_path: Path) -> None:
    """With its parents; one that cannot be made is named."""
    folder = tmp_path / "new" / "exports"
    exported = await McpTools(cast(AsyncClient, OneExport()), folder, None).export("job", "srt")
    below_a_file = folder / "talk.srt" / "exports"
    with pytest.raises(ConfigError, match=r"Cannot write to .*exports: ") as caught:
        await McpTools(cast(AsyncClient, OneExport()), below_a_file, None).export("job", "srt")

    assert Path(exported["path"]).read_bytes() == b"1\n"
    assert "--output" in caught.value.hint


class LongTranscript:
    """A client whose jobs all have the same transcript."""

    words = tuple(Word(f"w{number}", float(number), number + 0.5) for number in range(1_203))

    async def find_job(self, job_id: str) -> str:
        return job_id

    async def transcript(self, job_id: str) -> Transcript:  # noqa: ARG002
        return replace(full_transcript(), words=self.words, duration=1_300.0)


async def test_pages_put_together_are_the_whole(tmp_path: Path) -> None:
    """Each word once and in order, page by page; a page behind the end is empty."""
    tools = McpTools(cast(AsyncClient, LongTranscript()), tmp_path, None)
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = await tools.read_words("job", offset=offset)
        assert 0 < len(page["words"]) <= WORDS_A_PAGE
        seen += [word["text"] for word in page["words"]]
        offset = page["nextOffset"]
    beyond = await tools.read_words("job", offset=5_000)

    assert seen == [word.word for word in LongTranscript.words]
    assert (beyond["words"], beyond["nextOffset"], beyond["total"]) == ([], None, 1_203)
