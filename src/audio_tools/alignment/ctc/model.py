"""A CTC model in ONNX: from samples to the probabilities of its labels."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from audio_tools.alignment.ctc.viterbi import LogProbs
from audio_tools.alignment.ctc.vocabulary import read_vocabulary
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.errors import ConfigError

FRAME_S = 0.02
FRAME_SAMPLES = round(FRAME_S * SAMPLE_RATE_HZ)
WINDOW_S, CONTEXT_S = 26.0, 2.0
"""The model computes a window and some context on both sides: 30 s in all, whose memory is bounded."""
RECEPTIVE_SAMPLES = 400
"""wav2vec2 needs as many samples beyond its last frame."""


class CtcModel:
    """
    See `docs/engines.md` for the folder. The model is loaded when it is first used; threads may share it.

    Raises:
        ConfigError: a file or onnxruntime is missing.
    """

    def __init__(self, folder: Path) -> None:
        if find_spec("onnxruntime") is None:
            raise ConfigError(
                "ALIGN_MODEL requires onnxruntime, which is not installed.",
                hint="Install it: pip install 'audio-tools-backend[local]'; or unset ALIGN_MODEL.",
            )
        self.folder = folder
        self.vocabulary = read_vocabulary(folder)
        self._file = _model_file(folder)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the model and of its labels, in hex."""
        digest = hashlib.sha256(repr(sorted(self.vocabulary.labels.items())).encode())
        with self._file.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def log_probs(self, pcm: Pcm) -> LogProbs:
        """
        Compute the output of the model, one row for each 20 ms.

        Raises:
            ValueError: the model does not return a row for each 20 ms.
        """
        frames = -(-len(pcm) // FRAME_SAMPLES)
        padded = np.concatenate([pcm, np.zeros(FRAME_SAMPLES + RECEPTIVE_SAMPLES, np.int16)])
        window, context = round(WINDOW_S / FRAME_S), round(CONTEXT_S / FRAME_S)
        rows = []
        for first in range(0, frames, window):
            context_first = max(first - context, 0)
            context_end = min(first + window + context, frames + 1)
            samples = padded[context_first * FRAME_SAMPLES : context_end * FRAME_SAMPLES + RECEPTIVE_SAMPLES]
            computed = self._compute(samples)
            wanted = min(window, frames - first)
            part = computed[first - context_first : first - context_first + wanted]
            if len(part) < wanted or abs(len(computed) - (context_end - context_first)) > 2:
                raise ValueError(f"{self.folder} does not give a row for each 20 ms")
            rows.append(part)
        return np.concatenate(rows) if rows else np.zeros((0, 1), np.float32)

    def _compute(self, pcm: Pcm) -> LogProbs:
        samples = pcm.astype(np.float32) / np.float32(32768)
        if self._normalizes:
            samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        name = self._session.get_inputs()[0].name
        (logits,) = self._session.run(None, {name: samples[np.newaxis]})[:1]
        rows = np.asarray(logits, np.float32).reshape(-1, np.shape(logits)[-1])
        if rows.min() >= 0 and np.allclose(rows.sum(axis=-1), 1.0, atol=1e-3):
            rows = np.log(np.maximum(rows, np.float32(1e-10)))  # they are probabilities already
        top = rows.max(axis=-1, keepdims=True)
        log_probs: LogProbs = rows - top - np.log(np.exp(rows - top).sum(axis=-1, keepdims=True))
        return log_probs

    @cached_property
    def _normalizes(self) -> bool:
        """Whether the model expects samples of zero mean and unit variance, as most do."""
        settings = self.folder / "preprocessor_config.json"
        if not settings.is_file():
            return True
        return bool(json.loads(settings.read_text(encoding="utf-8")).get("do_normalize", True))

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(str(self._file), options, providers=["CPUExecutionProvider"])


def _model_file(folder: Path) -> Path:
    candidates = [folder / "model.onnx", folder / "onnx" / "model.onnx", *sorted(folder.glob("*.onnx"))]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise ConfigError(
        f"The ALIGN_MODEL folder {folder} does not contain model.onnx.",
        hint="Set ALIGN_MODEL to a folder with a CTC model in ONNX and its vocabulary, or unset it.",
    )
