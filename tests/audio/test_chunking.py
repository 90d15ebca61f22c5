"""The cutter: every sample in one chunk, cuts in pauses, the same cuts for the same samples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio.chunking import (
    OVERLAP_S,
    WINDOW_FILL,
    Chunk,
    Cutter,
    capped_target,
    cut,
    target_seconds,
)
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from tests.audio.signals import bed, blocks, samples, talk, to_pcm

PAUSES = [(9.0, 9.4), (14.0, 15.0), (31.0, 33.0), (40.0, 40.5), (52.0, 53.0), (61.0, 62.0)]


def chunks_of(pcm: Pcm, target_s: float = 15.0, sizes: tuple[int, ...] = (64_000,)) -> list[Chunk]:
    return list(cut(blocks(pcm, sizes), Cutter(target_s)))


def assert_complete(chunks: list[Chunk], pcm: Pcm) -> None:
    """What the chunks own joins without gap or overlap, and each holds the samples that it says."""
    assert chunks[0].own.start == 0
    assert chunks[-1].own.end == pytest.approx(len(pcm) / SAMPLE_RATE_HZ)
    for left, right in itertools.pairwise(chunks):
        assert left.own.end == right.own.start
    for index, chunk in enumerate(chunks):
        assert chunk.index == index
        assert chunk.start <= chunk.own.start < chunk.own.end <= chunk.end
        assert np.array_equal(chunk.pcm, pcm[samples(chunk.start) : samples(chunk.end)])
        assert all(chunk.start <= s.start < s.end <= chunk.end for s in chunk.speech)


def test_cuts_lie_in_the_longest_pause_of_the_window() -> None:
    """Chunks end in the middle of pauses, with no overlap."""
    pcm = to_pcm(talk(70, PAUSES) + bed(70, -60))
    chunks = chunks_of(pcm)

    assert_complete(chunks, pcm)
    # The window for the first cut is 9 to 21 s: the pause of 1 s at 14 is the longest in it.
    assert [chunk.own.end for chunk in chunks] == pytest.approx([14.5, 32.0, 52.5, 70.0], abs=0.2)
    assert all(chunk.start == chunk.own.start and chunk.end == chunk.own.end for chunk in chunks)


def test_where_nobody_pauses_chunks_overlap() -> None:
    """Both chunks hear the border, one owns it."""
    pcm = to_pcm(talk(70, []) + bed(70, -60))
    chunks = chunks_of(pcm)

    assert_complete(chunks, pcm)
    for left, right in itertools.pairwise(chunks):
        assert left.end - right.start == pytest.approx(OVERLAP_S)


@settings(max_examples=6, deadline=None)
@given(sizes=st.lists(st.integers(2_000, 300_000), min_size=1, max_size=4), target=st.floats(4, 30))
def test_the_same_samples_give_the_same_chunks(sizes: list[int], target: float) -> None:
    """How the samples arrive changes no cut, no speech, no digest."""
    pcm = to_pcm(talk(70, PAUSES) + bed(70, -60))
    one, other = chunks_of(pcm, target, (10**7,)), chunks_of(pcm, target, tuple(sizes))

    assert_complete(other, pcm)
    assert [(c.start, c.end, c.own, c.speech, c.has_sound) for c in one] == [
        (c.start, c.end, c.own, c.speech, c.has_sound) for c in other
    ]


@settings(max_examples=10, deadline=None)
@given(
    seconds=st.floats(0, 45),
    pauses=st.lists(st.tuples(st.floats(0, 40), st.floats(0.1, 6)), max_size=6),
    target=st.floats(0.5, 20),
)
def test_no_sample_is_lost_and_no_chunk_is_too_long(
    seconds: float, pauses: list[tuple[float, float]], target: float
) -> None:
    """Whatever the audio, all of it is owned once and no chunk exceeds the window and the overlap."""
    pcm = to_pcm(
        talk(seconds, [(start, start + length) for start, length in sorted(pauses)]) + bed(seconds, -70)
    )
    chunks = chunks_of(pcm, target, (50_000,))

    if len(pcm):
        assert_complete(chunks, pcm)
    else:
        assert chunks == []
    assert all(chunk.end - chunk.start <= 1.4 * target + OVERLAP_S + 0.03 for chunk in chunks)


def test_a_chunk_of_room_tone_holds_no_sound_but_a_whisper_is_sound() -> None:
    """Level against the noise floor decides what is worth sending."""
    tone = bed(60, -55)
    whisper = tone.copy()
    whisper[samples(25) : samples(27)] += talk(2, [], dbfs=-48)

    assert [chunk.has_sound for chunk in chunks_of(to_pcm(tone), 60)] == [False]
    assert [chunk.has_sound for chunk in chunks_of(to_pcm(whisper), 60)] == [True]
    assert [chunk.has_sound for chunk in chunks_of(np.zeros(samples(30), np.int16), 30)] == [False]


def test_pauses_reach_to_the_last_sample() -> None:
    """A pause that lasts to the end ends where the audio ends, incomplete frame included."""
    pcm = to_pcm(talk(12.0, [(10.0, 12.0)]))[: samples(11.9937)]
    cutter = Cutter(60)
    list(cut(blocks(pcm, (5_000,)), cutter))

    assert cutter.pauses()[-1].end == pytest.approx(11.9937, abs=1e-4)
    assert cutter.pauses()[-1].start == pytest.approx(9.82, abs=0.1)


def test_the_target_follows_from_the_duration_alone() -> None:
    """2.5 times the square root, between 20 and 150 s; an engine's cap leaves room for the overlap."""
    assert target_seconds(10) == 20
    assert target_seconds(1600) == 100
    assert target_seconds(5 * 3600) == 150
    assert target_seconds(None) == 120
    assert capped_target(150, None) == 150
    assert capped_target(150, 60) * 1.4 + OVERLAP_S == pytest.approx(60)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    pauses=st.lists(st.tuples(st.floats(0.5, 20.0), st.floats(0.1, 4.0)), max_size=8),
    window=st.floats(10.0, 29.5),
    sizes=st.lists(st.integers(2_000, 300_000), min_size=1, max_size=3),
)
def test_chunks_fit_the_window_of_an_engine(
    pauses: list[tuple[float, float]], window: float, sizes: list[int]
) -> None:
    """No chunk is longer than the window with its overlaps; how samples arrive changes nothing."""
    edges = np.cumsum([step for pause in pauses for step in pause]).tolist()
    seconds = (edges[-1] if edges else 0.0) + 40.0
    pcm = to_pcm(talk(seconds, list(zip(edges[::2], edges[1::2], strict=True))) + bed(seconds, -60))

    chunks = list(cut(blocks(pcm, (64_000,)), Cutter(window * WINDOW_FILL, window_s=window)))
    again = list(cut(blocks(pcm, tuple(sizes)), Cutter(window * WINDOW_FILL, window_s=window)))

    assert_complete(chunks, pcm)
    assert all(chunk.end - chunk.start <= window + 0.02 for chunk in chunks)
    assert [(c.start, c.end, c.own, c.speech) for c in chunks] == [
        (c.start, c.end, c.own, c.speech) for c in again
    ]


def test_the_last_good_pause_of_a_window_is_cut() -> None:
    """A full window is a cheap one: a longer pause earlier in it does not matter."""
    pauses = [(16.0, 18.0), (26.0, 26.8), (28.5, 28.7)]
    pcm = to_pcm(talk(50, pauses) + bed(50, -60))

    first, *_ = cut(blocks(pcm, (64_000,)), Cutter(29.5 * WINDOW_FILL, window_s=29.5))

    assert first.own.end == pytest.approx(26.4, abs=0.2)
