"""`docs/examples/pyramid_app.py`: sign in from two browsers, fill a cart, and sign out elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from http.cookiejar import CookieJar
from importlib import import_module
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from webtest import TestApp

PROGRAM = Path(__file__).parents[2] / "docs" / "examples" / "pyramid_app.py"


@pytest.fixture
def application(tmp_path, monkeypatch):
    """The application, on a file of the test's own."""
    monkeypatch.syspath_prepend(PROGRAM.parent)
    return import_module(PROGRAM.stem).create_app(f"sqlite:///{tmp_path}/sessions.db")


def submit(client, button, **fields):
    """Fill in the form that has the button, and press the button."""
    page = client.get("/")
    [form] = [form for form in page.forms.values() if f">{button}" in form.text]
    for name, value in fields.items():
        form[name] = value
    return form.submit().follow()


def signed_in(application, user_id="1", device="Firefox"):
    client = TestApp(application, extra_environ={"HTTP_USER_AGENT": device})
    submit(client, "Sign in", user_id=user_id)
    return client


def test_a_user_signed_in_from_two_browsers_can_sign_out_the_other_browser(application):
    laptop, phone = signed_in(application), signed_in(application, device="Safari")
    assert "tea" in submit(laptop, "Put into the cart", item="tea").text
    assert "tea" not in phone.get("/").text
    page = submit(phone, "Sign out Firefox")

    assert "That device is signed out." in page.text
    assert "Safari (this browser)" in page.text
    assert "Firefox" not in page.text
    assert "Sign in" in laptop.get("/").text


def test_a_user_can_sign_out_all_other_browsers_and_then_this_browser(application):
    laptop, phone = signed_in(application), signed_in(application)
    assert "1 devices are signed out." in submit(phone, "Sign out all others").text
    assert "Sign in" in laptop.get("/").text

    button = re.findall(r'action="/sign-out">.*?<button>(Sign out)<', phone.get("/").text)
    assert button == ["Sign out"]


def test_a_user_cannot_sign_out_another_user(application):
    ann, bob = signed_in(application), signed_in(application, "2")
    other = signed_in(application, device="Safari")
    [kick] = re.findall(r'action="(/kick/\w+)"', ann.get("/").text)
    token = bob.get("/").forms[0]["csrf_token"].value

    bob.post(kick, {"csrf_token": token}, status=404)
    assert "User 1" in other.get("/").text


def test_a_form_of_another_site_does_nothing(application):
    ann = signed_in(application)

    ann.post("/kick-others", {"csrf_token": "made up"}, status=400)
    TestApp(application).post("/sign-in", {"user_id": "1"}, status=400)


@pytest.mark.parametrize("user_id", ["", "x", "-1", "0", str(2**40), "²"])
def test_a_user_id_that_is_no_number_is_a_bad_request(application, user_id):
    client = TestApp(application)
    form = client.get("/").forms[0]

    client.post("/sign-in", {"csrf_token": form["csrf_token"].value, "user_id": user_id}, status=400)


def test_texts_that_a_visitor_sends_are_shown_as_text(application):
    page = signed_in(application, device="<script>x</script>").get("/").text

    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


def test_the_program_serves_over_real_http(tmp_path):
    environ = {**os.environ, "PORT": "0", "DATABASE_URL": f"sqlite:///{tmp_path}/sessions.db"}
    command = [sys.executable, str(PROGRAM)]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            [url] = re.findall(r"http://\S+/", server.stdout.readline())
            opener = build_opener(HTTPCookieProcessor(CookieJar()))
            with opener.open(url, timeout=30) as page:
                [token] = re.findall(r'value="(\w+)"', page.read().decode())
            form = urlencode({"csrf_token": token, "user_id": "7"}).encode()
            with opener.open(url + "sign-in", form, timeout=30) as page:
                assert "<h1>User 7</h1>" in page.read().decode()
        finally:
            server.terminate()
