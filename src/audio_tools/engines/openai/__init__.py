"""The OpenAI API, and every server that speaks it."""
