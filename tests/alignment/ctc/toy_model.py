"""A CTC model that distinguishes tones: each label is a frequency."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm

LETTERS = "abcdefgh"
FREQUENCIES_HZ = {letter: 400.0 * (number + 1) for number, letter in enumerate(LETTERS)}
WINDOW, STRIDE = 400, 320
SILENCE, GAIN = 30.0, 1.0


def build(folder: Path, *, separator: bool = False) -> Path:
    """Write model and vocabulary: a filter for each letter, whose energy is its logit; blank is quiet."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(WINDOW) / SAMPLE_RATE_HZ
    rows = [wave(2 * np.pi * f * time) for f in FREQUENCIES_HZ.values() for wave in (np.sin, np.cos)]
    filters = np.array(rows, np.float32)[:, np.newaxis, :] / 10
    pairs = np.zeros((len(LETTERS), len(rows), 1), np.float32)
    for number in range(len(LETTERS)):
        pairs[number, 2 * number : 2 * number + 2] = GAIN
    blanks = 2 if separator else 1
    nodes = [
        helper.make_node("Unsqueeze", ["samples", "axis"], ["wave"]),
        helper.make_node("Conv", ["wave", "filters"], ["parts"], strides=[STRIDE]),
        helper.make_node("Mul", ["parts", "parts"], ["energies"]),
        helper.make_node("Conv", ["energies", "pairs"], ["letters"]),
        helper.make_node("Pad", ["letters", "pads", "quiet"], ["labels"]),
        helper.make_node("Transpose", ["labels"], ["logits"], perm=[0, 2, 1]),
    ]
    constants = {
        "axis": np.array([1]),
        "filters": filters,
        "pairs": pairs,
        "pads": np.array([0, blanks, 0, 0, 0, 0]),
        "quiet": np.array(SILENCE, np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("samples", TensorProto.FLOAT, [1, "n"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, "t", "v"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    special = {"<pad>": 0} | ({"|": 1} if separator else {})
    labels = special | {letter: blanks + number for number, letter in enumerate(LETTERS)}
    (folder / "vocab.json").write_text(json.dumps(labels))
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    return folder


def say(words: list[tuple[str, float]], seconds: float, letter_s: float = 0.08) -> Pcm:
    """Words at their starts in seconds, as tones, with silence between them."""
    samples: NDArray[np.float64] = np.zeros(round(seconds * SAMPLE_RATE_HZ))
    length = round(letter_s * SAMPLE_RATE_HZ)
    time = np.arange(length) / SAMPLE_RATE_HZ
    for text, start in words:
        for number, letter in enumerate(text):
            first = round(start * SAMPLE_RATE_HZ) + number * length
            samples[first : first + length] = 0.9 * np.sin(2 * np.pi * FREQUENCIES_HZ[letter] * time)
    return (samples * 32767).astype(np.int16)
