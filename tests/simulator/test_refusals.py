"""What the simulator refuses, and what the official SDK makes of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import aiohttp
import numpy as np
import openai
import pytest
import soundfile

from tests.simulator import KEY, Script, Simulator
from tests.simulator.conftest import flac
from tests.simulator.form import parse_form

File = tuple[str, bytes]
KEYS = {"message", "type", "param", "code"}
BOUNDARY = "multipart/form-data; boundary=xyz"


async def refused(client: openai.AsyncOpenAI, **arguments: Any) -> openai.APIStatusError:
    """The error of a call that must fail, its body with all four keys; `message` without the SDK's prefix."""
    with pytest.raises(openai.APIStatusError) as caught:
        await client.audio.transcriptions.create(**arguments)
    assert isinstance(caught.value.body, dict) and caught.value.body.keys() == KEYS
    caught.value.message = caught.value.body["message"]
    return caught.value


async def post(
    simulator: Simulator, *, headers: Mapping[str, str] = MappingProxyType({}), **body: Any
) -> tuple[int, Any]:
    """Status and error of a request that the SDK would not make."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}", **headers}) as session,
        session.post(f"{simulator.base_url}/audio/transcriptions", **body) as response,
    ):
        error = (await response.json())["error"]
    assert error.keys() == KEYS
    return response.status, error


async def test_a_wrong_key_is_an_authentication_error(client: openai.AsyncOpenAI, file: File) -> None:
    """An unknown key is refused with its ends shown and its middle hidden."""
    error = await refused(client.with_options(api_key="sk-wrong-secret-key"), file=file, model="whisper-1")

    assert isinstance(error, openai.AuthenticationError)
    assert (error.code, error.type) == ("invalid_api_key", "invalid_request_error")
    assert "sk-wrong" in error.message and "secret" not in error.message


async def test_no_key_is_refused(simulator: Simulator) -> None:
    """Without a bearer token the answer is 401 and names no code."""
    status, error = await post(simulator, headers={"Authorization": ""})

    assert status == 401
    assert error["code"] is None and "didn't provide an API key" in error["message"]


async def test_spent_quota_looks_like_a_rate_limit(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File
) -> None:
    """An exhausted quota is a 429 without Retry-After that only its code tells apart."""
    simulator.quota_exhausted = True

    error = await refused(client, file=file, model="whisper-1")

    assert isinstance(error, openai.RateLimitError)
    assert (error.code, error.type) == ("insufficient_quota", "insufficient_quota")
    assert error.message.endswith("error-codes/api-errors.")
    assert "retry-after" not in error.response.headers


async def test_an_unknown_model_is_not_found(client: openai.AsyncOpenAI, file: File) -> None:
    """Models that do not exist are a 404."""
    error = await refused(client, file=file, model="whisper-9")

    assert isinstance(error, openai.NotFoundError)
    assert error.code == "model_not_found" and "`whisper-9`" in error.message


async def test_an_unknown_address_is_not_found(client: openai.AsyncOpenAI) -> None:
    """Other addresses of the API do not exist here."""
    with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(GET /v1/models\)"):
        await client.models.list()


@pytest.mark.parametrize(
    ("arguments", "param", "code", "message"),
    [
        ({"extra_body": {"colour": "red"}}, "colour", "unknown_parameter", "'colour'"),
        ({"response_format": "xml"}, "response_format", "invalid_value", "'xml'"),
        (
            {"model": "gpt-4o-transcribe", "response_format": "verbose_json"},
            "response_format",
            "unsupported_value",
            "response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe-api-ev3'. "
            "Use 'json' or 'text' instead.",
        ),
        (
            {"model": "gpt-transcribe", "response_format": "text"},
            "response_format",
            "unsupported_value",
            "Use 'json' instead.",
        ),
        (
            {"timestamp_granularities": ["word"]},
            "timestamp_granularities",
            "unsupported_value",
            "verbose_json",
        ),
        (
            {"response_format": "verbose_json", "timestamp_granularities": ["letter"]},
            "timestamp_granularities",
            "invalid_value",
            "Supported values are: 'word' and 'segment'.",
        ),
        ({"language": "english"}, "language", "invalid_language_format", "ISO-639-1"),
        ({"temperature": 2}, "temperature", "invalid_value", "0 to 1"),
        ({"extra_body": {"temperature": "hot"}}, "temperature", "invalid_value", "hot"),
        ({"extra_body": {"stream": "maybe"}}, "stream", "invalid_value", "maybe"),
        ({"keywords": ["x"]}, "keywords", "unsupported_parameter", "whisper-1"),
        ({"model": "gpt-transcribe", "include": ["logprobs"]}, "include", "unsupported_parameter", "gpt"),
        (
            {"model": "gpt-transcribe", "language": "en", "languages": ["en"]},
            "language",
            "unsupported_parameter",
            "languages",
        ),
        ({"model": "gpt-4o-transcribe-diarize", "prompt": "x"}, "prompt", "unsupported_parameter", "diarize"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
async def test_rules_of_the_form(
    *,
    client: openai.AsyncOpenAI,
    file: File,
    arguments: dict[str, Any],
    param: str,
    code: str,
    message: str,
) -> None:
    """A field that breaks a rule is named in a 400."""
    error = await refused(client, **({"file": file, "model": "whisper-1"} | arguments))

    assert isinstance(error, openai.BadRequestError)
    assert (error.param, error.code, error.type) == (param, code, "invalid_request_error")
    assert message in error.message


@pytest.mark.parametrize("field", ["model", "file"])
async def test_what_must_be_there_is_missed(simulator: Simulator, file: File, field: str) -> None:
    """A form without model or file is refused by name."""
    form = aiohttp.FormData(default_to_multipart=True)
    if field == "file":
        form.add_field("model", "whisper-1")
    else:
        form.add_field("file", file[1], filename=file[0])

    status, error = await post(simulator, data=form)

    assert (status, error["param"], error["code"]) == (400, field, "missing_required_parameter")


@pytest.mark.parametrize("name", ["talk", "talk.doc"])
async def test_a_file_needs_a_known_suffix(client: openai.AsyncOpenAI, file: File, name: str) -> None:
    """The API tells the format by the name, so a good file under a bad name is refused."""
    error = await refused(client, file=(name, file[1]), model="whisper-1")

    assert error.message == (
        "Invalid file format. Supported formats: "
        "['flac', 'm4a', 'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm']"
    )


@pytest.mark.parametrize("data", [b"", b"not sound at all", b"fLaC" + bytes(100), b"RIFF\0\0\0\0WAVE"])
async def test_an_unreadable_file_is_refused(client: openai.AsyncOpenAI, data: bytes) -> None:
    """Bytes that are no sound are a 400."""
    error = await refused(client, file=("talk.wav", data), model="whisper-1")

    assert isinstance(error, openai.BadRequestError)
    assert error.message.startswith("Invalid file format.")


async def test_too_short_audio_is_refused(client: openai.AsyncOpenAI) -> None:
    """Less than a tenth of a second is no audio."""
    error = await refused(client, file=("a.flac", flac(Script(0.09, ()))), model="whisper-1")

    assert (error.param, error.code) == ("file", "audio_too_short")
    assert error.message == "Audio file is too short. Minimum audio length is 0.1 seconds."


async def test_the_4o_models_have_a_longest_length(client: openai.AsyncOpenAI) -> None:
    """1400 s are the most they take; whisper-1 has no such limit."""
    long = ("a.flac", flac(Script(1400.5, ())))

    error = await refused(client, file=long, model="gpt-4o-transcribe")

    assert error.code == "invalid_value"
    assert error.message == (
        "audio duration 1400.500000 seconds is longer than 1400 seconds which is the maximum for this model"
    )
    assert (await client.audio.transcriptions.create(file=long, model="whisper-1")).text == ""


async def test_diarizing_more_than_30_s_needs_a_strategy(client: openai.AsyncOpenAI) -> None:
    """Long audio must say how it is to be cut; then it is taken."""
    long, model = ("a.flac", flac(Script(31, ()))), "gpt-4o-transcribe-diarize"

    error = await refused(client, file=long, model=model)

    assert error.param == "chunking_strategy"
    await client.audio.transcriptions.create(
        file=long, model=model, chunking_strategy={"type": "server_vad", "threshold": 0.5}
    )


@pytest.mark.parametrize("surplus", [0, 1])
async def test_25_mib_are_counted_over_the_whole_body(
    simulator: Simulator, client: openai.AsyncOpenAI, surplus: int
) -> None:
    """A body of 26,214,400 bytes is read, one more is a 413 in the shape of a server error."""
    noise = np.random.default_rng(0).integers(-3000, 3000, 13_000_000, dtype=np.int16)
    stream = io.BytesIO()
    soundfile.write(stream, noise, 16_000, format="WAV")
    await client.audio.transcriptions.create(file=("a.wav", stream.getvalue()), model="whisper-1")
    overhead = simulator.requests[0].n_bytes - len(stream.getvalue())
    data = stream.getvalue() + bytes(26_214_400 - overhead - len(stream.getvalue()) + surplus)

    if surplus:
        error = await refused(client, file=("a.wav", data), model="whisper-1")
        assert (error.status_code, error.type, error.code) == (413, "server_error", None)
        assert error.message == "413: Maximum content size limit (26214400) exceeded (26214401 bytes read)"
        assert error.response.json()["usage"] == {"type": "duration", "seconds": 0}
    else:
        assert (await client.audio.transcriptions.create(file=("a.wav", data), model="whisper-1")).text == ""


@pytest.mark.parametrize(
    ("kind", "length"),
    [("application/json", 71), ("multipart/form-data", 71), (BOUNDARY, 50), (BOUNDARY, 0)],
    ids=["json", "no boundary", "broken off", "empty"],
)
async def test_what_is_no_form_is_refused(simulator: Simulator, kind: str, length: int) -> None:
    """A body that cannot be taken apart is a 400."""
    body = b'--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--xyz--\r\n'

    status, error = await post(simulator, data=body[:length], headers={"Content-Type": kind})

    assert (status, error["message"]) == (400, "Could not parse multipart form")


def test_a_form_keeps_every_byte_of_its_file() -> None:
    """Line ends and dashes in a file are content; repeated fields keep their order."""
    data = b"\r\n--xy\r\n\r\n--xyz\r\n\0\xff"
    body = (
        b'preamble\r\n--xyz0\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + data
    )
    body += b'\r\n--xyz0\r\nContent-Disposition: form-data; name="k[]"\r\n\r\n1'
    body += b'\r\n--xyz0\r\nContent-Disposition: form-data; name="k[]"\r\n\r\n 2 \r\n--xyz0--\r\n'

    form = parse_form('multipart/form-data; boundary="xyz0"', body)

    assert (form.file_name, form.file, form.fields) == ("a.wav", data, {"k[]": ["1", " 2 "]})
