"""Matrix products of numpy that warn of nothing."""

from __future__ import annotations

import numpy as np


def ignore_false_alarms() -> np.errstate:
    """
    Decorator: ignore floating-point flags in a function whose matrix products are finite.

    On ARM, numpy's BLAS reports divisions by zero in plain products of finite numbers (numpy #28687), which
    would be printed among the messages of a command.
    """
    return np.errstate(divide="ignore", over="ignore", invalid="ignore")
