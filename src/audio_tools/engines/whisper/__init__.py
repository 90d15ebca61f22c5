"""Local Whisper by faster-whisper, in a child process."""
