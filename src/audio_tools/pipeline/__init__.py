"""The transcription pipeline: media file to transcript."""
