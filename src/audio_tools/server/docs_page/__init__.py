"""`GET /docs`: the OpenAPI document as a page without scripts or external resources; works offline."""

from __future__ import annotations

from audio_tools.server.docs_page.page import docs_page

__all__ = ["docs_page"]
