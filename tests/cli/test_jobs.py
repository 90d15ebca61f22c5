"""The list of jobs is read by people and by programs, and its numbers name jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click
import pytest

from audio_tools.cli.jobs import table
from audio_tools.transcript import Json
from tests.cli.conftest import Asked, Run

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)


def job(number: int, state: str, *, age_s: float, ran_s: float | None = None, **more: object) -> Json:
    created = NOW - timedelta(seconds=age_s)
    record: Json = {
        "id": number,
        "jobId": f"uuid-{number}",
        "state": state,
        "progress": 42.4,
        "data": {"fileName": f"clip {number}.mp4"},
        "error": None,
        "createdAt": created.isoformat(),
        "startedAt": created.isoformat() if ran_s is not None else None,
        "finishedAt": (created + timedelta(seconds=ran_s)).isoformat() if ran_s else None,
    }
    return record | more


def page(*jobs: Json, total: int | None = None) -> bytes:
    return json.dumps({"jobs": jobs, "total": total or len(jobs)}).encode()


def test_the_table_has_headings_ages_and_durations() -> None:
    """In 80 columns: a long name is cut, an error and its hint stand below their job."""
    jobs = [
        job(12, "active", age_s=75, ran_s=0),
        job(11, "waiting", age_s=5, data={"fileName": "x" * 90}),
        job(3, "failed", age_s=7200, ran_s=65, error="The file has no audio stream. " * 4)
        | {"hint": "Choose a file with sound."},
    ]
    lines = click.unstyle(table(jobs, NOW, 80)).splitlines()

    assert lines[0].split() == ["ID", "STATE", "DONE", "AGE", "TOOK", "FILE"]
    assert lines[1] == "   12  active      42 %   1 min      1:15  clip 12.mp4"
    assert lines[2].endswith("…")
    assert lines[3] == "    3  failed      42 %     2 h      1:05  clip 3.mp4"
    assert lines[4].startswith("       The file has no audio stream.")
    assert lines[-1] == "       Hint: Choose a file with sound."
    assert max(map(len, lines)) <= 80


def test_jobs_are_listed_newest_first(
    audio_tools: Run, refusing_server: Callable[..., str], asked: Asked
) -> None:
    """With the filter and the limit that were asked for, and the number of those left out."""
    body = page(job(1, "failed", age_s=9), job(2, "failed", age_s=5), total=7)
    server = refusing_server("", status=200, body=body)
    ended = audio_tools("jobs", "--server", server, "--state", "failed", "--limit", "2")

    assert [line.split()[0] for line in ended.output.splitlines()] == ["ID", "2", "1"]
    assert ended.errors == "2 of 7 jobs; --limit shows more.\n"
    assert asked[0][0] == "/jobs?state=failed&limit=2&offset=0"


def test_programs_read_json(audio_tools: Run, refusing_server: Callable[..., str]) -> None:
    """The jobs as the service describes them, also where there are none."""
    jobs = [job(1, "completed", age_s=9, ran_s=3)]
    some = audio_tools("jobs", "--json", "--server", refusing_server("", status=200, body=page(*jobs)))
    none = audio_tools("jobs", "--json", "--server", refusing_server("", status=200, body=page()))

    assert json.loads(some.output) == jobs
    assert (none.output, none.errors) == ("[]\n", "")


@pytest.mark.parametrize("command", ["cancel", "export"])
def test_the_number_of_the_list_names_a_job(
    command: str, audio_tools: Run, refusing_server: Callable[..., str], asked: Asked
) -> None:
    """`cancel 2` means the job whose ID the list shows as 2; a number that no job has is not found."""
    server = refusing_server("", status=200, body=page(job(2, "active", age_s=9, ran_s=0)))
    audio_tools(command, "2", "--server", server)
    unknown = audio_tools(command, "3", "--server", server)

    assert asked[1][0].startswith("/job/uuid-2")
    assert unknown.code == 1
    assert unknown.errors.startswith("Error: Job not found: 3.")
