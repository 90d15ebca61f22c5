"""The OpenAI API and compatible servers."""
