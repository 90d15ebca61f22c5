"""Tests of log lines: their form, what they carry, and what they never show."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from audio_tools.logs import LogFormat, configure_logs, log_context
from audio_tools.redaction import REDACTED, redact
from audio_tools.server.access_rules import AccessRules
from audio_tools.server.middleware.access_control import AccessControl
from audio_tools.server.middleware.access_log import AccessLog
from tests.server.middleware.test_access_control import Handler, listening
from tests.server.test_access_rules import TOKEN

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Capture = pytest.CaptureFixture[str]
log = logging.getLogger("audio_tools.test")


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test sets up ends with it."""
    monkeypatch.setattr(logging, "raiseExceptions", True)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_json(capsys: Capture) -> None:
    """Time in UTC, level, logger, text and whatever facts were given, one object a line."""
    configure_logs("info", "json")

    log.info("decode done in %d s", 3, extra={"stage": "decode"})

    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "decode done in 3 s",
        "level": "info",
        "logger": "audio_tools.test",
        "stage": "decode",
    }


def test_structlog_and_stdlib_write_the_same(capsys: Capture) -> None:
    """Whichever a module uses, its lines look alike and pass the same blotting."""
    configure_logs("info", "json")

    structlog.get_logger("audio_tools.test").info("hello", size=1, token="abc")
    log.info("hello", extra={"size": 1, "token": "abc"})

    first, second = lines(capsys)
    assert first | {"timestamp": ""} == second | {"timestamp": ""}
    assert first["token"] == REDACTED


def test_the_level_counts_for_both(capsys: Capture) -> None:
    """Below the level nothing is written; libraries that log each packet stay quiet even at debug."""
    configure_logs("warning", "json")
    log.info("no")
    structlog.get_logger().info("no")
    configure_logs("debug", "json")
    log.debug("yes")
    logging.getLogger("python_multipart.multipart").debug("no")
    logging.getLogger("httpx2").info("no")

    assert [line["event"] for line in lines(capsys)] == ["yes"]


def test_a_line_that_cannot_be_formatted_does_not_come_out_raw(capsys: Capture) -> None:
    """Python's logging would print its text and arguments, secrets and all."""
    configure_logs("info", "json")

    log.info("%d", "token=s3cret")

    assert capsys.readouterr().err == ""


def test_configuring_twice_does_not_double_lines(capsys: Capture) -> None:
    """The last call counts."""
    configure_logs("info", "console")
    configure_logs("info", "json")

    log.info("once")

    assert [line["event"] for line in lines(capsys)] == ["once"]


def test_an_exception_is_part_of_its_line(capsys: Capture) -> None:
    """JSON has the traceback in one field."""
    configure_logs("info", "json")
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("failed")

    (line,) = lines(capsys)
    assert "ValueError: broken" in line["exception"]


async def test_every_line_of_a_job_carries_its_id(capsys: Capture) -> None:
    """In tasks and worker threads that the job starts, in libraries, and not a line longer."""
    configure_logs("info", "json")

    async def part() -> None:
        log.info("in a task")
        await asyncio.to_thread(log.info, "in a thread")

    with log_context(job_id="7"):
        await asyncio.gather(part(), asyncio.create_task(part()))
        logging.getLogger("library").warning("elsewhere")
    log.info("after")

    *inside, after = lines(capsys)
    assert [line["job_id"] for line in inside] == ["7"] * 5
    assert "job_id" not in after


async def test_jobs_at_once_do_not_mix(capsys: Capture) -> None:
    """Each task has its own facts."""
    configure_logs("info", "json")

    async def job(number: str) -> None:
        with log_context(job_id=number):
            await asyncio.sleep(0)
            log.info(number)

    await asyncio.gather(*(job(str(number)) for number in range(5)))

    assert all(line["event"] == line["job_id"] for line in lines(capsys))


def test_console_lines_cannot_be_forged(capsys: Capture) -> None:
    """A file's name with a line break or a terminal escape stays one line of plain characters."""
    configure_logs("info", "console")

    log.info("got %s", "a\n2026 [info] all is well\x1b[2J", extra={"file": "b\r\nc\x9b"})

    output = capsys.readouterr().err
    assert output.count("\n") == 1
    assert not {"\r", "\x1b", "\x9b"} & set(output)
    assert r"a\x0a2026" in output
    assert "file=b\\x0d\\x0ac\\x9b" in output


def test_console_shows_no_local_variables(capsys: Capture) -> None:
    """A traceback has lines of code and not the values in them."""
    configure_logs("info", "console")

    def work(password_of_the_client: str) -> None:
        raise ValueError("broken")

    try:
        work("x" + "yz" * 5)
    except ValueError:
        log.exception("failed")

    output = capsys.readouterr().err
    assert "ValueError: broken" in output
    assert "yzyz" not in output


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_secrets_themselves_are_blotted_out_wherever_they_stand(form: LogFormat, capsys: Capture) -> None:
    """In text, arguments, facts, nested facts, tracebacks, and in the spelling of URLs and JSON."""
    secret = 'p"ss/ wörd'
    configure_logs("debug", form, [secret, ""])

    log.info("it is %s", secret, extra={"fact": {"deep": [secret]}})
    log.info('GET /x?y=p%22ss%2F%20w%C3%B6rd {"a": "p\\"ss/ w\\u00f6rd"}')
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed")

    output = capsys.readouterr().err
    assert output.count(REDACTED) >= 5
    assert "ss/ w" not in output
    assert "ss%2F" not in output


@pytest.mark.parametrize("field", ["token", "Authorization", "openai_api_key", "password"])
def test_a_fact_with_a_telling_name_is_blotted_out(field: str, capsys: Capture) -> None:
    """Whatever its value looks like."""
    configure_logs("info", "json")

    log.info("hello", extra={field: "s3cret"})

    (line,) = lines(capsys)
    assert line[field] == REDACTED


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /?jobId=7&token=s3cret&after=3", f"GET /?jobId=7&token={REDACTED}&after=3"),
        ("API_TOKEN=s3cret", f"API_TOKEN={REDACTED}"),
        ("Authorization: Bearer s3cret", f"Authorization: Bearer {REDACTED}"),
        ("Authorization: Basic czNjcmV0", f"Authorization: Basic {REDACTED}"),
        ("(b'authorization', b'Bearer s3cret')", f"(b'authorization', b'Bearer {REDACTED}')"),
        (
            "Sec-WebSocket-Protocol: audio-tools, bearer.s3cret",
            f"Sec-WebSocket-Protocol: audio-tools, bearer.{REDACTED}",
        ),
        ('{"type": "auth", "token": "s3cret"}', f'{{"type": "auth", "token": "{REDACTED}"}}'),
        (r"{\"type\":\"auth\",\"token\":\"s3cret\"}", rf"{{\"type\":\"auth\",\"token\":\"{REDACTED}\"}}"),
        ("{'api_key': 's3cret'}", f"{{'api_key': '{REDACTED}'}}"),
        ("redis://user:s3cret@host:6379/0", f"redis://user:{REDACTED}@host:6379/0"),
        ("redis://:s3cret@host", f"redis://:{REDACTED}@host"),
        ("wrong key sk-proj-abc_123DEF456", f"wrong key sk-{REDACTED}"),
        ("http://127.0.0.1:3001/a@b", "http://127.0.0.1:3001/a@b"),
        ("API token required: see API_TOKEN", "API token required: see API_TOKEN"),
        ("a task-list and a risk-free-operation", "a task-list and a risk-free-operation"),
        ("5 tokens in 3 s", "5 tokens in 3 s"),
    ],
)
def test_redact(text: str, clean: str) -> None:
    """What looks like a secret goes, what merely speaks of one stays."""
    assert redact(text) == clean


@UNHURRIED
@given(
    st.text(max_size=60), st.sampled_from(["token=", "Bearer ", "bearer.", "Authorization: Bearer ", "sk-"])
)
def test_redacted_lines_stay_json(around: str, form: str) -> None:
    """Blotting never eats the end of a string of JSON."""
    line = json.dumps({"a": around + form + "s3cret-s3cret", "b": form, "c": around})

    assert set(json.loads(redact(line))) == {"a", "b", "c"}
    assert "s3cret-s3cret" not in redact(json.dumps(" " + form + "s3cret-s3cret"))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    await request.body()
    log.info("at work")
    if scope["path"] == "/crash":
        raise ValueError("broken")
    await Response(status_code=int(request.query_params.get("status", "200")))(scope, receive, send)


async def ask(method: str, path: str, **kwargs: Any) -> httpx2.Response:
    transport = httpx2.ASGITransport(AccessLog(echo), client=("10.0.0.7", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path, **kwargs)


async def test_a_request_is_one_line(capsys: Capture) -> None:
    """Who asked for what, what came in, what was answered, and how long it took."""
    configure_logs("info", "json")

    response = await ask("POST", "/process-audio?status=201&token=s3cret", content=b"12345")

    _, line = lines(capsys)
    assert line.pop("duration_ms") >= 0
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "audio_tools.server.middleware.access_log",
        "request_id": response.headers["X-Request-Id"],
        "method": "POST",
        "path": f"/process-audio?status=201&token={REDACTED}",
        "client": "10.0.0.7:5000",
        "status": 201,
        "bytes_in": 5,
    }


async def test_lines_of_a_request_carry_its_id(capsys: Capture) -> None:
    """The client's own, so that it finds its request in our log."""
    configure_logs("info", "json")

    response = await ask("GET", "/", headers={"X-Request-Id": "panel.7_a-B"})

    assert response.headers["X-Request-Id"] == "panel.7_a-B"
    assert [line["request_id"] for line in lines(capsys)] == ["panel.7_a-B"] * 2


@pytest.mark.parametrize("given_id", ["", "a b", 'a"b', "a" * 65, "ä".encode(), "a;b"])
async def test_an_id_that_could_break_a_line_is_replaced(given_id: str | bytes) -> None:
    """Only letters, digits, dot, dash and underscore, 64 at most."""
    response = await ask(
        "GET",
        "/",
        headers=[(b"X-Request-Id", given_id if isinstance(given_id, bytes) else given_id.encode())],
    )

    assert len(response.headers["X-Request-Id"]) == 16


async def test_a_path_cannot_break_a_line(capsys: Capture) -> None:
    """It is logged as it came, percent-encoded, and not at any length."""
    configure_logs("info", "console")

    await ask("GET", "/a%0Ab" + "c" * 5000)

    assert "path=/a%0Abccc" in (output := capsys.readouterr().err)
    assert len(output) < 1500


async def test_a_crash_before_the_answer_is_logged_and_goes_on(capsys: Capture) -> None:
    """The server must know that there is no answer; the log has the traceback under the request's id."""
    configure_logs("info", "json")

    with pytest.raises(ValueError, match="broken"):
        await ask("GET", "/crash", headers={"X-Request-Id": "case-1"})

    _, line = lines(capsys)
    assert (line["level"], line["status"], line["request_id"]) == ("error", None, "case-1")
    assert "ValueError: broken" in line["exception"]


async def test_a_crash_after_the_answer_stays_here(capsys: Capture) -> None:
    """It is not raised further: uvicorn would log it a second time."""
    configure_logs("info", "json")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("sorry", 500)(scope, receive, send)
        raise ValueError("broken")

    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(AccessLog(app)), base_url="http://test"
    ) as client:
        assert (await client.get("/")).status_code == 500

    (line,) = lines(capsys)
    assert (line["level"], line["status"]) == ("error", 500)
    assert "ValueError: broken" in line["exception"]


@asynccontextmanager
async def logged_server() -> AsyncIterator[int]:
    """A server that logs at `debug`, where libraries print headers and frames, and knows no secret."""
    configure_logs("debug", "json")
    async with listening(
        lambda port: AccessLog(AccessControl(Handler(), AccessRules((port,), token=TOKEN)))
    ) as port:
        yield port


async def test_no_line_shows_the_token(capsys: Capture) -> None:
    """The token is not logged, however it is sent, right or wrong, nor by uvicorn."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    offers = [Subprotocol("audio-tools"), Subprotocol(f"bearer.{TOKEN}")]
    async with logged_server() as port, httpx2.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/jobs?token={TOKEN}"
        assert (await client.get(url, headers=bearer)).status_code == 200
        assert (await client.get(url)).status_code == 401
        url = f"ws://127.0.0.1:{port}/"
        async with connect(url, subprotocols=offers, proxy=None) as socket:
            await socket.recv()
        async with connect(f"{url}?token={TOKEN}", proxy=None) as socket:
            await socket.recv()
        async with connect(url, proxy=None) as socket:
            await socket.send(json.dumps({"type": "auth", "token": TOKEN}))
            await socket.recv()
        with pytest.raises(InvalidStatus):
            await connect(f"{url}?token={TOKEN}x", proxy=None).__aenter__()

    output = capsys.readouterr().err
    assert output.count('"websocket opened"') == 3
    assert "color_message" not in output
    assert TOKEN not in output


async def test_a_websocket_has_a_line_when_it_opens_and_one_when_it_closes(capsys: Capture) -> None:
    """The line has the code of the side that closed first; uvicorn's line about the handshake is omitted."""
    async with (
        logged_server() as port,
        connect(f"ws://127.0.0.1:{port}/?jobId=7&token={TOKEN}", proxy=None) as socket,
    ):
        await socket.recv()

    opened, closed = (line for line in lines(capsys) if "websocket " in line["event"].lower())
    assert (opened["event"], opened["path"]) == ("websocket opened", f"/?jobId=7&token={REDACTED}")
    assert (closed["event"], closed["status"], closed["close_code"]) == ("websocket closed", 101, 1000)
    assert closed["request_id"] == opened["request_id"]


async def test_a_refused_websocket_says_why(capsys: Capture) -> None:
    """The editor whose panel is locked out finds the reason in the log."""
    async with logged_server() as port:
        with pytest.raises(InvalidStatus):
            await connect(
                f"ws://127.0.0.1:{port}/", origin=Origin("https://evil.example"), proxy=None
            ).__aenter__()

    told = lines(capsys)
    (line,) = (line for line in told if line["logger"] == "audio_tools.server.middleware.access_log")
    assert [line["event"] for line in told if line["level"] == "error"] == []
    assert (line["event"], line["status"]) == ("websocket refused", 403)
    assert line["refused"] == "Origin not allowed: https://evil.example."


async def test_who_closes_first_says_why(capsys: Capture) -> None:
    """The server's close after the client's is an echo and changes no line."""
    configure_logs("info", "json")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    async def receive() -> Message:
        return {"type": "websocket.disconnect", "code": 4001}

    async def send(message: Message) -> None:
        pass

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b""}
    await AccessLog(app)(scope, receive, send)

    assert lines(capsys)[-1]["close_code"] == 4001


async def test_a_client_that_vanishes_is_no_error(capsys: Capture) -> None:
    """The server says so by an OSError from send; that is how sockets end."""
    configure_logs("info", "json")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        raise OSError

    async def receive() -> Message:
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Message) -> None:
        pass

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b""}
    with pytest.raises(OSError):
        await AccessLog(app)(scope, receive, send)

    _, closed = lines(capsys)
    assert (closed["level"], closed["close_code"], "exception" in closed) == ("info", 1006, False)
