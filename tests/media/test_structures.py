"""Files of which only the structure is at hand: protected media, codecs without an encoder, data tracks."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.errors import AudioToolsError, DecodeFailed
from audio_tools.media.decode import Decoder
from audio_tools.media.probe import choose_audio, passed_over, probe
from tests.media.samples import clicks, decode, make, sound

ENCRYPTED = "it is encrypted"


def element(number: str, data: bytes) -> bytes:
    """An EBML element; its size takes eight bytes."""
    return bytes.fromhex(number) + struct.pack(">Q", len(data) | 1 << 56) + data


def whole(number: str, value: int) -> bytes:
    return element(number, value.to_bytes((value.bit_length() + 7) // 8 or 1))


def matroska(encryption: bytes) -> bytes:
    """Ten seconds of PCM; `encryption` goes into its track."""
    audio = element("e1", element("b5", struct.pack(">d", 16_000.0)) + whole("9f", 1) + whole("6264", 16))
    codec = element("86", b"A_PCM/INT/LIT")
    track = element("ae", whole("d7", 1) + whole("73c5", 1) + whole("83", 2) + codec + encryption + audio)
    head = element("1a45dfa3", element("4282", b"matroska") + whole("4287", 4) + whole("4285", 2))
    noise = np.random.default_rng(0).integers(-9000, 9000, (10, 10, 1600)).astype("<i2")
    clusters = b""
    for second, blocks in enumerate(noise):
        timed = [
            b"\x81" + struct.pack(">hB", 100 * n, 0x80) + block.tobytes() for n, block in enumerate(blocks)
        ]
        clusters += element(
            "1f43b675", whole("e7", 1000 * second) + b"".join(element("a3", block) for block in timed)
        )
    info = element("1549a966", whole("2ad7b1", 1_000_000))
    return head + element("18538067", info + element("1654ae6b", track) + clusters)


def test_an_encrypted_matroska_track_is_refused(tmp_path: Path) -> None:
    """What WebM's encryption leaves is noise to a decoder; without it the same file is heard."""
    cipher = element("5035", whole("47e1", 5) + element("47e2", b"0123456789abcdef"))
    encoding = element("6240", whole("5031", 0) + whole("5032", 1) + whole("5033", 1) + cipher)
    (tmp_path / "clear.mkv").write_bytes(matroska(b""))
    (tmp_path / "a.mkv").write_bytes(matroska(element("6d80", encoding)))

    assert len(decode(tmp_path / "clear.mkv")) == 10 * SAMPLE_RATE_HZ
    with pytest.raises(DecodeFailed, match=ENCRYPTED):
        decode(tmp_path / "a.mkv")


PROTECTION = {
    "content encryption": "fbb3112223bdd211b4b700a0c955fc6e",
    "extended content encryption": "14e68a292226174cb935dae07ee9289c",
}


@pytest.mark.parametrize("name", PROTECTION)
def test_protected_windows_media_is_refused(tmp_path: Path, name: str) -> None:
    """An object in its header says so."""
    data = bytearray(make(tmp_path / "a.wma", *sound(2), "-c:a", "wmav2").read_bytes())
    length = 32
    (size,), (count,) = struct.unpack_from("<Q", data, 16), struct.unpack_from("<I", data, 24)
    struct.pack_into("<QI", data, 16, size + 24 + 4 * (4 + length), count + 1)
    parts = 4 * (struct.pack("<I", length) + b"x" * length)
    data[30:30] = bytes.fromhex(PROTECTION[name]) + struct.pack("<Q", 24 + len(parts)) + parts
    (tmp_path / "b.wma").write_bytes(data)

    with pytest.raises(DecodeFailed, match=ENCRYPTED):
        decode(tmp_path / "b.wma")


def as_ac4(path: Path) -> Path:
    """The same MP4, whose first audio track claims to be AC-4, for which libavcodec has no decoder."""
    data = path.read_bytes().replace(b"mp4a\0", b"ac-4\0", 1).replace(b"esds", b"dac4", 1)
    path.write_bytes(data)
    return path


async def test_a_codec_without_a_decoder_is_named(tmp_path: Path) -> None:
    """Not as damage."""
    path = as_ac4(make(tmp_path / "a.mp4", *sound(2), "-c:a", "aac"))
    assert (await probe(path)).audio_streams[0].codec == "unknown"

    with pytest.raises(DecodeFailed, match="codec is not supported") as caught:
        decode(path)
    assert "Convert" in caught.value.hint


async def test_a_stream_that_can_be_decoded_takes_its_place(tmp_path: Path) -> None:
    """Broadcasts carry AAC beside AC-4; the warning names both, and a choice of the user stands."""
    both = *sound(2, "0.1*sin(300*t)"), *sound(3), "-map", "0", "-map", "1", "-c:a", "aac"
    path = as_ac4(make(tmp_path / "a.mp4", *both))
    media = await probe(path)
    chosen = choose_audio(media, None)

    assert chosen.position == 1
    assert len(clicks(decode(path, chosen.position))) == 3
    assert passed_over(media, chosen) == [
        "Audio stream 0 has a codec that is not supported; audio stream 1 was transcribed instead."
    ]
    assert choose_audio(media, 0).position == 0


def test_a_data_track_does_not_lengthen_the_media(tmp_path: Path) -> None:
    """That of an action camera ends after sound and picture, in whole seconds."""
    path = tmp_path / "gopro.mp4"
    film = make(tmp_path / "film.mp4", *sound(3), "-c:a", "aac")
    with av.open(str(film)) as source, av.open(str(path), "w") as target:
        copied = target.add_stream_from_template(source.streams.audio[0])
        data = target.add_data_stream("bin_data")
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
        for second in range(7):
            telemetry = av.Packet(b"DEVC" + bytes(60))
            telemetry.stream, telemetry.time_base = data, Fraction(1, 1000)
            telemetry.pts = telemetry.dts = 1001 * second
            telemetry.duration = 1001
            target.mux(telemetry)
    with Decoder(path, 0) as decoder:
        pcm = np.concatenate(list(decoder))

    assert max(len(pcm) / SAMPLE_RATE_HZ, decoder.media_end or 0.0) == pytest.approx(3, abs=0.05)
    assert decoder.duration_explained


def replace_box(data: bytes, path: list[bytes], new: bytes) -> bytes:
    """Replace a box of an MP4 whose index comes last, and correct the sizes of those around it."""
    at, places = 0, []
    for kind in path:
        at = data.index(kind, at) - 4
        places.append(at)
        at += 8
    size = int.from_bytes(data[places[-1] : places[-1] + 4])
    grown = bytearray(data[: places[-1]] + new + data[places[-1] + size :])
    for place in places[:-1]:
        old = int.from_bytes(grown[place : place + 4])
        grown[place : place + 4] = struct.pack(">I", old + len(new) - size)
    return bytes(grown)


@pytest.mark.parametrize("absolute", [True, False])
def test_samples_in_another_file_are_not_read(tmp_path: Path, absolute: bool) -> None:
    """A QuickTime movie may refer to a file by its path: nothing of that file gets into the transcript."""
    secret = make(tmp_path / "secret.mov", *sound(3), "-c:a", "pcm_s16le")
    name = str(secret) if absolute else "secret.mov"
    volume = bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0")
    path_record = struct.pack(">hH", 2, len(name)) + name.encode() + b"\0" * (len(name) % 2)
    relative = struct.pack(">hH", 14, 2) + b"ab"
    level = struct.pack(">hh", 1, 1)
    alias = volume + bytes(12) + b"secret.mov".ljust(64, b"\0") + bytes(16) + level + bytes(16)
    body = bytes(4) + alias + path_record + relative + struct.pack(">hH", -1, 0)
    entry = struct.pack(">I4s", 8 + len(body), b"alis") + body
    references = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    inside = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"]
    movie = replace_box(secret.read_bytes(), inside, references)
    # Its own samples are gone: what is heard could only come from the other file.
    at = movie.index(b"mdat") + 4
    movie = movie[:at] + bytes(len(movie[at : movie.index(b"moov") - 4])) + movie[movie.index(b"moov") - 4 :]
    (tmp_path / "reference.mov").write_bytes(movie)
    try:
        heard = clicks(decode(tmp_path / "reference.mov"))
    except AudioToolsError:
        heard = []

    assert heard == []
    assert len(clicks(decode(secret))) == 3
