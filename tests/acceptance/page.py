"""The page at `/` as its user has it: a browser that is driven by keys, and what it must never report."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

MOST_TABS = 120
PATIENCE_S = 90.0


class Page:
    """A page in a browser. `driver` is Selenium's; the window has `width` and `height` pixels."""

    def __init__(self, driver: Any, url: str, *, width: int = 1440, height: int = 900) -> None:
        self.driver = driver
        self.url = url
        self.resize(width, height)

    def open(self, place: str = "") -> None:
        """Load the page anew, at a place such as `#/jobs`."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/{place}")

    def resize(self, width: int, height: int, *, theme: str = "light") -> None:
        """Give the window a size, and the system a theme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def find(self, selector: str) -> WebElement:
        """The first element of a selector, once there is one that is visible."""

        def visible(driver: Any) -> WebElement | None:
            found = driver.find_elements(By.CSS_SELECTOR, selector)
            return next((element for element in found if element.is_displayed()), None)

        element: WebElement = self.until(visible, f"no element is visible: {selector}")
        return element

    def until(self, condition: Callable[[Any], Any], message: str = "") -> Any:
        """What a condition returns, once it is true; an element may be drawn anew meanwhile."""
        from selenium.common.exceptions import StaleElementReferenceException

        ignored = (StaleElementReferenceException,)
        wait = WebDriverWait(self.driver, PATIENCE_S, 0.05, ignored_exceptions=ignored)
        return wait.until(condition, message)

    def until_text(self, text: str, selector: str = "body") -> None:
        """Wait until an element shows a text."""
        self.until(lambda _: text in self.text(selector), f"{text!r} is not shown")

    def text(self, selector: str) -> str:
        """What an element shows; nothing where it is not there."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        shown: str = self.driver.execute_script(script, selector)
        return shown

    def press(self, *keys: str, holding: str = "") -> None:
        """Press keys one after another, wherever the keyboard is, while a modifier is held."""
        for key in keys:
            chain = ActionChains(self.driver)
            if holding:
                chain.key_down(holding)
            chain.send_keys(key)
            if holding:
                chain.key_up(holding)
            chain.perform()

    def run(self, script: str, *arguments: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def until_run(self, script: str) -> None:
        """Wait until a script returns something true."""
        self.until(lambda driver: driver.execute_script(script), f"never true: {script}")

    def media(self) -> dict[str, Any]:
        """Moment, speed and state of the playback."""
        script = (
            "const { currentTime: time, playbackRate: speed, paused, readyState: ready } ="
            " document.querySelector('video'); return { time, speed, paused, ready }"
        )
        state: dict[str, Any] = self.run(script)
        return state

    def until_media(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a state of the playback; return it."""
        self.until(lambda _: condition(self.media()), "the playback is not as expected")
        return self.media()

    def until_other(self, before: str, selector: str = "at-cut .after") -> str:
        """Wait until an element shows something else than before; return that."""
        self.until(lambda _: self.text(selector) not in {before, ""}, f"{selector} still shows {before}")
        return self.text(selector)

    def touch(self, *points: tuple[float, float], kind: str = "touchStart") -> None:
        """Put fingers on points of the window, move them there, or lift them (no points)."""
        shown = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        event = {"type": kind if points else "touchEnd", "touchPoints": shown}
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    def centre(self, selector: str, number: int = 0) -> tuple[float, float]:
        """The middle of an element in the window."""
        script = (
            "const element = document.querySelectorAll(arguments[0])[arguments[1]];"
            " element.scrollIntoView({ block: 'center' });"
            " const { x, y, width, height } = element.getBoundingClientRect();"
            " return [x + width / 2, y + height / 2]"
        )
        x, y = self.run(script, selector, number)
        return x, y

    def tab_to(self, selector: str, *, back: bool = False) -> WebElement:
        """Go to an element with the tab key alone."""
        for _ in range(MOST_TABS):
            script = "return document.activeElement?.matches(arguments[0])"
            if self.driver.execute_script(script, selector):
                element: WebElement = self.driver.switch_to.active_element
                return element
            self.press(Keys.TAB, holding=Keys.SHIFT if back else "")
        raise AssertionError(f"the tab key does not reach {selector}")

    def problems(self) -> list[str]:
        """
        What the console reports: errors of scripts and violations of the policy.

        Not lost connections, nor what the browser does not do for a page that was never clicked on.
        """
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] in {"SEVERE", "WARNING"} and entry["source"] not in {"network", "intervention"}
        ]


def wait_for_file(folder: Path, pattern: str) -> Path:
    """The file that a download leaves."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := list(folder.glob(pattern)):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no download of {pattern}: {list(folder.iterdir())}")
