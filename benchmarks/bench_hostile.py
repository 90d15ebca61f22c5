"""Files that name addresses and other files, under the names of media: does any of them reach outside?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.media.samples import make, sound
from tests.media.test_refused import concat, dash, hls, listening, sdp

from audio_tools.errors import AudioToolsError
from audio_tools.media.decode import Decoder
from audio_tools.media.probe import probe

SUFFIXES = ("mp4", "mov", "mkv", "webm", "wav", "mp3", "flac", "ts", "avi", "m3u8", "txt")


def asx(target: str) -> str:
    """A playlist of Windows Media."""
    return f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>'


KINDS: dict[str, Callable[[str], str]] = {
    "HLS": hls,
    "concat": concat,
    "DASH": dash,
    "SDP": sdp,
    "ASX": asx,
}


def bench(folder: Path) -> list[str]:
    """Lines of Markdown with the results; `folder` is where files are made."""
    secret = make(folder / "secret.wav", *sound(1))
    rows, total = [], 0
    with listening() as outside:
        targets = {"address": outside.url, "file": str(secret)}
        pairs = [(kind, "address") for kind in KINDS] + [("HLS", "file"), ("concat", "file")]
        for kind, target in pairs:
            heard = sum(
                _is_heard(folder / f"{kind}-{target}.{suffix}", KINDS[kind](targets[target]))
                for suffix in SUFFIXES
            )
            total += len(SUFFIXES)
            rows.append(f"| {kind}, names {target} | {len(SUFFIXES)} | {heard} |")
        calls = outside.calls
    return [
        "## Hostile media files",
        "",
        f"{total} files under {len(SUFFIXES)} names each, probed and decoded; connections to the address "
        f"that they name: **{calls}**. That number and the right column must be 0.",
        "",
        "| what it is | files | **heard** |",
        "|---|---|---|",
        *rows,
    ]


def _is_heard(path: Path, text: str) -> bool:
    """Whether any sound comes of the file, once it has been probed and decoded."""
    path.write_text(text, encoding="utf-8")
    with suppress(AudioToolsError):
        asyncio.run(probe(path))
    return _decoded(path)


def _decoded(path: Path) -> bool:
    try:
        with Decoder(path, 0) as decoder:
            return bool(list(decoder))
    except AudioToolsError:
        return False


if __name__ == "__main__":
    from benchmarks.report import show

    show("hostile", bench)
