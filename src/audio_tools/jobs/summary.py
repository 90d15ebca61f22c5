"""The result of a job as the queue stores it: the transcript in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from audio_tools.json_value import JsonValue, omit_if_none
from audio_tools.transcript import Count, Percent, Transcript


@dataclass(frozen=True, slots=True)
class Summary(JsonValue):
    """The transcript in numbers."""

    total_duration: Annotated[float, Field(json_schema_extra={"minimum": 0})]
    """Seconds from the start of the media to its end."""
    words: Count
    """Number of words."""
    silences: Count
    """Number of silences."""
    success_rate: Percent
    """Percentage of chunks that were transcribed."""
    estimated_cost_usd: Annotated[float | None, omit_if_none(minimum=0)] = None
    """US dollars; missing in jobs of an older version."""

    @classmethod
    def of(cls, transcript: Transcript) -> Summary:
        """Return the summary of a transcript."""
        return cls(
            total_duration=transcript.duration,
            words=len(transcript.words),
            silences=len(transcript.silences),
            success_rate=transcript.success_rate,
            estimated_cost_usd=transcript.usage.cost_usd,
        )
