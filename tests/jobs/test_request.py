"""The request of a job: stored as it is, read by name and type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.errors import InvalidOption
from audio_tools.jobs import Job, JobRequest, JobState
from audio_tools.options import Options
from audio_tools.server.views import JobStatus, ListedJob

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=5), values, max_size=2),
    max_leaves=5,
)
NAMES = st.sampled_from(["uploadId", "path", "fileName", "fileSize", "other"])


def test_an_upload_and_a_path_are_stored_by_their_names() -> None:
    """The stored form is the one that producers in other languages write."""
    options = Options(language="de")
    upload = JobRequest.for_upload("ab12", "talk.mov", 7, options)
    local = JobRequest.for_path(Path("/media/talk.mov"), 7, options)

    stored = {"fileName": "talk.mov", "fileSize": 7, "options": upload.stored["options"]}
    assert upload.stored == {"uploadId": "ab12", **stored}
    assert local.stored == {"path": "/media/talk.mov", **stored}
    assert upload.stored["options"]["language"] == "de"
    assert upload.options == local.options == options


@given(stored=st.dictionaries(NAMES, JSON))
def test_any_object_of_another_producer_can_be_read(stored: dict[str, Any]) -> None:
    """A field of another type counts as missing; clients get the documented ones, but for the path."""
    request = JobRequest(stored)

    for name, value in {"uploadId": request.upload_id, "path": request.path}.items():
        assert value == (stored.get(name) if isinstance(stored.get(name), str) else None)
    assert request.file_name is None or isinstance(request.file_name, str)
    types = {"uploadId": str, "fileName": str, "fileSize": int}
    assert {name: type(value) for name, value in request.public.items()}.items() <= types.items()


@pytest.mark.parametrize("name", ["options", "other"])
def test_data_of_any_depth_is_listed(name: str) -> None:
    """One such job of another producer made the list of all jobs fail."""
    deep: Any = "x"
    for _ in range(400):
        deep = [deep]
    job = Job(
        1, "a", JobState.WAITING, JobRequest({"path": "/talk.mov", name: {"deep": deep, "a": [1]}}), 0.0
    )

    shown = ListedJob.of(job).to_json()["data"]
    assert shown == {"fileName": "talk.mov"} | ({"options": {"a": [1]}} if name == "options" else {})
    assert JobStatus.of(job).to_json()["data"] == shown


def test_a_path_without_a_name_shows_the_name_of_its_file() -> None:
    """A panel lists files by name, also for jobs of other producers."""
    assert JobRequest({"path": "/media/talk.mov"}).public == {"fileName": "talk.mov"}


def test_invalid_options_are_refused_when_they_are_read() -> None:
    """The job of another producer can be listed and fails with the reason once a worker takes it."""
    request = JobRequest({"path": "/media/talk.mov", "options": {"maxConcurrent": 0}})

    assert request.public["options"] == {"maxConcurrent": 0}
    with pytest.raises(InvalidOption, match="maxConcurrent"):
        _ = request.options


def test_a_repeated_request_is_recognised_by_size_and_options() -> None:
    """The file name may differ: clients rename what they send."""
    request = JobRequest.for_upload("ab12", "talk.mov", 7, Options(language="de"))

    assert request.is_for(7, Options(language="de"))
    assert not request.is_for(8, Options(language="de"))
    assert not request.is_for(7, Options())
