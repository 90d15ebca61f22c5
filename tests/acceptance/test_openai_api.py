"""OpenAI's official Python SDK against the real service: every format, streams, errors, cancellation."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import openai
import psutil
import pytest
from openai.types.audio import (
    Transcription,
    TranscriptionDiarized,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionVerbose,
)

from tests.acceptance.service import Engine, ServiceProcess
from tests.simulator import render, talk

SCRIPT = talk(70.0, seed=91)
"""Several chunks."""
TEXT = " ".join(word.text for word in SCRIPT.words)
PAGE = Path(__file__).parents[2] / "docs" / "openai-api.md"
GIGABYTE = 1 << 30


@pytest.fixture(scope="module")
def recording(folder: Path) -> Path:
    return render(SCRIPT, folder / "talk.flac")


@pytest.fixture(scope="module")
def client(service: ServiceProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="any") as opened:
        yield opened


@pytest.fixture
async def patient(service: ServiceProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    """The asynchronous client, without retries."""
    async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0) as opened:
        yield opened


def test_json(client: openai.OpenAI, recording: Path, service: ServiceProcess) -> None:
    """The default format; the call is a job like any other, and its id is in a header."""
    raw = client.audio.transcriptions.with_raw_response.create(file=recording, model="whisper-1")
    answer = raw.parse()

    assert isinstance(answer, Transcription)
    assert answer.text == TEXT
    assert answer.usage is not None
    assert answer.usage.to_dict() == {"type": "duration", "seconds": 70}
    assert service.status(raw.headers["x-job-id"])["data"]["fileName"] == "talk.flac"


@pytest.mark.parametrize(("name", "first"), [("text", "w00000"), ("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n")])
def test_plain_formats(name: str, first: str, client: openai.OpenAI, recording: Path) -> None:
    """Text, as the SDK returns it."""
    answer: object = client.audio.transcriptions.create(
        file=recording,
        model="whisper-1",
        response_format=name,  # type: ignore[call-overload]
    )

    assert isinstance(answer, str)
    assert answer.startswith(first)
    assert [word for word in answer.split() if word.startswith("w0")] == TEXT.split()


def test_verbose_json(client: openai.OpenAI, recording: Path) -> None:
    """Words and segments as asked for, with every field of OpenAI's, on the clock of the media."""
    answer = client.audio.transcriptions.create(
        file=recording,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        temperature=0,
    )
    plain = client.audio.transcriptions.create(
        file=recording, model="whisper-1", response_format="verbose_json"
    )

    assert isinstance(answer, TranscriptionVerbose)
    assert (answer.language, answer.duration, answer.text) == ("english", 70.0, TEXT)
    assert answer.words is not None
    assert answer.segments is not None
    assert [word.word for word in answer.words] == TEXT.split()
    for told, spoken in zip(answer.words, SCRIPT.words, strict=True):
        assert told.start == pytest.approx(spoken.start, abs=0.05)
    assert "".join(segment.text for segment in answer.segments).strip() == TEXT
    assert all(segment.to_dict().keys() >= {"seek", "tokens", "avg_logprob"} for segment in answer.segments)
    assert plain.words is None
    assert plain.segments == answer.segments


def test_diarized_json(client: openai.OpenAI, recording: Path) -> None:
    """Segments with speakers, from a model that separates them."""
    answer = client.audio.transcriptions.create(
        file=recording,
        model="gpt-4o-transcribe-diarize",
        response_format="diarized_json",
        chunking_strategy={"type": "server_vad"},
    )

    assert isinstance(answer, TranscriptionDiarized)
    assert answer.text == TEXT
    assert all(segment.speaker.startswith(("A", "B")) for segment in answer.segments)


def test_a_translation(client: openai.OpenAI, recording: Path) -> None:
    """By a model that can translate; another one is refused by name."""
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer = client.audio.translations.create(
            file=recording, model="whisper-1", response_format="verbose_json"
        )
        with pytest.raises(openai.BadRequestError) as refused:
            client.audio.translations.create(file=recording, model="gpt-transcribe")

    assert (answer.language, answer.text) == ("english", TEXT)
    assert refused.value.param == "model"


def test_models(client: openai.OpenAI) -> None:
    """OpenAI's names and those of the engines; each can be looked up."""
    names = [model.id for model in client.models.list()]

    assert names[0] == "whisper-1"
    assert {"openai", "gpt-transcribe", "gpt-4o-transcribe"} <= set(names)
    assert [client.models.retrieve(name).id for name in names] == names


@pytest.mark.slow
def test_streamed_deltas_joined_are_the_text(
    client: openai.OpenAI, engine: Engine, service: ServiceProcess, folder: Path
) -> None:
    """In order, with five chunks at once that finish in any order, and with faults of the engine."""
    script = talk(240.0, seed=92)
    long = render(script, folder / "long.flac")
    engine.set(
        latency={"base_s": 0.2, "sigma": 1.0},
        faults={"probability": 0.3, "kinds": ["500", "reset", "cut", "garbage"]},
    )
    events = list(client.audio.transcriptions.create(file=long, model="whisper-1", stream=True))
    engine.set(latency={}, faults=None)
    *deltas, done = events
    job_id = service.jobs("completed")[0]["jobId"]

    assert isinstance(done, TranscriptionTextDoneEvent)
    assert len(deltas) > 2
    assert all(isinstance(delta, TranscriptionTextDeltaEvent) for delta in deltas)
    assert "".join(delta.delta for delta in deltas if delta.type == "transcript.text.delta") == done.text
    assert done.text == " ".join(word.text for word in script.words) == service.transcript(job_id).text


def test_streamed_speakers(client: openai.OpenAI, recording: Path) -> None:
    """Deltas as they come, then the segments with speakers, then the end."""
    events = list(
        client.audio.transcriptions.create(
            file=recording, model="gpt-4o-transcribe-diarize", response_format="diarized_json", stream=True
        )
    )
    kinds = list(dict.fromkeys(event.type for event in events))

    assert kinds == ["transcript.text.delta", "transcript.text.segment", "transcript.text.done"]


@pytest.mark.slow
def test_what_is_missing_is_told(client: openai.OpenAI, engine: Engine, tmp_path: Path) -> None:
    """A chunk that the engine never answered is named in `warnings`; the rest is there."""
    script = talk(70.0, seed=93)
    engine.set(faults={"words": [40], "kind": "500"})
    answer = client.audio.transcriptions.create(
        file=render(script, tmp_path / "gap.flac"), model="whisper-1"
    ).to_dict()
    engine.set(faults=None)

    assert "could not be transcribed" in answer["warnings"][0]  # type: ignore[index]
    assert "w00040" not in str(answer["text"])
    assert "w00000" in str(answer["text"])


async def test_the_log_has_the_status_that_the_client_gets(
    client: openai.OpenAI, service: ServiceProcess
) -> None:
    """OpenAI's 404 for an unknown model, for which other routes have another status."""
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("not-in-the-list")
    await service.wait_for_log("not-in-the-list")

    (line,) = [line for line in service.log.splitlines() if "/v1/models/not-in-the-list" in line]
    assert "404" in line
    assert "error" not in line


def test_errors_are_the_classes_of_the_sdk(
    client: openai.OpenAI, recording: Path, engine: Engine, tmp_path: Path
) -> None:
    """With the parameter and a code, and without a retry that could not help."""
    (tmp_path / "notes.mp4").write_text("This is no film.")
    create = client.audio.transcriptions.create

    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("nope")
    with pytest.raises(openai.NotFoundError) as unknown:
        create(file=recording, model="gpt-nope")
    with pytest.raises(openai.NotFoundError) as nowhere:
        client.get("/nowhere", cast_to=object)
    with pytest.raises(openai.BadRequestError) as media:
        create(file=tmp_path / "notes.mp4", model="whisper-1", stream=True)
    with pytest.raises(openai.BadRequestError, match="must be multipart/form-data, but is application/json"):
        client.post("/audio/transcriptions", body={"model": "whisper-1"}, cast_to=object)
    engine.set(quota_exhausted=True)
    with pytest.raises(openai.InternalServerError) as spent:
        create(file=recording, model="whisper-1", prompt="not yet stored")
    engine.set(quota_exhausted=False)

    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert nowhere.value.code == "not_found"
    assert (media.value.code, media.value.param) == ("probe_failed", "file")
    assert media.value.type == "invalid_request_error"
    assert (spent.value.code, spent.value.type) == ("engine_refused", "server_error")
    assert spent.value.response.headers["x-should-retry"] == "false"
    assert "quota" in spent.value.message


def test_the_token_and_the_size_limit(engine: Engine, tmp_path: Path) -> None:
    """A Bearer token as on every other route, 413 above MAX_UPLOAD_BYTES, and nothing left of it."""
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(2 << 20))
    limits = {"API_TOKEN": "secret-token-of-the-service", "MAX_UPLOAD_BYTES": str(1 << 20)}
    with ServiceProcess(tmp_path, engine.base_url, **limits) as service:
        base_url = f"{service.url}/v1"
        with (
            openai.OpenAI(base_url=base_url, api_key="wrong") as stranger,
            pytest.raises(openai.AuthenticationError) as refused,
        ):
            stranger.audio.transcriptions.create(file=large, model="whisper-1")
        with (
            openai.OpenAI(base_url=base_url, api_key="secret-token-of-the-service") as member,
            pytest.raises(openai.APIStatusError) as too_large,
        ):
            member.audio.transcriptions.create(file=large, model="whisper-1")
        others = httpx2.get(f"{service.url}/jobs").json()

        assert service.files("uploads") == []
    assert refused.value.code == "invalid_api_key"
    assert (too_large.value.status_code, too_large.value.param) == (413, "file")
    assert others["error"] == "unauthorized"  # all other routes keep their shape


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_cancels_its_job(
    stream: bool, patient: openai.AsyncOpenAI, engine: Engine, service: ServiceProcess, tmp_path: Path
) -> None:
    """Its requests to the engine end, and the job is listed as cancelled."""
    unheard = render(talk(25.0, seed=94 + stream), tmp_path / "unheard.flac")
    with engine.never_answering():
        call = asyncio.create_task(read_all(patient, unheard, stream=stream))
        job_id = await started(service)
        await service.wait_for(job_id, lambda event: event.get("stage") == "transcribe")
        call.cancel()
        await service.wait_until(job_id, "cancelled")

    assert service.status(job_id)["state"] == "cancelled"
    assert "Traceback" not in service.log


async def read_all(
    client: openai.AsyncOpenAI, file: Path, *, stream: bool = False, key: str | None = None
) -> str:
    """The text that a call returns."""
    headers = {"Idempotency-Key": key} if key else {}
    create = client.audio.transcriptions.create
    if not stream:
        return (await create(file=file, model="whisper-1", extra_headers=headers)).text
    events = await create(file=file, model="whisper-1", extra_headers=headers, stream=True)
    return "".join([event.delta async for event in events if event.type == "transcript.text.delta"])


async def started(service: ServiceProcess) -> str:
    """The id of the job that is not at its end."""
    async with asyncio.timeout(20):
        while not (jobs := await asyncio.to_thread(service.jobs, "waiting", "active")):
            pass
    job_id: str = jobs[0]["jobId"]
    return job_id


async def test_a_key_takes_a_call_up_again(
    patient: openai.AsyncOpenAI, engine: Engine, service: ServiceProcess, tmp_path: Path
) -> None:
    """The job of a client that went away is finished, returned again, and paid once."""
    script = talk(25.0, seed=96)
    file = render(script, tmp_path / "kept.flac")
    engine.set(latency={"base_s": 1.0}, forget=True)
    call = asyncio.create_task(read_all(patient, file, key="kept-1"))
    job_id = await started(service)
    await service.wait_for(job_id, lambda event: event.get("stage") == "transcribe")
    call.cancel()
    engine.set(latency={})
    texts = [await read_all(patient, file, stream=stream, key="kept-1") for stream in (False, True)]
    other = render(talk(5.0, seed=97), tmp_path / "other.flac")
    with pytest.raises(openai.BadRequestError) as refused:
        await read_all(patient, other, key="kept-1")

    assert texts == [" ".join(word.text for word in script.words)] * 2
    assert service.status(job_id)["state"] == "completed"
    digests = [record["sha256"] for record in engine.log()["requests"]]
    assert len(digests) == len(set(digests)) > 0
    assert refused.value.param == "Idempotency-Key"


async def test_a_job_that_ends_in_the_middle_ends_its_stream_with_the_error(
    patient: openai.AsyncOpenAI, engine: Engine, service: ServiceProcess, tmp_path: Path
) -> None:
    """The SDK raises it, instead of returning a text that ends too early."""
    script = talk(120.0, seed=98)
    file = render(script, tmp_path / "ended.flac")
    engine.set(faults={"words": [len(script.words) - 1], "kind": "hang"})
    deltas = await patient.audio.transcriptions.create(file=file, model="whisper-1", stream=True)
    first = await anext(deltas)
    await asyncio.to_thread(service.http.delete, f"/job/{await started(service)}")
    with pytest.raises(openai.APIError) as caught:
        async for _ in deltas:
            pass
    engine.set(faults=None)

    assert first.type == "transcript.text.delta"
    assert caught.value.code == "job_cancelled"


async def test_a_service_that_stops_ends_its_streams_with_an_error(engine: Engine, tmp_path: Path) -> None:
    """A client never takes half a text for the whole."""
    file = render(talk(25.0, seed=99), tmp_path / "unheard.flac")
    with ServiceProcess(tmp_path, engine.base_url, SHUTDOWN_GRACE="0") as service, engine.never_answering():
        async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0) as client:
            call = asyncio.create_task(read_all(client, file, stream=True))
            job_id = await started(service)
            await service.wait_for(job_id, lambda event: event.get("stage") == "transcribe")
            code = await asyncio.to_thread(service.terminate)
            with pytest.raises(openai.APIError) as caught:
                await call

    assert code == 0
    assert caught.value.code == "service_stopping"
    assert "Traceback" not in service.log


@pytest.mark.slow
def test_the_examples_of_the_page(service: ServiceProcess, recording: Path, tmp_path: Path) -> None:
    """Each Python and shell example of docs/openai-api.md runs as it stands, but for the port."""
    shutil.copy(recording, tmp_path / "interview.mp4")
    page = PAGE.read_text().replace("http://127.0.0.1:3001", service.url)
    commands = [[sys.executable, "-c", code] for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    commands += [["bash", "-c", code] for code in re.findall(r"```bash\n(.*?)```", page, re.DOTALL)]
    printed = [
        subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"API_TOKEN": "any"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in commands
    ]

    assert len(printed) == 4
    assert all(TEXT.split()[-1] in text for text in printed)


@pytest.mark.slow
def test_a_gigabyte(client: openai.OpenAI, service: ServiceProcess, recording: Path, folder: Path) -> None:
    """The file goes to the disk as it arrives: the service needs no more memory than for a small one."""
    large = folder / "large.wav"
    write_padded_wav(large, GIGABYTE)
    process = psutil.Process(service.pid)
    before = process.memory_info().rss
    with large.open("rb") as file:
        answer = client.audio.transcriptions.create(
            file=file, model="whisper-1", response_format="verbose_json"
        )
    grown = process.memory_info().rss - before
    large.unlink()

    assert answer.duration == pytest.approx(2.0, abs=0.1)
    assert service.jobs("completed")[0]["data"]["fileSize"] > GIGABYTE
    assert grown < 100 << 20


def write_padded_wav(path: Path, n_bytes: int) -> None:
    """Two seconds of silence behind a chunk of so many bytes that readers skip."""
    samples = bytes(2 * 16_000 * 2)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    size = 4 + len(form) + 8 + n_bytes + 8 + len(samples)
    with path.open("wb") as file:
        file.write(struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + form)
        file.write(struct.pack("<4sI", b"JUNK", n_bytes))
        file.seek(n_bytes, 1)
        file.write(struct.pack("<4sI", b"data", len(samples)) + samples)
