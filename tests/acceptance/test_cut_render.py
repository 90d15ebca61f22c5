"""A cut, rendered: FFmpeg plays the kept ranges of a plan, and what is heard is what should have stayed."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from audio_tools.exports.cut_options import CutOptions, RangeOption
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.source import media_reference
from audio_tools.media.probe import probe
from audio_tools.transcript import Interval, Word
from tests.exports.material import RATES, film, transcript_of
from tests.simulator.ears import listen
from tests.simulator.media import ffmpeg, render
from tests.simulator.script import Script, talk
from tests.simulator.tones import Samples

LATE_S = 0.95
"""The sound of every recording here begins so late, in seconds."""


def seconds_of(plan: CutPlan) -> list[tuple[float, float]]:
    """The kept ranges on the media's clock, as the plan counts."""
    timebase = plan.media.timebase
    return [(timebase.seconds(start), timebase.seconds(end)) for start, end in plan.keep]


def pictures_of(media: Path) -> list[float]:
    """When each picture of a file is shown, in seconds on the media's clock, by PyAV."""
    with av.open(str(media)) as container:
        begins = (container.start_time or 0) / 1_000_000
        stream = container.streams.video[0]
        packets = [(packet.pts, packet.time_base) for packet in container.demux(stream)]
        stamps = sorted(float(pts * base) for pts, base in packets if pts is not None)
    return [stamp - begins for stamp in stamps]


def rendered(media: Path, ranges: list[tuple[float, float]]) -> Samples:
    """The sound of the ranges one after the other, 16 kHz mono."""
    # The late start of the sound becomes silence, as in an editing program.
    source = f"[0:a]aresample=16000:async=1:first_pts=0,asplit={len(ranges)}"
    names = [f"[s{number}]" for number in range(len(ranges))]
    cuts = [
        f"{name}atrim={start:.6f}:{end:.6f},asetpts=PTS-STARTPTS{name.replace('s', 'c')}"
        for name, (start, end) in zip(names, ranges, strict=True)
    ]
    joined = "".join(name.replace("s", "c") for name in names) + f"concat=n={len(ranges)}:v=0:a=1[out]"
    graph = ";".join([source + "".join(names), *cuts, joined])
    command = [ffmpeg(), "-nostdin", "-v", "error", "-i", str(media), "-filter_complex", graph]
    command += ["-map", "[out]", "-ac", "1", "-f", "s16le", "-"]
    pcm = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.int16)
    return pcm.astype(np.float32) / np.float32(32768)


@pytest.fixture(scope="module")
def script() -> Script:
    return talk(45.0, seed=31, lead_in=LATE_S + 0.4)


@pytest.fixture(scope="module")
def media(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(script, tmp_path_factory.mktemp("cut") / "late.mkv", audio_start=LATE_S)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_kept_words_are_whole_and_cut_ones_gone(rate: Fraction, script: Script, media: Path) -> None:
    """At each frame rate: silences are cut tightly, and every fifth word by hand."""
    words = tuple(Word(word.text, word.start, word.end) for word in script.words)
    pauses = tuple(Interval(pause.start, pause.end) for pause in script.silences(0.3))
    transcript = transcript_of(*words, silences=pauses, duration=script.seconds, media=film(rate))
    gone = range(0, len(words), 5)
    options = CutOptions(
        preset="tight", cut=[RangeOption(first_word=index, last_word=index) for index in gone]
    )
    plan = plan_cuts(transcript, media_reference(transcript, media.name), options)
    heard = [word.number for word in listen(rendered(media, seconds_of(plan))) if word.number is not None]

    assert len(gone) > 5
    assert heard == [word.number for index, word in enumerate(script.words) if index not in gone]


def late_picture(media: Path, path: Path, late_s: float) -> Path:
    """The same sound, with the picture later."""
    both = ["-i", str(media), "-itsoffset", str(late_s), "-i", str(media)]
    coding = ["-c:v", "copy", "-c:a", "flac" if path.suffix == ".mkv" else "aac"]
    command = [ffmpeg(), "-nostdin", "-v", "error", *both, "-map", "1:v", "-map", "0:a", *coding, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
@pytest.mark.parametrize("late_s", [0.0, 1.234])
async def test_frames_are_the_pictures_of_the_file(suffix: str, late_s: float, tmp_path: Path) -> None:
    """Counted as an editing program counts them: what is heard while the kept pictures are shown is kept."""
    script = talk(20.0, seed=5, lead_in=1.6)
    early = render(script, tmp_path / "a.mkv", audio_start=0.3 if not late_s else 0.0)
    path = late_picture(early, tmp_path / f"late{suffix}", late_s)
    media = replace(await probe(path), duration=script.seconds)
    words = tuple(Word(word.text, word.start, word.end) for word in script.words)
    pauses = tuple(Interval(pause.start, pause.end) for pause in script.silences(0.3))
    transcript = transcript_of(*words, silences=pauses, duration=script.seconds, media=media)
    plan = plan_cuts(transcript, media_reference(transcript, path.name), CutOptions(preset="tight"))
    shown = pictures_of(path)
    ranges = [(shown[start], shown[end] if end < len(shown) else script.seconds) for start, end in plan.keep]
    heard = [word.number for word in listen(rendered(path, ranges)) if word.number is not None]

    assert media.video_start == pytest.approx(late_s, abs=0.03)
    assert heard == [word.number for word in script.words]
    assert sum(end - start for start, end in ranges) < script.seconds - 3
