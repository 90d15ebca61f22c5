"""Scripts as media files: what is in them is where the script says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from tests.simulator.beds import WHITE
from tests.simulator.ears import listen
from tests.simulator.make import main
from tests.simulator.media import ffmpeg, render, samples, sound
from tests.simulator.script import Script, Spoken, talk, talk_without_pauses
from tests.simulator.tones import SAMPLE_RATE_HZ, Samples, encode_word

FORMATS = [".wav", ".flac", ".mp3", ".m4a", ".mp4", ".mov", ".mkv"]


def decode(path: Path) -> Samples:
    """The audio on the media's clock: sample 0 is presentation time 0."""
    arguments = ["-v", "error", "-i", str(path), "-vn", "-af", "aresample=16000:async=1:first_pts=0"]
    child = subprocess.run(
        [ffmpeg(), *arguments, "-ac", "1", "-f", "f32le", "-"], capture_output=True, check=True
    )
    return np.frombuffer(child.stdout, np.float32)


def assert_true(script: Script, path: Path) -> None:
    """Whoever listens to the file hears the script, to the hundredth of a second."""
    heard = listen(decode(path))

    assert [word.number for word in script.words] == [word.number for word in heard]
    assert max(abs(h.start - w.start) for h, w in zip(heard, script.words, strict=True)) < 0.002


@pytest.mark.parametrize("suffix", FORMATS)
def test_words_are_where_the_script_says(tmp_path: Path, suffix: str) -> None:
    """No encoder's delay moves a word, in any format."""
    script = talk(30, 1)

    assert_true(script, render(script, tmp_path / f"talk{suffix}", bed=WHITE))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (48_000, 2)])
def test_audio_may_start_late(tmp_path: Path, suffix: str, rate_hz: int, channels: int) -> None:
    """The audio stream starts 0.95 s after the picture and the words keep their times."""
    script = talk(20, 2, lead_in=1.2)
    path = tmp_path / f"late{suffix}"

    render(script, path, audio_start=0.95, sample_rate_hz=rate_hz, channels=channels)

    assert_true(script, path)
    with av.open(str(path)) as container:
        audio, video = container.streams.audio[0], container.streams.video[0]
        assert (rate_hz, channels) == (audio.rate, audio.channels)
        assert audio.start_time is not None and audio.time_base and video.start_time is not None
        # An encoder's lead-in (AAC: 1,024 samples) stands before the first true sample.
        assert 0.88 < audio.start_time * audio.time_base < 0.951
        assert video.start_time == 0


def test_the_picture_has_2997_frames_a_second_from_end_to_end(tmp_path: Path) -> None:
    """The short film is repeated without a seam: every frame lasts 1001/30000 s."""
    path = render(Script(50, ()), tmp_path / "quiet.mp4")

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
        assert stream.time_base
        assert {float(1001 / 30000 / stream.time_base)} == set(map(float, np.diff(times)))
        assert pytest.approx(50, abs=0.05) == len(times) * 1001 / 30000


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    """Only the file asked for is in the folder."""
    render(talk(5), tmp_path / "talk.mp4")

    assert [path.name for path in tmp_path.iterdir()] == ["talk.mp4"]


def test_words_over_the_border_of_two_blocks_are_whole() -> None:
    """Sound is made in blocks of 10 s; a word that lies in both comes out whole."""
    script = Script(21.0, (Spoken(1, 9.9, 10.12), Spoken(2, 20.0, 20.22)))
    pcm = np.concatenate(list(sound(script)))

    for word in script.words:
        first = round(word.start * SAMPLE_RATE_HZ)
        burst = encode_word(word.number)
        assert np.abs(pcm[first : first + burst.size] / 32767 - burst).max() < 1e-4
    assert pcm.size == 21 * SAMPLE_RATE_HZ


def test_sound_can_be_had_without_a_file() -> None:
    """`samples` is what the file would hold."""
    script = talk_without_pauses(15)

    assert [word.number for word in script.words] == [word.number for word in listen(samples(script))]


def test_hopeless_orders_are_refused(tmp_path: Path) -> None:
    """Unknown formats and late starts that cannot be are errors."""
    with pytest.raises(ValueError, match=r"cannot write \.avi"):
        render(talk(5), tmp_path / "talk.avi")
    with pytest.raises(ValueError, match="picture"):
        render(talk(5, lead_in=2.0), tmp_path / "talk.wav", audio_start=1.0)
    with pytest.raises(ValueError, match="first word"):
        render(talk(5, lead_in=0.5), tmp_path / "talk.mp4", audio_start=1.0)


def test_the_complaint_of_ffmpeg_is_handed_on(tmp_path: Path) -> None:
    """A failed FFmpeg is an error with its own words."""
    (tmp_path / "talk.wav").mkdir()

    with pytest.raises(RuntimeError, match=r"talk\.wav"):
        render(talk(5), tmp_path / "talk.wav")


def test_the_wheel_helps_where_no_ffmpeg_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without FFmpeg on the PATH the one of the wheel is taken."""
    monkeypatch.setenv("PATH", "")

    assert Path(ffmpeg()).is_file()


def test_the_command_writes_a_file_and_its_script(tmp_path: Path) -> None:
    """`python -m tests.simulator.make` leaves the truth beside the file."""
    path = tmp_path / "talk.mov"

    result = CliRunner().invoke(main, [str(path), "--seconds", "12", "--audio-start", "0.5"])

    assert result.exit_code == 0, result.output
    script = Script.from_json(json.loads((tmp_path / "talk.mov.json").read_text()))
    assert_true(script, path)
