"""A browser for the local page, and what it must not do."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

FLAGS = [
    "--no-sandbox", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MS = 90_000


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a headless Chromium with WebGL in software; skip where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if not program:
        pytest.skip("no chromium on the PATH")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(root: Path, state: Path) -> Iterator[str]:
    """Start the page as a user does; yield its address with the token."""
    command = [sys.executable, "-m", "bids_deface.review.main", str(root), "--no-browser"]
    server = subprocess.Popen(
        [*command, "--port", "0", "--state-dir", str(state)], stdout=subprocess.PIPE, text=True
    )
    try:
        line = server.stdout.readline()
        yield re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line)[0]
    finally:
        server.terminate()
        server.wait(20)
        server.stdout.close()


class Watched:
    """A page of the browser, and all that it told or asked for.

    Attributes
    ----------
    page
        Of Playwright.
    trouble
        Errors, and requests that left this machine's page.
    """

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.base = address.partition("?")[0]
        self.trouble: list[str] = []
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("request", self._see)
        self.page.goto(address)
        self.page.wait_for_selector("#content h1")

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.trouble.append(f"{message.text} {message.location}")

    def _see(self, request: Any) -> None:
        if not request.url.startswith((self.base, "blob:", "data:")):
            self.trouble.append(request.url)

    def close(self) -> None:
        self.context.close()


def picture(page: Any, name: str) -> np.ndarray:
    """Return what one sees of a canvas, by its label."""
    seen = page.locator(f"canvas[aria-label={name}]").screenshot()
    return np.asarray(Image.open(io.BytesIO(seen)).convert("L"), float)
