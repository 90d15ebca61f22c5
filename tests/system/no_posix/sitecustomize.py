"""Every Python started with this folder in PYTHONPATH lacks what Windows lacks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.system.windows import hide_posix

hide_posix()
sys.path.pop(0)
