"""Tests of the one shape that every error has."""

from __future__ import annotations

import json
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Body, FastAPI, HTTPException, Query
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from audio_tools.errors import (
    AudioToolsError,
    EngineNotReady,
    EngineRateLimited,
    InvalidOption,
    JobNotFound,
    QueueUnavailable,
)
from audio_tools.server.error_responses import error_response, install
from audio_tools.server.middleware.access_log import AccessLog
from tests.server.openapi.described import assert_described

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Wish(BaseModel):
    seconds: Annotated[float, Field(ge=0)]


def app() -> FastAPI:
    app = FastAPI()
    install(app)

    @app.get("/job")
    async def job() -> None:
        raise JobNotFound("7")

    @app.get("/crash")
    async def crash() -> None:
        raise KeyError("/home/editor/secret.mov")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "no coffee here", {"X-Pot": "tea"})

    @app.post("/wish")
    async def wish(wish: Annotated[Wish, Body()], limit: int = 1) -> None:
        """Take a wish."""

    return app


async def ask(method: str, path: str, **kwargs: Any) -> httpx2.Response:
    transport = httpx2.ASGITransport(AccessLog(app()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path, **kwargs)


def body_of(error: AudioToolsError) -> dict[str, Any]:
    body = json.loads(bytes(error_response(error).body))
    assert isinstance(body, dict)
    assert_described(body, "ErrorBody")
    return body


def test_an_error_of_ours() -> None:
    """Code, message, hint and facts stand side by side, under the error's own status."""
    response = error_response(InvalidOption("chunkSize", -1, "65536 to 1073741824"))

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert json.loads(bytes(response.body)) == {
        "success": False,
        "error": "invalid_option",
        "message": "Option chunkSize is -1, but must be 65536 to 1073741824.",
        "hint": "Set chunkSize to an allowed value, or omit it.",
        "option": "chunkSize",
        "value": -1,
        "allowed": "65536 to 1073741824",
    }


def test_a_required_option_cannot_be_omitted() -> None:
    """So the hint does not offer that."""
    hint = body_of(InvalidOption("format", "doc", "srt", required=True))["hint"]

    assert hint == "Set format to an allowed value."


def test_no_hint_no_field() -> None:
    """A hint that says nothing is left out."""
    assert body_of(AudioToolsError("wrong")) == {
        "success": False,
        "error": "internal_error",
        "message": "wrong",
    }


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (QueueUnavailable("busy"), "5"),
        (EngineRateLimited("slow down", retry_after_s=0.2), "1"),
        (EngineRateLimited("slow down", retry_after_s=19.1), "20"),
        (EngineNotReady("no key"), None),
        (JobNotFound("7"), None),
    ],
)
def test_retry_after(error: AudioToolsError, seconds: str | None) -> None:
    """Where the same call may succeed later, the answer says when; whole seconds, rounded up."""
    assert error_response(error).headers.get("Retry-After") == seconds


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", {1, 2}, b"bytes", {"a": [float("-inf")]}]
)
def test_what_json_cannot_hold_makes_no_second_error(value: object) -> None:
    """Python's JSON parser lets clients send NaN and half characters, and the error quotes them."""
    body = body_of(InvalidOption("silenceThreshold", value, "0.1 to 60"))

    assert body["error"] == "invalid_option"


@pytest.mark.slow
@UNHURRIED
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_json_value_can_be_quoted(value: object) -> None:
    """The body is JSON that every parser takes, and of bounded length."""
    response = error_response(InvalidOption("prompt", value, "text"))

    json.loads(bytes(response.body), parse_constant=pytest.fail)


def test_facts_do_not_replace_what_every_error_has() -> None:
    """Whatever an error calls its facts, code and message stay what they are."""

    class Odd(AudioToolsError):
        code = "odd"

        def facts(self) -> dict[str, object]:
            return {"success": True, "error": "even", "message": "fine", "limit": 1}

    assert body_of(Odd("wrong")) == {"success": False, "error": "odd", "message": "wrong", "limit": 1}


def test_long_input_is_cut() -> None:
    """A megabyte of options does not come back as two megabytes of error."""
    response = error_response(InvalidOption("prompt", "ü" * 1_000_000, "text"))

    assert len(bytes(response.body)) < 30_000
    assert json.loads(bytes(response.body))["message"].endswith("ü…, but must be text.")


async def test_a_handler_just_raises() -> None:
    """The app turns what a handler raises into the answer."""
    response = await ask("GET", "/job")

    assert (response.status_code, response.json()["error"], response.json()["jobId"]) == (
        404,
        "job_not_found",
        "7",
    )


async def test_an_unknown_path() -> None:
    """404 in the same shape; the path is named."""
    response = await ask("GET", "/nothing")

    assert response.status_code == 404
    assert response.json() == {
        "success": False,
        "error": "not_found",
        "message": "GET /nothing: not found.",
        "hint": "See GET /docs for the available routes.",
    }


async def test_a_wrong_method() -> None:
    """405 says which methods there are, in `Allow` as well."""
    response = await ask("DELETE", "/job")

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert (response.json()["error"], response.json()["hint"]) == (
        "method_not_allowed",
        "Allowed methods: GET, HEAD.",
    )


async def test_an_error_of_the_framework_with_its_own_words() -> None:
    """Its detail is the message and its headers stay; a status without an error code gets its own name."""
    response = await ask("GET", "/teapot")

    assert (response.status_code, response.headers["X-Pot"]) == (418, "tea")
    assert response.json() == {"success": False, "error": "http_418", "message": "no coffee here"}


async def test_invalid_fields() -> None:
    """422 lists every field that is wrong, and does not repeat what was sent."""
    response = await ask("POST", "/wish?limit=many", json={"seconds": "sk-secret"})

    assert response.status_code == 422
    assert response.json()["error"] == "invalid_request"
    assert [problem["field"] for problem in response.json()["problems"]] == ["query.limit", "body.seconds"]
    assert response.json()["message"].startswith("query.limit: Input should be a valid integer")
    assert "sk-secret" not in response.text


async def test_broken_json() -> None:
    """A body that is not JSON is an invalid request, not an internal error."""
    response = await ask("POST", "/wish", content=b"{", headers={"Content-Type": "application/json"})

    assert (response.status_code, response.json()["error"]) == (422, "invalid_request")


async def test_the_unexpected() -> None:
    """500 gives away nothing but the id under which the log has it."""
    response = await ask("GET", "/crash", headers={"X-Request-Id": "case-1"})

    assert response.status_code == 500
    assert (response.json()["error"], response.json()["requestId"]) == ("internal_error", "case-1")
    assert "secret" not in response.text


async def test_a_long_list_stays_a_list() -> None:
    """The first problems of very many; programs read the list."""
    app = FastAPI()
    install(app)

    @app.get("/sum")
    async def add(n: Annotated[list[int], Query()]) -> int:
        return sum(n)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        record = (await client.get("/sum", params={"n": ["x"] * 300})).json()

    assert 10 < len(record["problems"]) < 300
    assert [problem["field"] for problem in record["problems"]] == [
        f"query.n.{n}" for n in range(len(record["problems"]))
    ]


@pytest.mark.parametrize(
    ("methods", "allowed"), [(["GET"], "GET, HEAD"), (["POST", "GET"], "GET, HEAD, POST"), (["PUT"], "PUT")]
)
async def test_allow_names_all_methods_of_a_path(methods: list[str], allowed: str) -> None:
    """Also those of a second route; HEAD is answered wherever GET is."""
    app, router = FastAPI(), APIRouter()
    install(app)
    for method in methods:
        router.api_route("/jobs", methods=[method])(lambda: [])
    app.include_router(router)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        response = await client.delete("/jobs")

    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert response.json()["hint"] == f"Allowed methods: {allowed}."
