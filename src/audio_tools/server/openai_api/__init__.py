"""OpenAI's transcription API on the jobs of this service; see docs/openai-api.md."""
