"""`python -m benchmarks.direct_whisper MODEL FILE…`: faster-whisper as its README calls it; prints JSON."""

from __future__ import annotations

import json
import sys


def main(model: str, *files: str) -> None:
    """Transcribe with all defaults and word times; one line of JSON for each file: text, language, words."""
    from faster_whisper import WhisperModel

    whisper = WhisperModel(model, device="cpu", compute_type="int8")
    for file in files:
        segments, info = whisper.transcribe(file, word_timestamps=True)
        found = list(segments)
        words = [word.word.strip() for segment in found for word in segment.words or ()]
        text = "".join(segment.text for segment in found).strip()
        print(json.dumps({"text": text, "language": info.language, "words": words}))


if __name__ == "__main__":
    main(*sys.argv[1:])
