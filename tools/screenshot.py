"""
The picture in README: `make demo KEEP=1`, then `.venv/bin/python -m tools.screenshot ADDRESS`.

ADDRESS is the one of the finished job that the demo prints. Needs Debian's chromium and chromium-driver.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.acceptance.page import Page
from tests.chromium import chromium

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "page.png"
MOMENT = "?t=14"


def main(address: str) -> None:
    """Write the picture."""
    url, _, place = address.partition("/#")
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as driver:
        page = Page(driver, url, width=1280, height=800)
        page.open(f"#{place}{MOMENT}")
        page.find(".cut-row")
        page.until(lambda _: driver.execute_script("return document.querySelector('video').readyState >= 2"))
        driver.save_screenshot(str(PICTURE))


if __name__ == "__main__":
    main(sys.argv[1])
