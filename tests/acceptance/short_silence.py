"""`python short_silence.py serve …`: `audio-tools` whose OpenAI calls wait in silence only briefly."""

from __future__ import annotations

from audio_tools import cli
from audio_tools.server.openai_api import late_reply

if __name__ == "__main__":
    vars(late_reply).update(SILENT_S=0.1, BLANK_S=0.1)
    cli.main()
