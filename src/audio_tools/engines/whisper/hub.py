"""The Hugging Face hub: which repository holds a model, its cache on this machine, and downloads from it."""

from __future__ import annotations

import threading
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from audio_tools.engines.base import OnDownload

_SYSTRAN = "tiny tiny.en base base.en small small.en medium medium.en large-v1 large-v2 large-v3"
REPOSITORIES = {name: f"Systran/faster-whisper-{name}" for name in _SYSTRAN.split()} | {
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
}
"""Repositories on the Hugging Face hub by the name of their model; any other is named `owner/name`."""
HUB_WAIT_S = 5.0
HUB_FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")


def find_in_cache(repository: str) -> Path | None:
    """
    The folder of a model that was downloaded before; None if it is not whole.

    Raises:
        ValueError: no repository can have such a name.
    """
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    needed = ("model.bin", "config.json", "tokenizer.json")
    found = [try_to_load_from_cache(repository, name) for name in needed]
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths[0].parent if len(paths) == len(needed) else None


def download_bytes(repository: str) -> int:
    """
    Return the size of a model in bytes, fetched from the hub within `HUB_WAIT_S`.

    Raises:
        OSError: the hub cannot be reached, or does not have the model; the reason in one line.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(repository, files_metadata=True, timeout=HUB_WAIT_S)
    except Exception as error:
        raise OSError(_reason(error)) from error
    files = info.siblings or []
    wanted = [file for file in files if any(fnmatch(file.rfilename, name) for name in HUB_FILES)]
    return sum(file.size or 0 for file in wanted)


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).removeprefix("Got: ")


def download(repository: str, on_download: OnDownload) -> Path:
    """
    Download the newest version of a model; files that are already present are skipped. Takes minutes.

    Raises:
        OSError: the download failed; the reason in one line.
    """
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            repository, allow_patterns=list(HUB_FILES), tqdm_class=_progress_bar(on_download)
        )
    except Exception as error:  # the hub's client lets through those of three other libraries
        raise OSError(_reason(error)) from error
    return Path(folder)


def _progress_bar(on_download: OnDownload) -> type[Any]:
    """A silent progress bar for the hub's client: it shows nothing and reports the bytes that are here."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    most = 0
    counting = threading.Lock()

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            self.in_bytes = options.get("unit") == "B"
            super().__init__(*args, **(options | {"disable": True}))

        def update(self, n: float | None = 1) -> None:
            # Several bars count the same bytes (as received, as written); the one ahead is reported.
            nonlocal most
            with counting:  # files are downloaded by threads
                self.n += n or 0
                if self.in_bytes and self.total and self.n > most:
                    most = int(self.n)
                    on_download(most, int(self.total))

    # The default lock is for processes as well; where they are not forked (Python 3.14) it starts one.
    Bar.set_lock(threading.RLock())
    return Bar
