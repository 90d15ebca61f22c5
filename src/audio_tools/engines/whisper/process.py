"""The process that owns the Whisper model; see `engines/model_process.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from audio_tools.engines.base import OnDownload
from audio_tools.engines.model_process import LoadedModel, Ready, serve_model
from audio_tools.engines.whisper.model import Whisper
from audio_tools.engines.whisper.weights import find_weights, weights_digest
from audio_tools.system.memory import keep_freed_memory


def main(model: str, data_dir: Path, device: str, compute_type: str) -> None:
    """Load the model, then answer requests until standard input is closed."""
    keep_freed_memory()

    def load(on_download: OnDownload) -> LoadedModel:
        folder = find_weights(model, data_dir, on_download=on_download)
        whisper = Whisper(folder, device, compute_type)
        ready = Ready(weights_digest(folder), whisper.compute_type)
        return LoadedModel(whisper.transcribe, whisper.workers, ready)

    serve_model(load)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
