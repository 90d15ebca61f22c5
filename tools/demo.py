"""
`make demo`: the service on free ports, the sample through it, and what comes out beside what was said.

A real Whisper model runs on this machine; nothing else is needed. The data folder is fresh each time, but
the model is put together once, under `data/`. With KEEP=1 the service stays, with its page, until Ctrl-C.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "sample" / "sample.mp4"
OUT = ROOT / "out"
WORDS_A_LINE = 6


def main() -> int:
    """Run the demo; the exit code of what failed, or 0."""
    with tempfile.TemporaryDirectory(prefix="audio-tools-demo-") as data:
        service = _start_service(Path(data))
        try:
            address = _address_of(service)
            print(f"The service is at {address}. Uploading {SAMPLE.relative_to(ROOT)} …", flush=True)
            submitted = subprocess.run(
                [*_audio_tools(), "submit", SAMPLE, "--server", address, "--follow", "-o", OUT], check=False
            )
            if submitted.returncode:
                return submitted.returncode
            _show(
                json.loads((OUT / "sample.json").read_text(encoding="utf-8")),
                json.loads((SAMPLE.parent / "sample.truth.json").read_text(encoding="utf-8")),
            )
            print(f"\nThe files are in {OUT.relative_to(ROOT)}/.")
            print("In the browser, while the service runs:")
            print(f"  {address}/#/jobs/{_job_at(address)}", flush=True)
            _keep(service)
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(timeout=60)
    return 0


def _keep(service: subprocess.Popen[str]) -> None:
    """Wait for Ctrl-C if KEEP is set."""
    if os.environ.get("KEEP", "") in {"", "0"}:
        print("The service stops now; `make demo KEEP=1` leaves it running.")
        return
    print("The service runs until Ctrl-C.", flush=True)
    with suppress(KeyboardInterrupt):
        service.wait()


def _job_at(address: str) -> str:
    """The id of the service's only job."""
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with directly.open(f"{address}/jobs") as reply:
        job_id: str = json.load(reply)["jobs"][0]["jobId"]
    return job_id


def _audio_tools() -> list[str]:
    return [sys.executable, "-m", "audio_tools"]


def _start_service(data: Path) -> subprocess.Popen[str]:
    from audio_tools.engines.whisper.weights import find_weights

    find_weights(os.environ.get("WHISPER_MODEL", "base"), ROOT / "data", on_download=_print_download)
    with suppress(OSError):  # there is none, or, on Windows, no right to make a link; it is loaded again then
        (data / "models").symlink_to((ROOT / "data" / "models").resolve(strict=True))
    environment = {**os.environ, "ENGINE": "whisper", "LOG_LEVEL": "warning"}
    ports = ["--port", "0", "--ws-port", "0"]
    return subprocess.Popen(
        [*_audio_tools(), "serve", *ports, "--data-dir", data],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def _print_download(done: int, total: int) -> None:
    print(f"\rDownloading the model: {done / 1e6:.0f} of {total / 1e6:.0f} MB", end="", flush=True)


def _address_of(service: subprocess.Popen[str]) -> str:
    """Where the service says it is."""
    assert service.stdout is not None
    for line in service.stdout:
        if found := re.search(r"HTTP API:\s+(\S+)", line):
            return found[1]
    raise SystemExit(service.wait() or 1)


def _show(heard: dict[str, Any], said: dict[str, Any]) -> None:
    """Words with their times, and the silences beside the true ones."""
    print("\nWords, with start and end in seconds on the video's clock:")
    words = [f"{word['word']} [{word['start']:.2f}-{word['end']:.2f}]" for word in heard["words"]]
    for first in range(0, len(words), WORDS_A_LINE):
        print("  " + "  ".join(words[first : first + WORDS_A_LINE]))
    print("\nSilences of at least 2 s:            in the script:")
    for found, true in zip(heard["silenceSegments"], said["silences"], strict=False):
        print(f"  {_span(found)}            {_span(true)}")
    media = heard["media"]
    start = media["audioStartOffset"]
    print(f"\n{media['frameRate']} frames a second; the audio stream starts at {start} s.")


def _span(silence: dict[str, float]) -> str:
    return f"{silence['start']:7.2f} - {silence['end']:6.2f} s"


if __name__ == "__main__":
    sys.exit(main())
