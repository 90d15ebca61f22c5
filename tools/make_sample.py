"""
Make `sample/`: a short video with a known text, pauses of known length and sound that starts late.

Needs Debian's `flite` for the voice. The same versions of flite and FFmpeg make the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent.parent / "sample"
VOICE, RATE_HZ = "rms", 16_000

SCRIPT = (
    ("Hello, and welcome to the audio tools.", 0.6),
    ("This voice was made by a computer, so that nobody has to record one.", 2.4),
    ("An editor often has hours of talk, and looks for one good sentence.", 0.8),
    ("The tools listen to the whole file, and write down every word with its time.", 2.5),
    ("They also find the places where nobody speaks.", 5.0),
    ("That was a silence of five seconds.", 0.5),
    ("You can cut it out, or keep it for a moment of rest.", 3.0),
    ("The picture starts first, and the sound comes almost one second later.", 0.7),
    ("Even so, every word should land on the right frame.", 2.6),
    ("Thank you for listening.", 1.0),
)
"""Sentences, and the pause behind each in seconds."""

SOUND_START_S = 0.95
"""How much later than the picture the sound starts: 28.5 frames, so it lies on no frame."""
LEAD_S = 0.5
SILENCE_S = 2.0
"""Pauses from this length on are the true silences; none is close to it."""

FRAME_RATE = Fraction(30_000, 1001)
BED_DBFS, SOUND_DBFS = -60.0, -50.0
"""Room tone under everything, since no real recording is digitally silent; what counts as sound above it."""
FRAME_SAMPLES = RATE_HZ // 100

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A spoken sentence: first and last sound in seconds on the media's clock, and its samples."""

    text: str
    start: float
    end: float
    samples: Samples


def main() -> None:
    """Write the video, its truth, and say how large it became."""
    sentences = place([(text, trim(speak(text)), pause) for text, pause in SCRIPT])
    end = sentences[-1].end + SCRIPT[-1][1]
    FOLDER.mkdir(exist_ok=True)
    video = FOLDER / "sample.mp4"
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        soundfile.write(sound, mix(sentences, end), RATE_HZ, subtype="PCM_16")
        film(sound, video, end)
    truth = json.dumps(describe(sentences, end), indent=2) + "\n"
    (FOLDER / "sample.truth.json").write_text(truth)
    print(f"{video}: {video.stat().st_size:,} bytes, {end:.2f} s")


def speak(text: str) -> Samples:
    """Let flite say a sentence."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", VOICE, "-t", text, "-o", file.name], check=True)
        samples, rate = soundfile.read(file.name)
    assert rate == RATE_HZ, f"flite speaks at {rate} Hz"
    spoken: Samples = samples
    return spoken


def trim(samples: Samples) -> Samples:
    """Cut off what flite leaves before the first and behind the last sound, to 10 ms."""
    whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
    energy = np.mean(samples[:whole].reshape(-1, FRAME_SAMPLES) ** 2, axis=1)
    loud = np.flatnonzero(energy >= 10 ** (SOUND_DBFS / 10))
    return samples[loud[0] * FRAME_SAMPLES : (loud[-1] + 1) * FRAME_SAMPLES]


def place(spoken: Sequence[tuple[str, Samples, float]]) -> list[Sentence]:
    """Put sentences one behind the other, their pauses between them."""
    sentences = []
    start = SOUND_START_S + LEAD_S
    for text, samples, pause in spoken:
        end = start + len(samples) / RATE_HZ
        sentences.append(Sentence(text, round(start, 4), round(end, 4), samples))
        start = end + pause
    return sentences


def mix(sentences: Sequence[Sentence], end: float) -> Samples:
    """The sound from its own start to the `end` of the media: the sentences on the bed."""
    sound = room_tone(round((end - SOUND_START_S) * RATE_HZ))
    for sentence in sentences:
        first = round((sentence.start - SOUND_START_S) * RATE_HZ)
        sound[first : first + len(sentence.samples)] += sentence.samples
    return sound


def room_tone(n_samples: int) -> Samples:
    """Pink noise, the same every time."""
    white = np.fft.rfft(np.random.default_rng(1).standard_normal(n_samples))
    hertz = np.fft.rfftfreq(n_samples, 1 / RATE_HZ)
    pink = np.fft.irfft(white / np.sqrt(np.maximum(hertz, 20.0)), n_samples)
    bed: Samples = pink / np.sqrt(np.mean(pink**2)) * 10 ** (BED_DBFS / 20)
    return bed


def film(sound: Path, video: Path, end: float) -> None:
    """Encode the sound, starting late, under a bar that crosses the picture once."""
    picture = f"color=c=0x1c2733:s=640x360:r={FRAME_RATE}:d={end}"
    bar = f"color=c=0xf2b134:s=8x360:r={FRAME_RATE}:d={end}"
    command: list[str | Path] = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y"]
    command += ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", bar]
    command += ["-itsoffset", str(SOUND_START_S), "-i", sound]
    command += ["-filter_complex", f"[0][1]overlay=x=(W-w)*t/{end}:eval=frame,format=yuv420p[picture]"]
    command += ["-map", "[picture]", "-c:v", "libx264", "-preset", "veryslow", "-crf", "16", "-threads", "1"]
    command += ["-map", "2:a", "-c:a", "aac", "-b:a", "64k", "-ar", "48000", "-ac", "1"]
    command += ["-movflags", "+faststart", "-fflags", "+bitexact", "-flags", "+bitexact", video]
    subprocess.run(command, check=True)


def describe(sentences: Sequence[Sentence], end: float) -> dict[str, object]:
    """The truth about the sample; all times in seconds on the media's clock."""
    text = " ".join(sentence.text for sentence in sentences)
    return {
        "text": text,
        "words": text.split(),
        "sentences": [{"start": s.start, "end": s.end, "text": s.text} for s in sentences],
        "silences": [
            {"start": former.end, "end": latter.start, "duration": round(latter.start - former.end, 4)}
            for former, latter in pairwise(sentences)
            if latter.start - former.end >= SILENCE_S
        ],
        "duration": round(end, 4),
        "soundStart": SOUND_START_S,
        "frameRate": str(FRAME_RATE),
    }


if __name__ == "__main__":
    main()
