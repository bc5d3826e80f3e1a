"""The system's Chromium, headless, driven by playwright: a tab keeps every request, dialog and error of its page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ViewportSize, sync_playwright

DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=900)


def executable() -> str | None:
    """Path of Chromium; None if it is not installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a temporary profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--disable-background-networking"])
        yield browser
        browser.close()


class Tab:
    """One page with what it caused since it was last opened.

    Attributes:
        page: Playwright's page.
        requests: Every address that the page asked for, its own and `data:` included.
        events: What a page should not cause: dialogs, uncaught errors, and entries of the browser's log.
    """

    def __init__(self, browser: Browser, **context: Any) -> None:
        """Open an empty tab.

        Args:
            browser: Where to open it.
            context: Playwright's options of a browser context: `viewport`, `is_mobile`, `java_script_enabled` …
        """
        self._context = browser.new_context(**{"viewport": DESKTOP} | context)
        self.page = self._context.new_page()
        self.requests: list[str] = []
        self.events: list[str] = []
        self.page.on("pageerror", lambda error: self.events.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.events.append(dialog.message), dialog.dismiss()))
        # Playwright hides requests for `data:`, and mixes the browser's log with what the page prints itself.
        self._protocol = self._context.new_cdp_session(self.page)
        self._protocol.on("Network.requestWillBeSent", lambda event: self.requests.append(event["request"]["url"]))
        self._protocol.on("Log.entryAdded", lambda event: self.events.append(event["entry"]["text"]))
        for domain in ("Network", "Log"):
            self._protocol.send(f"{domain}.enable")

    def open(self, file: Path) -> None:
        """Load a file and wait until it is complete."""
        self.requests.clear()
        self.events.clear()
        self.page.goto(file.resolve().as_uri())

    def run(self, code: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        return self.page.evaluate(code)

    def press(self, key: str) -> None:
        """Press and release a key."""
        self.page.keyboard.press(key)

    def accessible(self) -> list[tuple[str, str]]:
        """(role, name) of everything that a screen reader sees."""
        nodes = self._protocol.send("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]

    def close(self) -> None:
        """Close the tab and forget what it stored."""
        self._context.close()
