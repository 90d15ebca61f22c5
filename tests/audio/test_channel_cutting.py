"""Every channel is cut by its own pauses, and copies of other channels are in none of its chunks."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from audio_tools.audio.channel_cutting import ChannelCutter
from audio_tools.audio.chunking import Chunk, Cutter
from audio_tools.audio.level_vad import LevelDetector
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Channels
from tests.audio.signals import bed, talk, to_pcm
from tests.audio.test_crosstalk import late, record, voice

EDGE_S = 0.15


def cut(pcm: Channels, block: int = 64_000) -> tuple[ChannelCutter, list[Chunk]]:
    """Cut a recording into chunks of about 8 s."""
    cutter = ChannelCutter(pcm.shape[1], partial(Cutter, 8.0), LevelDetector)
    chunks = [chunk for at in range(0, len(pcm), block) for chunk in cutter.push(pcm[at : at + block])]
    return cutter, chunks + cutter.finish()


def dialogue() -> Channels:
    """Two people in turn, each heard 20 dB down by the other's microphone, for 40 s."""
    first = voice(40, [(1, 9), (20, 29)], 1)
    second = voice(40, [(10, 19), (30, 38)], 2)
    return record(first + late(second, 4, -20), second + late(first, 4, -20))


def test_the_speech_of_a_channel_is_its_own() -> None:
    """What the other one says is a pause, and none of it is in the chunks."""
    cutter, chunks = cut(dialogue())
    pauses = [[(p.start, p.end) for p in channel.pauses if p.duration > 1.9] for channel in cutter.channels()]

    assert pauses == [
        [pytest.approx((9, 20), abs=EDGE_S), pytest.approx((29, 40), abs=EDGE_S)],
        [
            pytest.approx((0, 10), abs=EDGE_S),
            pytest.approx((19, 30), abs=EDGE_S),
            pytest.approx((38, 40), abs=EDGE_S),
        ],
    ]
    assert {chunk.channel for chunk in chunks if chunk.has_sound} == {0, 1}
    for chunk in (chunk for chunk in chunks if chunk.channel == 1):
        quiet = chunk.pcm[: max(round((8.8 - chunk.start) * SAMPLE_RATE_HZ), 0)]
        assert np.abs(quiet.astype(np.float64)).mean() < 30 if len(quiet) > SAMPLE_RATE_HZ else True


def test_all_channels_together_are_silent_where_none_speaks() -> None:
    """The pauses of all are those that the channels have in common."""
    cutter, _ = cut(dialogue())
    long = [(p.start, p.end) for p in cutter.pauses() if p.duration > 0.5]

    assert [
        pytest.approx(pause, abs=EDGE_S) for pause in [(0, 1), (9, 10), (19, 20), (29, 30), (38, 40)]
    ] == long


def test_the_chunks_of_every_channel_join() -> None:
    """Without gap or overlap from the first sample to the last, numbered as they come."""
    pcm = dialogue()
    cutter, chunks = cut(pcm)

    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert cutter.seconds == 40.0
    for channel in range(2):
        own = [chunk.own for chunk in chunks if chunk.channel == channel]
        assert (own[0].start, own[-1].end) == (0.0, 40.0)
        assert all(one.end == later.start for one, later in pairwise(own))


def test_the_blocks_do_not_matter() -> None:
    """The same samples give the same chunks, in the same order: a second run pays for none of them."""
    pcm = dialogue()
    (_, some), (_, others) = cut(pcm), cut(pcm, 23_456)

    assert [(c.channel, c.own, c.pcm.tobytes()) for c in some] == [
        (c.channel, c.own, c.pcm.tobytes()) for c in others
    ]


@pytest.mark.parametrize("same", [True, False])
def test_identical_and_dead_channels_have_no_sound(same: bool) -> None:
    """Neither costs a request; it is known which of the two it is."""
    sound = to_pcm(talk(30, [(4, 7), (15, 18)]) + bed(30, -60))
    other = sound if same else to_pcm(bed(30, -70, seed=9))
    cutter, chunks = cut(np.stack([sound, other], axis=1))
    first, second = cutter.channels()

    assert {chunk.channel for chunk in chunks if chunk.has_sound} == {0}
    assert (first.own_s > 15, first.copied_s) == (True, {})
    assert second.own_s == 0
    assert (second.copied_s.get(0, 0) > 15) == same


def test_one_channel_alone() -> None:
    """A mono file can be taken apart as well."""
    sound = to_pcm(talk(12, [(4, 7)]) + bed(12, -60))
    cutter, chunks = cut(sound[:, np.newaxis])

    assert {chunk.channel for chunk in chunks} == {0}
    assert cutter.channels()[0].pauses == tuple(cutter.pauses())
    assert b"".join(chunk.pcm.tobytes() for chunk in chunks)
