"""Cut plans and exports over HTTP: options in, plans and files out, errors that name what is wrong."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from audio_tools.audio.peaks import Peaks
from audio_tools.jobs import JobRequest, SqliteQueue
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import Interval, Transcript, Word
from tests.exports.material import film, say, transcript_of
from tests.server.openapi.described import assert_described

TALK = transcript_of(
    Word("Hello", 1.0, 1.4),
    Word("um", 1.5, 1.8),
    Word("world.", 1.9, 2.4),
    Word("Again.", 6.0, 6.5),
    silences=(Interval(2.4, 6.0),),
    media=film(start_timecode="10:00:00:00"),
)


@pytest.fixture
async def job_id(queue: SqliteQueue, tmp_path: Path) -> str:
    """The id of a job that has completed."""
    return await finished(queue, tmp_path, TALK)


async def finished(queue: SqliteQueue, folder: Path, transcript: Transcript, peaks: bytes = b"") -> str:
    job = (await queue.add(JobRequest({"path": "/x", "fileName": "Täke 1.mov"}))).job
    store = TranscriptStore(folder)
    recorder = store.peak_recorder(job.id)
    recorder.begin(1)
    recorder.write(peaks)
    store.put(job.id, transcript, recorder)
    await (await queue.take()).complete({})
    return job.id


async def test_a_plan_is_made_by_the_options_of_the_body(client: httpx2.AsyncClient, job_id: str) -> None:
    """As it is described; what is unknown is ignored with a warning."""
    response = await client.post(f"/job/{job_id}/cut-plan", json={"fillers": "remove", "sharpness": 3})
    plan = response.json()

    assert response.status_code == 200
    assert_described(plan, "PlannedCut")
    assert plan["success"] is True
    assert {cut["reason"] for cut in plan["cut"]} == {"silence", "filler"}
    assert plan["timebase"]["startTimecode"] == "10:00:00:00"
    assert plan["warnings"] == ["The option sharpness is unknown and was ignored."]


async def test_a_plan_needs_no_body(client: httpx2.AsyncClient, job_id: str) -> None:
    """Then it is the default one."""
    empty = await client.post(f"/job/{job_id}/cut-plan")
    default = await client.post(f"/job/{job_id}/cut-plan", json={"preset": "balanced"})

    assert empty.json() == default.json()
    assert "warnings" not in empty.json()


async def test_a_plan_that_was_made_is_exported(client: httpx2.AsyncClient, job_id: str) -> None:
    """As it came, and with a range that the client has moved."""
    plan = (await client.post(f"/job/{job_id}/cut-plan", json={})).json()
    plan["keep"][0]["endFrame"] = 70
    response = await client.post(
        f"/job/{job_id}/export",
        json={"format": "auto-editor", "cutPlan": plan, "mediaPath": "/media/take.mov"},
    )

    assert response.status_code == 200
    assert response.json()["source"] == "/media/take.mov"
    assert response.json()["chunks"][0] == [0, 70, 1.0]
    assert "T%C3%A4ke%201.auto-editor.json" in response.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("body", "start"),
    [({}, "00:00:01,000"), ({"cutPlan": {"cut": [{"firstWord": 0, "lastWord": 0}]}}, "00:00:01,100")],
)
async def test_captions_follow_the_plan(
    client: httpx2.AsyncClient, job_id: str, body: dict[str, Any], start: str
) -> None:
    """In the time of the media without one, by its options with one."""
    response = await client.post(f"/job/{job_id}/export", json={"format": "srt"} | body)

    assert response.status_code == 200
    assert response.text.splitlines()[1].startswith(start)
    assert ("Hello" in response.text) == (not body)


@pytest.mark.parametrize("body", [{}, {"format": 5}, {"format": "docx"}])
async def test_the_format_of_an_export_cannot_be_omitted(
    client: httpx2.AsyncClient, job_id: str, body: dict[str, Any]
) -> None:
    """So the hint does not offer that."""
    response = await client.post(f"/job/{job_id}/export", json=body)

    assert response.status_code == 400
    assert response.json()["hint"] == "Set format to an allowed value."


async def test_a_sequence_needs_no_body(client: httpx2.AsyncClient, job_id: str) -> None:
    """GET cuts by the default plan."""
    response = await client.get(
        f"/job/{job_id}/export", params={"format": "xmeml", "mediaPath": "C:\\media\\a.mov"}
    )

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/xml"
    assert "file://localhost/C%3a/media/a.mov" in response.text
    assert response.text.count("<clipitem") == 6


async def test_a_long_edl_is_a_zip(client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path) -> None:
    """Of as many lists as it takes."""
    words = tuple(Word("w", 4.0 * number, 4.0 * number + 0.5) for number in range(1100))
    silences = tuple(Interval(word.end, word.end + 3.5) for word in words)
    long = replace(transcript_of(*words, silences=silences, duration=4400.0), pauses=silences)
    job_id = await finished(queue, tmp_path, long)
    response = await client.get(f"/job/{job_id}/export", params={"format": "edl"})
    archive = zipfile.ZipFile(io.BytesIO(response.content))

    assert response.headers["content-type"] == "application/zip"
    assert archive.namelist() == ["Täke 1.edl", "Täke 1.2.edl"]


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("cut-plan", {"padBefore": "much"}, (400, "invalid_option")),
        ("cut-plan", {"keep": [{"start": "5", "end": 1}]}, (400, "invalid_option")),
        ("cut-plan", {"keep": [{"start": 5.0, "end": 1.0}]}, (422, "invalid_range")),
        ("cut-plan", {"cut": [{"start": 0.0, "end": 60.0}]}, (422, "empty_timeline")),
        ("export", {"format": "docx"}, (400, "invalid_option")),
        ("export", {}, (400, "invalid_option")),
        ("export", {"format": "xmeml", "sequenceTimecode": "now"}, (400, "invalid_option")),
        ("export", {"format": "xmeml", "cutPlan": []}, (400, "malformed_request")),
        ("export", {"format": "xmeml", "cutPlan": {"timebase": {}}}, (400, "malformed_request")),
        ("export", {"format": "auto-editor", "cutPlan": {"mode": "mute"}}, (400, "invalid_option")),
        ("export", {"format": "edl", "cutPlan": {"frameRate": "15.5"}}, (422, "unsupported_frame_rate")),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx2.AsyncClient, job_id: str, path: str, body: dict[str, Any], refusal: tuple[int, str]
) -> None:
    """One shape, the code, and a sentence."""
    response = await client.post(f"/job/{job_id}/{path}", json=body)

    assert (response.status_code, response.json()["error"]) == refusal, response.text
    assert_described(response.json(), "ErrorBody")


async def test_a_body_that_is_not_json_is_refused(client: httpx2.AsyncClient, job_id: str) -> None:
    """On both routes."""
    for path in ("cut-plan", "export"):
        response = await client.post(f"/job/{job_id}/{path}", content=b"{")
        assert (response.status_code, response.json()["error"]) == (400, "malformed_request")


async def test_a_job_without_words_has_no_transcript_for_premiere(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path
) -> None:
    """422 with a code of its own."""
    job_id = await finished(queue, tmp_path, transcript_of())
    response = await client.get(f"/job/{job_id}/export", params={"format": "premiere"})

    assert (response.status_code, response.json()["error"]) == (422, "no_words")


async def test_an_unfinished_job_answers_as_its_result_does(
    client: httpx2.AsyncClient, queue: SqliteQueue
) -> None:
    """202 while there is nothing; 404 for none at all."""
    job = (await queue.add(JobRequest({"path": "/x", "fileName": "a.mov"}))).job
    requests = [("cut-plan", {}), ("export", {"format": "srt"})]

    for path, body in requests:
        assert (await client.post(f"/job/{job.id}/{path}", json=body)).status_code == 202
        assert (await client.post(f"/job/unknown/{path}", json=body)).status_code == 404


async def test_pauses_shorter_than_the_reported_silences_are_cut(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path
) -> None:
    """`silenceThreshold` decides what is reported, the plan what is cut."""
    words = (Word("One", 0.0, 0.5), Word("two.", 1.5, 2.0))
    transcript = replace(transcript_of(*words, duration=2.0), pauses=(Interval(0.5, 1.5),))
    job_id = await finished(queue, tmp_path, transcript)
    plan = (await client.post(f"/job/{job_id}/cut-plan")).json()

    assert [cut["reason"] for cut in plan["cut"]] == ["silence"]


async def test_the_waveform_comes_in_both_forms(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path
) -> None:
    """At the level and for the part that is asked for; with its ETag it is not sent again."""
    job_id = await finished(queue, tmp_path, TALK, bytes(range(100)) * 10)
    path = f"/job/{job_id}/peaks"
    whole = await client.get(path)
    part = await client.get(path, params={"samplesPerPixel": 1024, "format": "dat", "start": 1, "end": 2})
    again = await client.get(path, headers={"If-None-Match": whole.headers["ETag"]})

    assert_described(whole.json(), "Waveform")
    assert whole.json()["length"] == 500
    assert Peaks.from_dat(part.content).samples_per_pixel == 1024
    assert len(Peaks.from_dat(part.content).pairs) == 17
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get(path, params={"samplesPerPixel": 100})).status_code == 422


async def test_the_waveform_of_a_running_job_comes_as_far_as_it_is(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path
) -> None:
    """With `partial`, from the first block on, until the whole one takes its place; without it still 202."""
    job_id = (await queue.add(JobRequest({"path": "/x", "fileName": "talk.mov"}))).job.id
    path, partial, store = f"/job/{job_id}/peaks", {"partial": "true"}, TranscriptStore(tmp_path)
    waiting = await client.get(path, params=partial)
    lease = await queue.take()
    nothing = await client.get(path, params=partial)
    recorder = store.peak_recorder(job_id)
    recorder.begin(2)
    recorder.write(bytes(4 * 30))
    recorder.flush()
    some = await client.get(path, params=partial)
    recorder.write(bytes(4 * 20))
    recorder.flush()
    more = await client.get(path, params=partial | {"start": 0.4})
    plain = await client.get(path)
    recorder.write(bytes(4 * 5))
    store.put(job_id, TALK, recorder)
    await lease.complete({})
    whole = await client.get(path, params=partial)

    assert [reply.status_code for reply in (waiting, nothing, plain)] == [202, 202, 202]
    assert_described(some.json(), "Waveform")
    assert [(reply.json()["channels"], reply.json()["length"]) for reply in (some, more, whole)] == [
        (2, 30),
        (2, 25),
        (2, 55),
    ]


async def test_a_job_without_a_waveform_says_so(client: httpx2.AsyncClient, job_id: str) -> None:
    """404 with a code of its own."""
    response = await client.get(f"/job/{job_id}/peaks")

    assert (response.status_code, response.json()["error"]) == (404, "peaks_not_found")


async def test_the_report_of_captions_is_for_the_same_options(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path
) -> None:
    """Its cues are those of the SRT file; each rule that is not kept has its value, limit and reason."""
    hasty = transcript_of(
        *say("Incomprehensibilities multiply extraordinarily fast", word_s=0.15), duration=0.7
    )
    job = await finished(queue, tmp_path, hasty)
    body = {"maxCps": 10, "maxChars": 30}
    report = await client.post(f"/job/{job}/export", json={"format": "caption-report", **body})
    srt = await client.post(f"/job/{job}/export", json={"format": "srt", **body})
    document = report.json()

    assert report.headers["content-disposition"].endswith("caption-report.json")
    assert document["captions"] == srt.text.count(" --> ")
    assert document["captionReport"][0]["cue"] == 1
    assert {each["rule"] for each in document["captionReport"]} >= {"reading_speed"}
    assert all(each["reason"] and each["value"] != each["limit"] for each in document["captionReport"])
