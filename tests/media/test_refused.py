"""Files that name other files or addresses are not media, whatever they are called."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import imageio_ffmpeg
import pytest

from audio_tools.errors import DecodeFailed, ProbeFailed
from audio_tools.media.decode import Decoder
from audio_tools.media.probe import probe
from tests.media.samples import children, make, picture, sound


class ChunkTranscriber:
    """Counts who calls an address on this machine, and hangs up."""

    def __init__(self, server: socket.socket) -> None:
        self.calls = 0
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        self._server = server

    def answer(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            self.calls += 1
            caller.close()


@contextmanager
def listening() -> Iterator[ChunkTranscriber]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = ChunkTranscriber(server)
        thread = threading.Thread(target=listener.answer)
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def hls(target: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n"


def concat(target: str) -> str:
    return f"ffconcat version 1.0\nfile '{target}'\n"


def dash(target: str) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="audio/mp4"><Representation '
        f'id="1" bandwidth="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )


def sdp(target: str) -> str:
    port = urlsplit(target).port
    return f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n"


async def refuse(path: Path) -> None:
    """Neither the probe nor FFmpeg itself opens a file, and no process is left."""
    why = r"(its? |unsupported or unrecognised media format\.)"
    with pytest.raises(ProbeFailed, match=f"{path.name} cannot be read as media: {why}"):
        await probe(path)
    with pytest.raises(DecodeFailed), Decoder(path, 0) as decoder:
        list(decoder)
    assert children() == []


SCRIPTS = [(hls, "a.m3u8"), (concat, "a.ffconcat"), (dash, "a.mpd"), (sdp, "a.sdp")]
UNDER_ANY_NAME = [(write, name) for write, own in SCRIPTS for name in (own, "a.mp4")]


@pytest.mark.parametrize(("write", "name"), UNDER_ANY_NAME)
async def test_nothing_is_fetched(tmp_path: Path, write: Callable[[str], str], name: str) -> None:
    """A playlist or script that points to a server is refused before anybody calls there."""
    with listening() as listener:
        (tmp_path / name).write_text(write(listener.url))
        await refuse(tmp_path / name)

    assert listener.calls == 0


@pytest.mark.parametrize(("write", "name"), [case for case in UNDER_ANY_NAME if case[0] is not sdp])
async def test_no_other_file_is_opened(tmp_path: Path, write: Callable[[str], str], name: str) -> None:
    """A playlist or script that names another file on this machine gives nothing of it away."""
    secret = make(tmp_path / "secret.ts", *sound(1), "-c:a", "aac")
    for target in (str(secret), secret.name):
        (tmp_path / name).write_text(write(target))
        await refuse(tmp_path / name)


def test_the_bait_is_real(tmp_path: Path) -> None:
    """Allowed to, FFmpeg does open the other file and does call the server."""
    secret = make(tmp_path / "secret.ts", *sound(1), "-c:a", "aac")
    (tmp_path / "a.mp4").write_text(concat(str(secret)))
    with listening() as listener:
        (tmp_path / "a.m3u8").write_text(hls(listener.url))
        called = play(tmp_path / "a.m3u8", "-protocol_whitelist", "file,http,tcp")

    assert play(tmp_path / "a.mp4", "-safe", "0") == 0
    assert called != 0
    assert listener.calls > 0


def play(path: Path, *options: str) -> int:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "quiet", *options, "-i", str(path)]
    return subprocess.run([*command, "-f", "null", "-"], check=False).returncode


async def test_a_picture_is_no_media(tmp_path: Path) -> None:
    """A picture named like a film is refused."""
    path = make(tmp_path / "a.png", *picture(1), "-frames:v", "1").rename(tmp_path / "a.mov")

    await refuse(path)
