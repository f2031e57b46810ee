"""`make demo`: sign in from two browsers, see both sessions as rows, and kick one out."""

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

PROGRAM = Path(__file__).parents[1] / "docs" / "examples" / "demo.py"


@pytest.fixture
def demo(tmp_path):
    """The demo's site, on a file of the test's own."""
    spec = spec_from_file_location("demo", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    site = module.site(f"sqlite:///{tmp_path}/demo.db")
    yield site
    site.wrap_app.store.close()
    site.wrap_app.engine.dispose()


def browser(demo, user_agent="Firefox/1", **environ):
    return TestApp(demo, extra_environ={"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": "127.0.0.1", **environ})


def sign_in(browser, user="ann"):
    return browser.post("/sign-in", {"user": user}).follow()


def handles(page):
    """What the page's buttons would kick out."""
    return re.findall(r'name="handle" value="(\w+)"', page.text)


def test_one_signs_in_from_two_browsers_and_kicks_one_out(demo):
    laptop, phone = browser(demo), browser(demo, "Mobile Safari/2")
    sign_in(laptop)
    laptop.post("/cart", {"item": "tea"})
    page = sign_in(phone)
    assert "Firefox" in page.text
    assert "this browser" in page.text
    assert "tea" in page.text

    [handle] = handles(page)
    page = phone.post("/kick", {"handle": handle}).follow()

    assert handles(page) == []
    assert "Signed in as" in page.text
    assert "Signed in as" not in laptop.get("/").text


def test_the_first_page_shows_the_tables_rows(demo):
    page = sign_in(browser(demo))

    for text in ("user", "device", "additional", "expire_at", "revision", "_creation_time"):
        assert text in page.text


def test_no_page_has_a_session_id(demo):
    visitor = browser(demo)
    page = sign_in(visitor)

    assert visitor.cookies["beaker.session.id"].strip('"') not in page.text


def test_one_kicks_out_nobody_else(demo):
    ann, bob = browser(demo), browser(demo)
    sign_in(ann, "ann")
    other = browser(demo, "Chrome/3")
    sign_in(other, "bob")
    [handle] = handles(sign_in(bob, "bob"))

    for who in (ann, browser(demo)):
        who.post("/kick", {"handle": handle})
        who.post("/kick", {"handle": "0" * 64})
        who.post("/kick", {"handle": "../é\0"})

    assert "Signed in as" in other.get("/").text


def test_what_a_visitor_sends_is_shown_as_text(demo):
    page = sign_in(browser(demo), "<script>x</script>")

    assert "<script>x" not in page.text
    assert "&lt;script&gt;x" in page.text


def test_signing_out_removes_the_row(demo):
    visitor = browser(demo)
    sign_in(visitor)
    page = visitor.post("/sign-out").follow()

    assert "Signed in as" not in page.text
    assert demo.wrap_app.store.count() == 0


def test_a_form_of_another_site_does_nothing(demo):
    visitor = browser(demo, HTTP_ORIGIN="http://evil.example")
    visitor.post("/sign-in", {"user": "ann"}, status=404)

    assert demo.wrap_app.store.count() == 0


def test_there_is_only_one_page(demo):
    assert "only the page" in browser(demo).get("/nothing", status=404).text


def test_the_program_serves_until_it_is_stopped_and_leaves_nothing():
    command = [sys.executable, "-W", "error", str(PROGRAM), "--port", "0"]
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
