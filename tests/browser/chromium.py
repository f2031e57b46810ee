"""The browser that tests and screenshots use: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from ctypes import CDLL
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from packages import NotInstalled, install

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Chromium must not contact any other machine.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
DRIVER_LIBRARY, DRIVER_PACKAGE = "libatomic.so.1", "libatomic1"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}


def path_of_chromium() -> str:
    """Where it is: TEST_CHROMIUM names one, or one is installed, or it is installed now.

    Raises:
        NotInstalled: saying what to do.
    """
    if given := os.environ.get("TEST_CHROMIUM"):
        return given
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        try:
            install("chromium")
        except NotInstalled as failure:
            msg = f"no Chromium: install the package chromium, or name one in TEST_CHROMIUM ({failure})"
            raise NotInstalled(msg) from None
        found = shutil.which("chromium")
    assert found is not None
    return found


def require_driver() -> None:
    """Have what Playwright's driver, a Node.js, is linked to; a small Debian lacks it.

    Raises:
        NotInstalled: saying what to do.
    """
    try:
        CDLL(DRIVER_LIBRARY)
    except OSError:
        try:
            install(DRIVER_PACKAGE)
        except NotInstalled as failure:
            msg = f"no {DRIVER_LIBRARY} for Playwright: install the package {DRIVER_PACKAGE} ({failure})"
            raise NotInstalled(msg) from None


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    # Its sandbox refuses to work for root.
    arguments = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else [*QUIET]
    path = path_of_chromium()
    if sys.platform == "linux":
        require_driver()
    # The driver starts here.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
