"""The jobs of a service with their files: operations for the server and the workers."""

from __future__ import annotations

from audio_tools.backend.factory import make_backend
from audio_tools.backend.operations import Backend, job_id_of

__all__ = ["Backend", "job_id_of", "make_backend"]
