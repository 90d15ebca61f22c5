"""Optional extensions of uvicorn's protocols; the service works without them."""
