"""`docs/examples/flask_app.py`: sign in from two browsers, see both sessions, and sign one out."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "docs" / "examples" / "flask_app.py"


@pytest.fixture
def app(tmp_path):
    """The application, on a file of the test's own."""
    app = runpy.run_path(str(PROGRAM))["create_app"](f"sqlite:///{tmp_path}/sessions.db")
    yield app
    app.config["SESSION_CACHELIB"].store.close()


def signed_in(app, user_id=1, device="Firefox"):
    client = app.test_client()
    client.post("/sign-in", data={"user_id": user_id}, headers={"User-Agent": device})
    return client


def kicks(client, device=""):
    """Where the page's buttons lead."""
    return re.findall(rf'action="(/kick/\w+)">\s*{device}', client.get("/").text)


def test_a_user_signed_in_from_two_browsers_can_sign_out_the_other_browser(app):
    laptop, phone = signed_in(app), signed_in(app, device="Safari")
    assert len(kicks(phone)) == 2
    [kick] = kicks(phone, "Firefox, last seen")
    phone.post(kick)

    assert len(kicks(phone)) == 1
    assert "<h1>" not in laptop.get("/").text


def test_a_user_can_sign_out_all_other_browsers_and_then_this_browser(app):
    laptop, phone = signed_in(app), signed_in(app)
    phone.post("/sign-out-others")
    assert "<h1>" not in laptop.get("/").text
    assert "User 1" in phone.get("/").text
    phone.post("/sign-out")

    assert app.config["SESSION_CACHELIB"].store.count() == 0


def test_a_user_cannot_sign_out_another_user(app):
    ann, bob = signed_in(app, 1), signed_in(app, 2)
    [kick] = kicks(ann)

    assert bob.post(kick).status_code == 404
    assert app.test_client().post(kick).status_code == 404
    assert "User 1" in ann.get("/").text


@pytest.mark.parametrize("user_id", ["", "x", "-1", str(2**40), "1e3"])
def test_a_user_id_that_is_no_number_is_a_bad_request(app, user_id):
    assert app.test_client().post("/sign-in", data={"user_id": user_id}).status_code == 400


def test_texts_that_a_visitor_sends_are_shown_as_text(app):
    page = signed_in(app, device="<script>x</script>" + "y" * 100).get("/").text

    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
