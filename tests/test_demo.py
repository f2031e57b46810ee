"""`make demo`: sign in from two browsers, see both sessions as rows, and sign one out."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from http.cookiejar import CookieJar
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from webtest import TestApp

from processes import HEEDING_CTRL_C
from test_request_fields import IPHONE

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PROGRAM = Path(__file__).parents[1] / "docs" / "examples" / "demo.py"


@pytest.fixture
def module():
    """The demo's program."""
    spec = spec_from_file_location("demo", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def demo(tmp_path, module):
    """The demo's site, on a file of the test's own."""
    site = module.application(f"sqlite:///{tmp_path}/demo.db")
    yield site
    site.store.close()
    site.store.close()


def browser(demo, user_agent="Firefox/1", **environ):
    return TestApp(demo, extra_environ={"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": "127.0.0.1", **environ})


def sign_in(browser, user="ann"):
    return browser.post("/sign-in", {"user": user}).follow()


def test_a_user_signed_in_from_two_browsers_can_sign_out_the_other_browser(demo):
    laptop, phone = browser(demo, FIREFOX), browser(demo, IPHONE)
    sign_in(laptop)
    laptop.post("/cart", {"item": "tea"})
    assert "cart: tea" in sign_in(phone).text + laptop.get("/").text

    page = phone.get("/devices/")
    assert [title.text for title in page.html.find_all("h2")] == ["Safari on iPhone", "Firefox on Linux"]
    page.forms[0].submit().follow()

    assert "Signed in as" in phone.get("/").text
    assert "Signed in as" not in laptop.get("/").text


def test_a_browser_below_phone_is_another_device(demo):
    visitor = browser(demo, FIREFOX)
    sign_in(visitor)
    phone = visitor.post("/phone/sign-in", {"user": "ann"}).follow()

    assert "Signed in as" in phone.text
    devices = [title.text for title in visitor.get("/devices/").html.find_all("h2")]
    assert devices == ["Firefox on Linux", "Safari on iPhone"]
    assert "This device" in visitor.get("/phone/devices/").html.find_all("li")[0].text
    visitor.get("/devices/").forms[0].submit()
    assert "You are not signed in" in visitor.get("/phone/").text
    assert "Signed in as" in visitor.get("/").text


def test_only_the_administrator_sees_all_sessions(demo):
    ann, admin = browser(demo), browser(demo)
    sign_in(ann, "ann")
    page = sign_in(admin, "admin")

    assert "All sessions" in page.text
    assert len(admin.get("/devices/admin").html.select("tbody input")) == 2
    assert ann.get("/devices/admin", status=403)


def test_the_demo_opens_with_sample_users(demo, module):
    module.add_samples(demo.store)

    assert demo.store.count(user="ann") == 2
    page = sign_in(browser(demo, FIREFOX), "ann")
    assert "Pixel 8" in page.text


def test_texts_that_a_visitor_sends_are_shown_as_text(demo):
    page = sign_in(browser(demo), "<script>x</script>")

    assert "<script>x" not in page.text
    assert "&lt;script&gt;x" in page.text


def test_signing_out_removes_the_row(demo):
    visitor = browser(demo)
    sign_in(visitor)
    page = visitor.post("/sign-out").follow()

    assert "Signed in as" not in page.text
    assert demo.store.count() == 0


def test_a_form_of_another_site_does_nothing(demo):
    visitor = browser(demo, HTTP_ORIGIN="http://evil.example")
    visitor.post("/sign-in", {"user": "ann"}, status=404)

    assert demo.store.count() == 0


def test_the_demo_has_only_one_page(demo):
    assert "only the page" in browser(demo).get("/nothing", status=404).text


def test_the_program_serves_until_it_is_stopped_and_leaves_nothing():
    command = [*HEEDING_CTRL_C, sys.executable, "-W", "error", str(PROGRAM), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = "".join(server.stdout.readline() for _ in range(3))
        try:
            [url] = re.findall(r"http://127\.0\.0\.1:\d+/", told)
            [directory] = re.findall(r"\S+(?=/demo\.db)", told)
            opener = build_opener(HTTPCookieProcessor(CookieJar()))
            with opener.open(url + "sign-in", urlencode({"user": "ann"}).encode(), timeout=30) as page:
                assert "Signed in as <strong>ann</strong>" in page.read().decode()
            assert Path(directory).exists()
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
    assert not Path(directory).exists()
