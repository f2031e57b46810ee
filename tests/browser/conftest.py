"""What tests in a real browser can ask for: the browser, the demo on a real server, and screenshots."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from chromium import open_chromium
from demo_server import ROOT, running_demo

from packages import NotInstalled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE = 15_000
"""Milliseconds that a page may take."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    try:
        with open_chromium() as browser:
            yield browser
    except NotInstalled as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture
def site() -> Iterator[str]:
    """The address of the demo, started as `make demo` does."""
    with running_demo() as address:
        yield address


@pytest.fixture
def open_context(chromium: Browser, site: str) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browsers that know nothing of each other; options are those of Playwright's contexts."""
    opened: list[BrowserContext] = []

    def open_context(**options: Any) -> BrowserContext:
        context = chromium.new_context(base_url=site, **options)
        context.set_default_timeout(PATIENCE)
        opened.append(context)
        return context

    yield open_context
    for context in opened:
        context.close()


@pytest.fixture
def keep_screenshot(request: pytest.FixtureRequest) -> Callable[[Page], None]:
    """Keeps a picture of a page in build/screenshots, outside of git."""

    def keep_screenshot(page: Page, name: str = "") -> None:
        test = re.sub(r"\W+", "-", f"{request.node.name}-{name}").strip("-")
        page.screenshot(path=ROOT / "build" / "screenshots" / f"{test}.png", full_page=True)

    return keep_screenshot
