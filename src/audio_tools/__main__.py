"""`python -m audio_tools` is `audio-tools`."""

from audio_tools.cli import main

if __name__ == "__main__":
    main()
