"""
An MCP server (Model Context Protocol): an assistant transcribes recordings and searches transcripts.

It is a client of the service, whose rules apply: MEDIA_ROOTS, the token, the limits of jobs. Answers come in
pages, since the transcript of a long recording is longer than an assistant can read at once.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any
from unicodedata import normalize

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import AliasChoices, Field

from audio_tools import __version__
from audio_tools.client import AsyncClient
from audio_tools.client.hints import COMMAND_LINE
from audio_tools.errors import AudioToolsError, ConfigError
from audio_tools.transcript import Json, Transcript, Word

INSTRUCTIONS = """\
Transcribes audio and video files of any length on the Audio Tools service, and answers questions about the \
transcripts. Start with `transcribe` (or `list_jobs`), then read with `read_transcript` and `find_phrase`. \
Times are seconds from the start of the recording."""
WORDS_A_PAGE = 500
JOBS_A_PAGE = 50
RANGES_A_PAGE = 100
CONTEXT_WORDS = 8
"""Words shown before and after a phrase that was found."""

JobId = Annotated[
    str,
    # Results call it `jobId`, and assistants use the name that they read.
    Field(
        description="Id of the job, or its number in the list of jobs.",
        validation_alias=AliasChoices("job_id", "jobId"),
    ),
]
Offset = Annotated[int, Field(ge=0, description="Where the page begins: `nextOffset` of the one before.")]
READ_ONLY = ToolAnnotations(readOnlyHint=True)


@dataclass(slots=True)
class McpTools:
    """The tools, on one service. `max_cost_usd` bounds every job that they start."""

    client: AsyncClient
    folder: Path
    max_cost_usd: float | None
    _last: tuple[str, Transcript] | None = None

    async def transcribe(
        self,
        path: Annotated[str, Field(description="Absolute path of the recording; must be under MEDIA_ROOTS.")],
        ctx: Context[Any, Any],
        language: Annotated[
            str | None, Field(description="Spoken language, ISO 639-1; default: detected.")
        ] = None,
        options: Annotated[
            dict[str, Any] | None, Field(description="Further options of the job, as for `POST /jobs`.")
        ] = None,
    ) -> Json:
        """Transcribe a recording and wait for the end, with progress; returns a summary and the `jobId`."""
        wanted = dict(options or {}) | ({"language": language} if language else {})
        if self.max_cost_usd is not None:
            wanted["maxCost"] = _at_most(self.max_cost_usd, wanted.get("maxCost"))
        answer = await self.client.submit_path(Path(path), wanted)
        async for event in self.client.follow(answer):
            if event["type"] in {"progress", "snapshot"}:
                await ctx.report_progress(event["progress"], 100, event["message"])
        job_id = answer["jobId"]
        return _summary(job_id, await self._transcript(job_id))

    async def list_jobs(self, offset: Offset = 0) -> Json:
        """Jobs of the service, newest first, with state and progress."""
        page = await self.client.jobs(limit=JOBS_A_PAGE, offset=offset)
        jobs = [
            {"id": job["id"], "jobId": job["jobId"], "state": job["state"], "progress": job["progress"]}
            | {"fileName": job["data"].get("fileName"), "createdAt": job["createdAt"]}
            for job in page.jobs
        ]
        return _page("jobs", jobs, offset, page.total)

    async def get_status(self, job_id: JobId) -> Json:
        """State, progress, time left and error of a job."""
        status = await self.client.status(await self.client.find_job(job_id))
        del status["result"]
        return status

    async def read_transcript(
        self,
        job_id: JobId,
        start: Annotated[float, Field(ge=0, description="Read from this time, seconds.")] = 0.0,
        end: Annotated[float | None, Field(description="Read up to this time, seconds.")] = None,
        offset: Offset = 0,
    ) -> Json:
        """The text between two times, as segments with start, end and speaker."""
        transcript = await self._transcript(job_id)
        last = transcript.duration if end is None else end
        segments = [part for part in transcript.segments if part.end > start and part.start < last]
        page = segments[offset:][:RANGES_A_PAGE]
        lines = [_line(part.start, part.end, part.text, part.speaker) for part in page]
        return _page("segments", lines, offset, len(segments))

    async def read_words(
        self,
        job_id: JobId,
        start: Annotated[float, Field(ge=0, description="From this time, seconds.")] = 0.0,
        end: Annotated[float | None, Field(description="Up to this time, seconds.")] = None,
        offset: Offset = 0,
    ) -> Json:
        """Single words between two times, each with its own start, end and index."""
        transcript = await self._transcript(job_id)
        last = transcript.duration if end is None else end
        words = [
            {"index": index} | _line(word.start, word.end, word.word, word.speaker)
            for index, word in enumerate(transcript.words)
            if word.end > start and word.start < last
        ]
        return _page("words", words[offset:][:WORDS_A_PAGE], offset, len(words))

    async def find_phrase(
        self,
        job_id: JobId,
        phrase: Annotated[
            str, Field(min_length=1, description="Words to find; case and punctuation do not count.")
        ],
        offset: Offset = 0,
    ) -> Json:
        """Every place where a phrase was spoken, with its time and the words around it."""
        words = (await self._transcript(job_id)).words
        found = find_words([word.word for word in words], phrase)
        places = [_place(words, first, last) for first, last in found[offset:][:RANGES_A_PAGE]]
        return _page("places", places, offset, len(found))

    async def plan_cut(
        self,
        job_id: JobId,
        options: Annotated[
            dict[str, Any] | None,
            Field(description="Options of the plan, such as preset and minSilence."),
        ] = None,
        offset: Offset = 0,
    ) -> Json:
        """Plan a cut without the silences; returns durations and the ranges that would be cut."""
        plan = await self.client.cut_plan(await self.client.find_job(job_id), options or {})
        cut = [{name: entry.get(name) for name in ("start", "end", "reason")} for entry in plan["cut"]]
        return {"stats": plan["stats"]} | _page("cut", cut[offset:][:RANGES_A_PAGE], offset, len(cut))

    async def export(
        self,
        job_id: JobId,
        format: Annotated[
            str, Field(description="srt, vtt, txt, xmeml, otio, fcpxml, edl, premiere, json …")
        ],
        cut: Annotated[
            dict[str, Any] | None,
            Field(description="Options of a cut plan, for a file of the time after the cut."),
        ] = None,
    ) -> Json:
        """Write the transcript or a cut sequence into the folder of this server; replaces no file."""
        exported = await self.client.export(await self.client.find_job(job_id), format, cut_plan=cut)
        target = _write(self.folder, Path(exported.name).name, exported.data)
        return {"path": str(target), "bytes": len(exported.data)}

    async def _transcript(self, job_id: str) -> Transcript:
        identity = await self.client.find_job(job_id)
        if self._last is None or self._last[0] != identity:  # a transcript never changes
            self._last = identity, await self.client.transcript(identity)
        return self._last[1]


def make_server(server: str, token: str | None, folder: Path, max_cost_usd: float | None) -> MCPServer[Any]:
    """An MCP server for the service at `server`; exported files go to `folder`."""
    tools = McpTools(AsyncClient(server, token, hints=COMMAND_LINE), folder, max_cost_usd)

    @asynccontextmanager
    async def open_client(_: MCPServer[Any]) -> AsyncIterator[None]:
        async with tools.client:
            yield

    mcp: MCPServer[Any] = MCPServer(
        "audio-tools",
        instructions=INSTRUCTIONS,
        version=__version__,
        lifespan=open_client,
        log_level="WARNING",
    )
    reading = (
        tools.list_jobs,
        tools.get_status,
        tools.read_transcript,
        tools.read_words,
        tools.find_phrase,
        tools.plan_cut,
    )
    for tool in reading:
        mcp.add_tool(_with_plain_errors(tool), annotations=READ_ONLY)
    for change in (tools.transcribe, tools.export):
        mcp.add_tool(_with_plain_errors(change), annotations=ToolAnnotations(destructiveHint=False))
    return mcp


def find_words(words: Sequence[str], phrase: str) -> list[tuple[int, int]]:
    """
    First and last index of each occurrence of a phrase. Case, punctuation and spaces between words do not
    count: Chinese is not spaced, and `e-mail` may be two words.
    """
    wanted, spoken = _folded(phrase), [_folded(word) for word in words]
    if not wanted or not spoken:
        return []
    ends = list(accumulate(map(len, spoken)))
    starts = [0, *ends[:-1]]
    first_at = {start: index for index, (start, word) in enumerate(zip(starts, spoken, strict=True)) if word}
    last_at = {end: index for index, (end, word) in enumerate(zip(ends, spoken, strict=True)) if word}
    # A lookahead finds occurrences that overlap too.
    found = (match.start() for match in re.finditer(f"(?={re.escape(wanted)})", "".join(spoken)))
    return [
        (first_at[start], last_at[start + len(wanted)])
        for start in found
        if start in first_at and start + len(wanted) in last_at
    ]


def _folded(text: str) -> str:
    """The letters and digits of a text, in one form for each."""
    return re.sub(r"[\W_]", "", normalize("NFKC", text).casefold())


def _at_most(limit_usd: float, asked: object) -> object:
    """A client's cost limit, lowered to this one; the service refuses what is not a number."""
    if asked is None:
        return limit_usd
    return min(asked, limit_usd) if isinstance(asked, int | float) else asked


def _summary(job_id: str, transcript: Transcript) -> Json:
    return {
        "jobId": job_id,
        "durationSeconds": round(transcript.duration, 3),
        "language": transcript.language,
        "words": len(transcript.words),
        "silences": len(transcript.silences),
        "warnings": list(transcript.warnings),
        "beginning": " ".join(word.word for word in transcript.words[:50]),
    }


def _place(words: Sequence[Word], first: int, last: int) -> Json:
    around = words[max(0, first - CONTEXT_WORDS) : last + CONTEXT_WORDS + 1]
    return {
        "start": words[first].start,
        "end": words[last].end,
        "firstWord": first,
        "lastWord": last,
        "context": " ".join(word.word for word in around),
    }


def _line(start: float, end: float, text: str, speaker: str | None) -> Json:
    return {"start": start, "end": end, "text": text} | ({"speaker": speaker} if speaker else {})


def _page(name: str, entries: list[Json], offset: int, total: int) -> Json:
    following = offset + len(entries)
    return {name: entries, "total": total, "nextOffset": following if following < total else None}


def _write(folder: Path, name: str, data: bytes) -> Path:
    """Write a new file, in a folder that may be missing. Raises ConfigError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = _free(folder / name)
        with target.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {folder}: {error.strerror}.",
            hint="Start audio-tools mcp with a writable directory as --output.",
        ) from None
    return target


def _free(path: Path) -> Path:
    """The path, or the same with a number where a file exists."""
    number, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem} {number}")
        number += 1
    return free


def _with_plain_errors(tool: Any) -> Any:
    """The tool, with the sentence and the hint of an error as its answer."""

    @wraps(tool)
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return await tool(*args, **kwargs)
        except AudioToolsError as error:
            raise ToolError(f"{error.message} {error.hint}".strip()) from error

    return call
