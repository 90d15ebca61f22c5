"""`docs/http-api.md` describes all that clients meet: routes, fields, options, events, codes, errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from tools.openapi_document import openapi_document

from audio_tools import errors, metrics
from audio_tools.errors import AudioToolsError, ServerUnreachable
from audio_tools.events import ChunkWords, Progress
from audio_tools.exports.registry import FORMATS
from audio_tools.jobs import Job, JobRequest, JobState
from audio_tools.jobs.base import WORKER_CRASHED
from audio_tools.jobs.job import STATE_EVENTS
from audio_tools.options import Options
from audio_tools.server import access_rules as security
from audio_tools.server.error_responses import CODES
from audio_tools.server.middleware.access_control import UNAUTHORIZED
from audio_tools.server.openapi.document import DESCRIPTION
from audio_tools.server.routes import job_events as websocket
from audio_tools.server.routes.tus import EXTENSIONS
from audio_tools.server.uvicorn_ext import interface
from audio_tools.server.views import JobStatus
from audio_tools.transcript import AudioStream, Json, MediaInfo, Transcript

PAGE = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
ERRORS = {
    code: int(status)
    for status, codes in re.findall(r"^\| (\d{3}) \| ([^|]+) \|", PAGE, re.MULTILINE)
    for code in re.findall(r"`(\w+)`", codes)
}
"""The table of errors: code and status."""


@pytest.fixture(scope="module")
def document() -> Json:
    """The OpenAPI document."""
    return openapi_document()


def test_every_route_is_described(document: Json) -> None:
    """Whatever the OpenAPI document lists has its place on the page, under its method and path."""
    listed = {
        f"{method.upper()} {path}".replace("job_id", "jobId").replace("upload_id", "uploadId")
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }

    assert len(listed) > 5
    assert [route for route in listed if f"`{route}`" not in PAGE] == []


def test_every_error_is_described_with_its_status() -> None:
    """Each code that a client can meet, and no other."""
    own = {error.code: error.status for error in subclasses(AudioToolsError) if is_met_by_clients(error)}
    framework = {code: status for status, code in CODES.items()}
    others = {WORKER_CRASHED.code: WORKER_CRASHED.status, "invalid_request": 422}

    assert own | framework | others == ERRORS


def test_the_document_names_every_error_too(document: Json) -> None:
    """Those of a route as answers of that route, the others for all."""
    told = str(document["paths"]) + document["info"]["description"]

    assert [code for code in ERRORS if f"`{code}`" not in told] == []


def subclasses(error: type[AudioToolsError]) -> Iterator[type[AudioToolsError]]:
    yield error
    for child in error.__subclasses__():
        yield from subclasses(child)


def is_met_by_clients(error: type[AudioToolsError]) -> bool:
    """Not those of the command line's own client, nor those that other tests make."""
    modules = (errors.__name__, security.__name__, interface.__name__)
    return error.__module__.startswith(modules) and error is not ServerUnreachable


def test_every_option_is_described_with_its_range() -> None:
    """The table has a row for each; numbers are those that are checked."""
    schema = Options.model_json_schema(by_alias=True)["properties"]
    table = PAGE.partition("<!-- table: Options -->")[2].partition("<!-- end -->")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", table, re.MULTILINE))

    assert [name for name in schema if name not in rows] == []
    for name, entry in schema.items():
        for kind in entry.get("anyOf", [entry]):
            if "minimum" in kind:
                numbers = [float(number) for number in re.findall(r"[\d.]+", rows[name])]
                assert numbers == [kind["minimum"], kind["maximum"]], name


def test_every_field_is_described() -> None:
    """Of status and result, and of what they hold."""
    stream = AudioStream(position=0, index=1, codec="aac", sample_rate_hz=48_000, channels=2)
    film = MediaInfo("mov", 1.0, (stream,), 0, Fraction(25), False, 64, 36, "01:00:00;00", True)
    transcript = Transcript((), (), (), 1.0, 1, 100.0, "", None, "", "", film.of_stream(0)).to_json()
    media = transcript["media"]
    status = JobStatus.of(Job(1, "", JobState.WAITING, JobRequest({}), 0.0)).to_json()
    named = set(re.findall(r"`(\w+)`", PAGE))

    fields = (*status, *transcript, *media, *transcript["usage"])
    assert [field for field in fields if field not in named] == []
    assert [state for state in JobState if f"`{state}`" not in PAGE] == []
    assert [name for name in FORMATS if f"`{name}`" not in PAGE] == []


def test_every_event_is_described() -> None:
    """Each type has a row, and each field that it has is on the page."""
    events = [Progress("probe", 0.0, "").to_json(), ChunkWords(0, 0.0, 1.0, (), 0).to_json()]
    rows = dict(
        re.findall(
            r"^\| `(\w+)` \|([^|]*)\|", PAGE.partition("## Events\n")[2].partition("\n## ")[0], re.MULTILINE
        )
    )
    del rows["type"]

    # No job of the service is ever delayed.
    reported = {event["type"] for event in events}
    assert set(rows) == {"snapshot"} | reported | STATE_EVENTS - {JobState.DELAYED}
    for event in events:
        fields = set(re.findall(r"`(\w+)`", rows[event["type"]]))
        assert fields == event.keys() - {"type"}


def test_every_close_code_is_described() -> None:
    """Ours, and those that the server sends when it stops."""
    numbers = {value for name, value in vars(websocket).items() if name.isupper() and isinstance(value, int)}
    own = {number for number in numbers if number >= websocket.NORMAL}
    described = {int(code) for code in re.findall(r"^\| (\d{4}) \|", PAGE, re.MULTILINE)}

    assert described == own | {UNAUTHORIZED, 1012}
    assert {int(code) for code in re.findall(r"^- (\d{4}):", DESCRIPTION, re.MULTILINE)} == described


def test_every_figure_and_every_extension_is_described() -> None:
    """The names that Prometheus and tus clients will see."""
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in metrics.REGISTRY.collect()
        if family.name.startswith("audio_tools")
    }

    assert names == set(re.findall(r"`(audio_tools_\w+)`", PAGE))
    assert [name for name in EXTENSIONS.split(",") if name not in PAGE] == []
