"""The page of devices in a real browser: with and without JavaScript, on a phone, and by keyboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from chromium import PHONE

CONTEXTS: dict[str, dict[str, Any]] = {
    "desktop": {},
    "no JavaScript": {"java_script_enabled": False},
    "phone": PHONE,
    "dark": {"color_scheme": "dark"},
}


@pytest.fixture(params=list(CONTEXTS.values()), ids=list(CONTEXTS))
def options(request):
    """Of a browser's context, each in turn."""
    return request.param


def sign_in(context, user="ann"):
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Sign in as").select_option(user)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text(f"Signed in as {user}").wait_for()
    return page


def open_devices(page):
    page.get_by_role("link", name="Your devices").click()
    page.get_by_role("heading", name="Your devices").wait_for()


def test_a_browser_signs_out_another_browser(open_context, options, keep_screenshot):
    this, other = sign_in(open_context(**options)), sign_in(open_context())
    open_devices(this)
    keep_screenshot(this, "before")
    assert this.get_by_role("listitem").count() == 4

    # The sample sessions of ann were last seen longer ago.
    this.get_by_role("listitem").nth(1).get_by_role("button", name="Sign out").click()

    this.get_by_role("status").get_by_text("That device is signed out.").wait_for()
    assert this.get_by_role("listitem").count() == 3
    keep_screenshot(this, "after")
    other.get_by_role("button", name="Add").click()
    other.get_by_text("You are not signed in.").wait_for()


def test_another_device_is_signed_out_by_one_button(open_context, keep_screenshot):
    context = open_context()
    this = sign_in(context)
    with context.expect_page() as opened:
        this.get_by_role("button", name="Sign in from another device").click()
    phone = opened.value
    phone.get_by_text("Signed in as ann").wait_for()

    open_devices(this)
    this.get_by_role("button", name="Sign out Safari on iPhone").first.click()
    this.get_by_role("status").wait_for()

    phone.get_by_role("button", name="Add").click()
    phone.get_by_text("You are not signed in.").wait_for()
    keep_screenshot(phone)


def test_all_other_devices_are_signed_out_by_one_button(open_context, options):
    this = sign_in(open_context(**options))
    open_devices(this)

    this.get_by_role("button", name="Sign out all other devices").click()

    this.get_by_role("status").get_by_text("All other devices are signed out.").wait_for()
    assert this.get_by_role("listitem").count() == 1
    assert this.get_by_role("button").count() == 0


def test_times_are_in_the_visitors_zone_and_without_javascript_in_utc(open_context):
    shown = {}
    contexts: dict[str, dict[str, Any]] = {
        "Tokyo": {"timezone_id": "Asia/Tokyo", "locale": "en-GB"},
        "none": {"java_script_enabled": False},
    }
    for name, options in contexts.items():
        page = sign_in(open_context(**options))
        open_devices(page)
        time = page.locator("time").first
        shown[name] = (time.text_content(), time.get_attribute("datetime"))

    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", shown["none"][0])
    hour = int(shown["Tokyo"][1][11:13])
    assert f"{(hour + 9) % 24:02}:" in shown["Tokyo"][0]


def test_nothing_is_wider_than_a_phone_and_buttons_are_large_enough(open_context):
    page = sign_in(open_context(**PHONE))
    open_devices(page)

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for button in page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 44


def test_a_keyboard_is_enough_and_the_focus_is_seen(open_context):
    page = sign_in(open_context())
    open_devices(page)
    page.keyboard.press("Tab")

    focused = page.locator(":focus")
    assert focused.get_attribute("aria-label").startswith("Sign out ")
    assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")

    page.get_by_role("status").wait_for()


# The WCAG's formula.
CONTRAST = """
([text, ground]) => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const [low, high] = [light(text), light(ground)].sort((one, other) => one - other);
  return (high + 0.05) / (low + 0.05);
}
"""
GROUND = """
element => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return [getComputedStyle(element).color, colour];
  }
  return [getComputedStyle(element).color, "rgb(255, 255, 255)"];
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground(open_context, scheme):
    page = sign_in(open_context(color_scheme=scheme))
    open_devices(page)

    for element in page.locator("h1, h2, p, dt, dd, a, button, .badge").all():
        colours = element.evaluate(GROUND)
        assert page.evaluate(CONTRAST, colours) >= 4.5, (element.text_content(), colours)


def test_every_control_has_a_name_for_a_screen_reader(open_context):
    page = sign_in(open_context())
    open_devices(page)

    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    names = [button.get_attribute("aria-label") for button in page.locator("li button").all()]
    assert len(names) == page.locator("li button").count() > 0
    assert all(name.startswith("Sign out ") for name in names)


def test_the_browser_finds_nothing_to_complain_about(open_context):
    """The console would report a Content-Security-Policy that the page itself breaks."""
    context = open_context()
    complaints = []
    context.on("console", lambda message: complaints.append(f"{message.text} {message.location['url']}"))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    page = sign_in(context)
    open_devices(page)
    page.get_by_role("button", name="Sign out all other devices").click()
    page.get_by_role("status").wait_for()

    # The demo has no icon.
    assert [one for one in complaints if "favicon.ico" not in one] == []


def test_administrators_search_and_end_sessions(open_context, keep_screenshot):
    page = sign_in(open_context(), "admin")
    page.get_by_role("link", name="All sessions").click()
    page.get_by_role("heading", name="Sessions", exact=True).wait_for()
    keep_screenshot(page, "all")
    page.get_by_label("user", exact=True).fill("ann")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Sign out the selected").click()

    page.get_by_role("status").get_by_text("1 signed out.").wait_for()
    assert page.get_by_role("checkbox").count() == 1
    keep_screenshot(page, "searched")


def test_hostile_device_names_are_text(open_context, site):
    hostile = "<img src=x onerror=document.title='taken'>\u202e"
    context = open_context(user_agent=hostile.replace("\u202e", ""))
    page = sign_in(context)
    open_devices(page)

    assert page.title() == "Your devices"
    assert page.locator("img").count() == 0
