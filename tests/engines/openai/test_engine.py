"""The OpenAI engine against a server that answers as the real one does, and one that lies."""

from __future__ import annotations

import asyncio
import json
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.engines.base import Request
from audio_tools.engines.languages import CODES, language_code
from audio_tools.engines.openai.engine import OpenAIEngine
from audio_tools.engines.openai.headers import go_duration_seconds
from audio_tools.errors import (
    BadEngineReply,
    ChunkRefused,
    EngineError,
    EngineNotReady,
    EngineRateLimited,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    EngineUnreachable,
)
from audio_tools.media.encode import encode
from tests.simulator import DIALECTS, Dialect, Fault, Simulator, by_plan, samples, talk
from tests.simulator.conduct import Kind

SCRIPT = talk(20.0, seed=2)
REQUEST = Request(encode((samples(SCRIPT) * 32767).astype(np.int16), "flac"))
LONG = Request(encode((samples(talk(31.0, seed=2)) * 32767).astype(np.int16), "flac"))


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
async def engine_for() -> AsyncIterator[Callable[..., Any]]:
    """Starts engines and closes them after the test."""
    engines: list[OpenAIEngine] = []

    async def start(base_url: str, **given: Any) -> OpenAIEngine:
        arguments: dict[str, Any] = {"api_key": "sk-test", "model": "whisper-1", "timeout_s": 5.0} | given
        engine = OpenAIEngine(base_url=base_url, **arguments)
        await engine.start()
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        await engine.close()
        await engine.close()


@pytest.fixture
def deaf_url() -> Iterator[str]:
    """A server that accepts no connection, behind a full queue: it answers no SYN."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as server, ExitStack() as queue:
        for _ in range(4):
            client = queue.enter_context(closing(socket.socket()))
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


@pytest.mark.slow
async def test_words_segments_and_language_come_through(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """What was said, when, in which language; prompt and language are passed on."""
    engine = await engine_for(simulator.base_url)
    reply = await engine.transcribe(Request(REQUEST.audio, language="en", prompt="Numbers."))
    (record,) = simulator.requests

    assert [word.word for word in reply.words] == [word.text for word in SCRIPT.words]
    assert reply.language == "en"
    assert reply.segments
    assert record.fields["language"] == ["en"]
    assert record.fields["prompt"] == ["Numbers."]
    assert sorted(record.fields["timestamp_granularities[]"]) == ["segment", "word"]


async def test_a_text_model_is_asked_for_json(simulator: Simulator, engine_for: Callable[..., Any]) -> None:
    """It would refuse anything else."""
    engine = await engine_for(simulator.base_url, model="gpt-transcribe")
    reply = await engine.transcribe(REQUEST)

    assert reply.text == SCRIPT.text
    assert reply.words == ()
    assert not engine.capabilities.words


async def test_a_model_that_tells_speakers_is_asked_for_them(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """In its own format, cut by itself only where it must be, and without the prompt that it refuses."""
    engine = await engine_for(simulator.base_url, model="gpt-4o-transcribe-diarize")
    reply = await engine.transcribe(Request(REQUEST.audio, language="en", prompt="Numbers."))
    await engine.transcribe(LONG)
    short, long = simulator.requests

    assert reply.text == SCRIPT.text
    assert [segment.speaker for segment in reply.segments[:1]] == ["A"]
    assert {segment.speaker for segment in reply.segments} == {"A", "B"}
    assert short.fields.keys() == {"model", "response_format", "language"}
    assert long.fields["chunking_strategy"] == ["auto"]
    assert (engine.capabilities.speakers, engine.capabilities.prompt) == (True, False)


async def test_cost_and_tokens_are_those_that_were_reported(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """Seconds are rounded up by the API, tokens counted by it; our own clock has no say."""
    seconds = await (await engine_for(simulator.base_url, model="gpt-transcribe")).transcribe(REQUEST)
    tokens = await (await engine_for(simulator.base_url, model="gpt-4o-transcribe")).transcribe(REQUEST)
    own = await (await engine_for(simulator.base_url, usd_per_minute=0.6)).transcribe(REQUEST)

    assert seconds.cost_usd == pytest.approx(20 / 60 * 0.0045)
    assert (seconds.tokens, own.tokens) == (0, 0)
    output = 3 * len(SCRIPT.words)
    assert tokens.cost_usd == pytest.approx((200 * 6 + output * 10) / 1e6)
    assert tokens.tokens == 200 + output
    assert own.cost_usd == pytest.approx(0.2)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_servers_with_an_accent_are_understood(
    dialect: Dialect, simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """Base URL, key and model are all they need: every word comes, with times where the server has some."""
    simulator.dialect = dialect
    engine = await engine_for(simulator.base_url, model="whisper-large-v3")
    reply = await engine.transcribe(REQUEST)

    assert reply.text.split() == [word.text for word in SCRIPT.words]
    if dialect in {"whisper.cpp", "whisperx"}:
        assert [word.word for word in reply.words] == [word.text for word in SCRIPT.words]
        given = [pair for pair in zip(reply.words, SCRIPT.words, strict=True) if pair[0].timing == "engine"]
        assert all(abs(told.start - said.start) < 0.01 for told, said in given)
    if dialect in {"groq", "localai"}:
        first, last = SCRIPT.words[0], SCRIPT.words[-1]
        assert reply.segments[0].start == pytest.approx(first.start, abs=0.01)
        assert reply.segments[-1].end == pytest.approx(last.end, abs=0.01)


@pytest.mark.parametrize(("dialect", "refusals"), [("groq", 1), ("vllm", 2)])
async def test_a_form_that_is_refused_is_not_tried_again(
    dialect: Dialect, refusals: int, simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """The next simpler one is, within the same attempt; no chunk is heard twice, none asked in vain again."""
    simulator.dialect = dialect
    engine = await engine_for(simulator.base_url, model="whisper-large-v3")
    await engine.transcribe(REQUEST)
    statuses = [record.status for record in simulator.requests]
    await engine.transcribe(REQUEST)

    assert statuses == [400] * refusals + [200]
    assert [record.status for record in simulator.requests[len(statuses) :]] == [200]


async def test_many_chunks_meet_the_same_refusal(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """Each request continues with what is left; none skips a form that the server accepts."""
    simulator.dialect = "groq"
    engine = await engine_for(simulator.base_url, model="whisper-large-v3")
    replies = await asyncio.gather(*(engine.transcribe(REQUEST) for _ in range(4)))

    assert all(reply.segments for reply in replies)
    assert sum(record.status == 200 for record in simulator.requests) == 4


async def test_a_form_that_was_asked_for_and_is_refused_is_said(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """Without another form the job stops, and the hint names the setting."""
    simulator.dialect = "vllm"
    engine = await engine_for(simulator.base_url, response_format="verbose_json")
    with pytest.raises(EngineRefused) as caught:
        await engine.transcribe(REQUEST)

    assert "OPENAI_RESPONSE_FORMAT" in caught.value.hint


async def test_what_is_asked_for_is_part_of_the_identity(engine_for: Callable[..., Any]) -> None:
    """A stored answer without speakers is none for a job that wants them; the price changes nothing."""
    plain = await engine_for("http://127.0.0.1:9/v1")
    speakers = await engine_for("http://127.0.0.1:9/v1", response_format="diarized_json")
    dear = await engine_for("http://127.0.0.1:9/v1", usd_per_minute=1.0)

    assert plain.identity() == dear.identity() != speakers.identity()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("500"), EngineUnavailable),
        (Fault("503"), EngineUnavailable),
        (Fault("429", retry_after_s=7), EngineRateLimited),
        (Fault("reset"), EngineUnavailable),
        (Fault("cut"), EngineUnavailable),
        (Fault("garbage"), BadEngineReply),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
async def test_every_passing_fault_is_worth_another_try(
    fault: Fault, error: type[EngineError], simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """Server errors, broken connections and garbled bodies are told apart from refusals."""
    simulator.faults = by_plan([fault])
    engine = await engine_for(simulator.base_url)
    with pytest.raises(error) as caught:
        await engine.transcribe(REQUEST)

    assert caught.value.retryable
    assert caught.value.retry_after_s == fault.retry_after_s


@pytest.mark.parametrize(
    ("kind", "received"), [("500", True), ("503", False), ("reset", True), ("cut", True)]
)
async def test_an_error_says_whether_the_request_may_have_been_received(
    kind: Kind, received: bool, simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """It may have been paid; a server that turns us away has not begun."""
    simulator.faults = by_plan([kind])
    engine = await engine_for(simulator.base_url)
    with pytest.raises(EngineUnavailable) as caught:
        await engine.transcribe(REQUEST)

    assert caught.value.received == received


async def test_a_hanging_server_is_given_up(simulator: Simulator, engine_for: Callable[..., Any]) -> None:
    """ENGINE_TIMEOUT bounds the wait."""
    simulator.faults = by_plan(["hang"])
    engine = await engine_for(simulator.base_url, timeout_s=0.3)
    with pytest.raises(EngineTimeout):
        await engine.transcribe(REQUEST)


async def test_a_server_that_dribbles_is_given_up(engine_for: Callable[..., Any]) -> None:
    """ENGINE_TIMEOUT bounds the whole answer, not the wait for its next byte."""

    async def dribble(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b" ")
            await asyncio.sleep(0.01)
        await response.write(b'{"text": "at last"}')
        return response

    engine = await engine_for(str((await _started(dribble)).make_url("/v1")), timeout_s=0.5)
    with pytest.raises(EngineTimeout):
        await engine.transcribe(REQUEST)


async def test_a_server_that_takes_no_connection_is_unavailable(
    deaf_url: str, engine_for: Callable[..., Any]
) -> None:
    """It heard nothing, so it did not take too long for an answer."""
    engine = await engine_for(deaf_url, timeout_s=1.0)
    with pytest.raises(EngineUnreachable, match="cannot be reached") as caught:
        await engine.transcribe(REQUEST)

    assert not caught.value.received


async def test_a_cancelled_request_is_no_timeout(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """A cancelled job is not tried again."""
    simulator.faults = by_plan(["hang"])
    engine = await engine_for(simulator.base_url)
    asking = asyncio.create_task(engine.transcribe(REQUEST), name="ask")
    await simulator.wait_for(bool, 5.0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_refusals_carry_the_providers_words(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """A wrong key, an unknown model and a spent quota are final for the job."""
    for wrong, words, exit_code in (
        ({"api_key": "sk-no"}, "Incorrect API key", 4),
        ({"model": "whisper-9"}, "whisper-9", 2),
    ):
        engine = await engine_for(simulator.base_url, **wrong)
        with pytest.raises(EngineRefused, match=words) as caught:
            await engine.transcribe(REQUEST)
        assert not caught.value.retryable
        assert caught.value.exit_code == exit_code
    simulator.quota_exhausted = True
    with pytest.raises(EngineRefused, match="quota"):
        await (await engine_for(simulator.base_url)).transcribe(REQUEST)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "OPENAI_API_KEY"),
        (402, "Add credit"),
        (403, "OPENAI_API_KEY"),
        (404, "OPENAI_BASE_URL"),
        (405, "OPENAI_BASE_URL"),
        (407, "proxy"),
    ],
)
async def test_what_no_chunk_can_change_is_final_for_the_job(
    status: int, hint: str, engine_for: Callable[..., Any]
) -> None:
    """A spent account and a wrong address refuse every chunk: to ask for the others is in vain."""
    server = await _serving({"error": {"message": "No."}}, status)
    engine = await engine_for(str(server.make_url("/v1")))
    with pytest.raises(EngineRefused, match=f"returned {status}: No") as caught:
        await engine.transcribe(REQUEST)

    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [(400, {"param": ["model"]}, ChunkRefused), (429, {"type": {"a": 1}}, EngineRateLimited)],
)
async def test_a_refusal_of_an_odd_form_is_a_refusal_all_the_same(
    status: int, error: dict[str, Any], kind: type[EngineError], engine_for: Callable[..., Any]
) -> None:
    """Other servers name the fault by lists and objects; it is not an internal error."""
    server = await _serving({"error": {"message": "No."} | error}, status)
    engine = await engine_for(str(server.make_url("/v1")))
    with pytest.raises(kind, match=f"returned {status}: No"):
        await engine.transcribe(REQUEST)


async def test_a_chunk_that_is_no_audio_is_refused_alone(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """The chunk is at fault; the engine stays usable."""
    engine = await engine_for(simulator.base_url)
    broken = type(REQUEST.audio)(b"no audio at all", "flac", 1.0)
    with pytest.raises(ChunkRefused, match="Invalid file format"):
        await engine.transcribe(Request(broken))


async def test_nobody_listening_is_unavailable(engine_for: Callable[..., Any], unused_tcp_port: int) -> None:
    """A server that is not there may come back; the error names it."""
    engine = await engine_for(f"http://127.0.0.1:{unused_tcp_port}/v1")
    with pytest.raises(
        EngineUnreachable, match=f"The server 127.0.0.1:{unused_tcp_port} cannot be reached"
    ) as caught:
        await engine.transcribe(REQUEST)

    assert not caught.value.received


@pytest.mark.usefixtures("no_names")
async def test_a_name_without_an_address_is_unavailable(engine_for: Callable[..., Any]) -> None:
    """The message is in words, without an error number."""
    engine = await engine_for("http://nowhere.invalid/v1")
    with pytest.raises(
        EngineUnreachable,
        match=r"^The server nowhere\.invalid cannot be reached: the host name cannot be resolved\.$",
    ):
        await engine.transcribe(REQUEST)


async def test_a_key_that_cannot_be_sent_is_not_shown(
    simulator: Simulator, engine_for: Callable[..., Any]
) -> None:
    """The HTTP library quotes the header that it refuses; it refuses it each time."""
    engine = await engine_for(simulator.base_url, api_key="sk-secret\n")
    with pytest.raises(EngineRefused, match="cannot be sent") as caught:
        await engine.transcribe(REQUEST)

    assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert simulator.requests == []


async def test_no_key_is_said_before_anything_is_sent() -> None:
    """The hint names the variable and the way without."""
    engine = OpenAIEngine(api_key=None, base_url="http://127.0.0.1:9", model="whisper-1", timeout_s=1)
    with pytest.raises(EngineNotReady) as caught:
        await engine.start()

    assert "OPENAI_API_KEY" in caught.value.hint


LIES: list[Any] = [
    [],
    "text",
    {},
    {"text": "a", "words": 7},
    {"words": None},
    {"text": "a", "segments": ["a"]},
]


@pytest.mark.parametrize("lie", LIES, ids=str)
async def test_a_200_that_is_no_transcription_is_a_bad_reply(
    lie: Any, engine_for: Callable[..., Any]
) -> None:
    """Whatever a server makes up, it does not get into a transcript."""
    engine = await engine_for(str((await _serving(lie)).make_url("/v1")))
    with pytest.raises(BadEngineReply):
        await engine.transcribe(REQUEST)


async def test_times_outside_the_chunk_are_brought_inside(engine_for: Callable[..., Any]) -> None:
    """Whisper thinks in windows of 30 s and may end behind the end."""
    words = [{"word": " late ", "start": 19.5, "end": 31.0}, {"word": "early", "start": -0.2, "end": 0.1}]
    server = await _serving({"text": "early late", "words": words, "language": "english"})
    reply = await (await engine_for(str(server.make_url("/v1")))).transcribe(REQUEST)

    assert [(word.word, word.start, word.end) for word in reply.words] == [
        ("early", 0.0, 0.1),
        ("late", 19.5, 20.0),
    ]


_servers: list[TestServer] = []


@pytest.fixture(autouse=True)
async def close_servers() -> AsyncIterator[None]:
    yield
    while _servers:
        await _servers.pop().close()


async def _serving(answer: Any, status: int = 200) -> TestServer:
    """A server that answers everything with this status and JSON."""

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text=json.dumps(answer), status=status, content_type="application/json")

    return await _started(handle)


async def _started(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> TestServer:
    """A server with this handler, closed after the test."""
    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", handle)
    server = TestServer(app)
    await server.start_server()
    _servers.append(server)
    return server


@pytest.mark.parametrize(
    ("language", "code"),
    [
        *((name, code) for name, code in CODES.items()),
        *[("English", "en"), ("de", "de"), ("Mandarin", "zh"), ("flemish", "nl"), ("eng", "en")],
        *[("en-US", "en"), ("zh_Hans", "zh"), ("eng-US", "en"), ("yue", "yue"), ("Klingon", "klingon")],
        *[("", None), (None, None), ("auto", None), ("unknown", None), ("und", None)],
    ],
)
def test_languages_go_by_their_codes(language: object, code: str | None) -> None:
    """Servers say `english`, `en`, `en-US` or `eng`; what names no language is none."""
    assert language_code(language) == code


def test_no_name_of_a_language_has_a_line_break() -> None:
    """The list is written over several lines."""
    assert all(name == " ".join(name.split()) for name in CODES)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20ms", 0.02),
        ("1.2s", 1.2),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("", None),
        ("soon", None),
        ("5", None),
    ],
)
def test_durations_as_go_writes_them(text: str, seconds: float | None) -> None:
    """`x-ratelimit-reset-requests` speaks Go."""
    assert go_duration_seconds(text) == (seconds if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=20))
def test_no_header_breaks_the_reader(text: str) -> None:
    """Anything that is no duration is None."""
    seconds = go_duration_seconds(text)
    assert seconds is None or seconds >= 0


async def test_a_translation_has_a_route_of_its_own(engine_for: Callable[..., Any]) -> None:
    """It takes no language and no words with times; the answer has segments."""
    asked: list[dict[str, list[str]]] = []

    async def translate(request: web.Request) -> web.Response:
        form = await request.post()
        asked.append({name: [str(value) for value in form.getall(name)] for name in form if name != "file"})
        segments = [{"id": 0, "start": 0.0, "end": 2.0, "text": " Good morning."}]
        return web.json_response(
            {"text": "Good morning.", "language": "english", "duration": 20.0, "segments": segments}
        )

    app = web.Application()
    app.router.add_post("/v1/audio/translations", translate)
    async with TestServer(app) as server:
        engine = await engine_for(str(server.make_url("/v1")))
        reply = await engine.transcribe(
            Request(REQUEST.audio, language="de", prompt="Greetings.", translate=True)
        )

    assert asked == [{"model": ["whisper-1"], "response_format": ["verbose_json"], "prompt": ["Greetings."]}]
    assert [segment.text for segment in reply.segments] == ["Good morning."]
    assert engine.capabilities.translates


@pytest.mark.parametrize("model", ["gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-transcribe-diarize"])
async def test_newer_models_do_not_translate(model: str, engine_for: Callable[..., Any]) -> None:
    """The route for translations knows whisper-1 alone; other servers may have models of their own."""
    assert not (await engine_for("http://127.0.0.1:9/v1", model=model)).capabilities.translates
    assert (await engine_for("http://127.0.0.1:9/v1", model="whisper-large-v3")).capabilities.translates
