"""What a page did in the browser that it should not have done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def forget(browser: Any) -> None:
    """Leave out what pages before this one did."""
    for kind in ("browser", "performance"):
        browser.get_log(kind)


def assert_no_trouble(browser: Any, folder: Path) -> None:
    """Assert that no error was told, and nothing outside a folder was asked for."""
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert [url for url in requested(browser) if not url.startswith(folder.as_uri())] == []


def requested(browser: Any) -> list[str]:
    """Return the addresses that pages asked for."""
    messages = (json.loads(e["message"])["message"] for e in browser.get_log("performance"))
    sent = (m for m in messages if m["method"] == "Network.requestWillBeSent")
    return [m["params"]["request"]["url"] for m in sent]


def wait(browser: Any, script: str) -> Any:
    """Run a script until it returns something."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 30).until(lambda one: one.execute_script(script))
