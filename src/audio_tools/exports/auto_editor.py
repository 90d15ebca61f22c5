"""A cut plan in auto-editor's v1 format, which auto-editor converts to projects of other programs."""

from __future__ import annotations

import json

from audio_tools.errors import InvalidOption
from audio_tools.exports.cut_plan import CutPlan

CUT_SPEED = 99999.0
"""The speed that stands for "not played"."""


def write_auto_editor(plan: CutPlan) -> str:
    """
    The plan as v1 JSON: ranges of frames with their speeds, which cover the whole media.

    Raises:
        InvalidOption: the plan mutes, which the format cannot express.
    """
    if plan.mode == "mute":
        raise InvalidOption("mode", plan.mode, "remove, mark or speed for the format auto-editor")
    rate = plan.media.timebase.rate
    speeds = {"remove": CUT_SPEED, "speed": float(plan.speed), "mute": 1.0, "mark": 1.0}
    ranges = [(start, end, 1.0) for start, end in plan.keep]
    ranges += [(cut.start, cut.end, speeds[plan.mode]) for cut in plan.cut]
    chunks: list[list[float]] = []
    for start, end, speed in sorted(ranges):
        if chunks and chunks[-1][2] == speed:
            chunks[-1][1] = end
        else:
            chunks.append([start, end, speed])
    document = {
        "version": "1",
        "source": plan.media.path,
        "timebase": f"{rate.numerator}/{rate.denominator}",
        "chunks": chunks,
    }
    return json.dumps(document, ensure_ascii=False) + "\n"
