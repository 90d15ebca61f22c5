"""A cut plan and the words as one table (CSV, RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from audio_tools.exports.cut_plan import CutPlan
from audio_tools.transcript import Word

COLUMNS = (
    *(
        "type",
        "start",
        "end",
        "start_frame",
        "end_frame",
        "record_frame",
        "reason",
        "first_word",
        "last_word",
    ),
    *("score", "text", "speaker", "confidence"),
)


def write_csv(plan: CutPlan, words: Sequence[Word]) -> str:
    """
    Rows of the types `keep`, `cut`, `marker` and `word`, each type in order of time.

    Times are seconds on the media's clock; those of a word are its own, not those of a frame.
    """
    timebase = plan.media.timebase
    records = {(clip.start, clip.end): clip.record for clip in plan.clips()}
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, restval="")
    table.writeheader()

    def row(kind: str, start: int, end: int, **more: object) -> None:
        given = {name: value for name, value in more.items() if value is not None}
        times = {"start": f"{timebase.seconds(start):.6f}", "end": f"{timebase.seconds(end):.6f}"}
        table.writerow({"type": kind, "start_frame": start, "end_frame": end} | times | given)

    for start, end in plan.keep:
        row("keep", start, end, record_frame=records[start, end])
    for cut in plan.cut:
        row(
            "cut",
            cut.start,
            cut.end,
            record_frame=records.get((cut.start, cut.end)),
            reason=cut.reason,
            first_word=cut.first,
            last_word=cut.last,
            score=cut.score,
        )
    for marker in plan.markers:
        row(
            "marker",
            marker.start,
            marker.end,
            record_frame=marker.record,
            reason=marker.reason,
            text=marker.text,
        )
    for index, word in enumerate(words):
        table.writerow(
            {
                "type": "word",
                "start": f"{word.start:.4f}",
                "end": f"{word.end:.4f}",
                "first_word": index,
                "last_word": index,
                "text": word.word,
                "speaker": word.speaker or "",
                "confidence": "" if word.confidence is None else word.confidence,
            }
        )
    return out.getvalue()
