"""Engines: chunk to words, with retries and rate limits; `registry.py` lists them."""
