"""The pictures of the documentation: `make screenshots` takes them of the demo, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chromium import PHONE, open_chromium
from demo_server import ROOT, running_demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = ROOT / "docs/images"
FIREFOX = "Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def main() -> None:
    """Start the demo, and take the pictures."""
    with running_demo() as site, open_chromium() as browser:
        wide: dict[str, Any] = {"viewport": {"width": 800, "height": 500}}
        take(browser, site, "devices", "ann", **wide)
        take(browser, site, "devices-dark", "ann", color_scheme="dark", **wide)
        take(browser, site, "devices-phone", "ann", **PHONE)
        take(browser, site, "admin", "admin", link="All sessions", viewport={"width": 1100, "height": 700})


def take(
    browser: Browser, site: str, name: str, user: str, link: str = "Your devices", **options: Any
) -> None:
    """A picture of the page that a link leads to, for a signed-in user."""
    context = browser.new_context(base_url=site, user_agent=FIREFOX, locale="en-GB", **options)
    page: Page = context.new_page()
    page.goto("/")
    page.get_by_label("Sign in as").select_option(user)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name=link).click()
    page.get_by_role("heading", level=1).wait_for()
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True)
    # So that the next picture has the sample sessions only.
    page.goto("/")
    page.get_by_role("button", name="Sign out", exact=True).click()
    context.close()
    print(f"docs/images/{name}.png")


if __name__ == "__main__":
    main()
