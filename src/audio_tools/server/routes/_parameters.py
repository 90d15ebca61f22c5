"""Parameters that several routes have in common."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

JobId = Annotated[str, Path(description="The `jobId` of the job.")]
