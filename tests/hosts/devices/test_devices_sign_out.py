"""A visitor signs out other devices on the page."""

from __future__ import annotations

import pytest
from devices_calls import handles, post, sessions


def test_a_visitor_can_sign_out_one_device(browser):
    this, other = browser(42), browser(42)
    answer = post(this, "/sign-out", handle=handles(this)[0])

    assert answer.status_int == 303
    assert "That device is signed out." in answer.follow().text
    assert other.get("/whoami").text == "None"
    assert this.get("/whoami").text == "42"


def test_a_visitor_can_sign_out_all_other_devices(browser, store):
    this, stranger = browser(42), browser(43)
    others = [browser(42) for _ in range(3)]
    answer = post(this, "/sign-out-others")

    assert "All other devices are signed out." in answer.follow().text
    assert [other.get("/whoami").text for other in others] == ["None"] * 3
    assert this.get("/whoami").text == "42"
    assert stranger.get("/whoami").text == "43"


def test_a_program_can_sign_out_devices_with_json(browser, store):
    this, _, _ = (browser(42) for _ in range(3))
    headers = {"X-CSRF-Token": sessions(this)["csrf_token"]}

    answer = this.post_json("/devices/sign-out", {"handle": handles(this)[0]}, headers=headers)
    assert answer.json == {"signed_out": 1}
    assert this.post_json("/devices/sign-out-others", {}, headers=headers).json == {"signed_out": 1}
    assert store.count() == 1


FOREIGN = {
    "somebody else's": lambda store: store.handle("foreign"),
    "made up": lambda store: "f" * 64,
    "an id": lambda store: "foreign",
    "empty": lambda store: "",
    "NUL": lambda store: "\0",
    "long": lambda store: "a" * 16_000,
}


@pytest.mark.parametrize("handle", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("as_json", [True, False])
def test_a_foreign_session_is_not_found_whatever_the_form_says(browser, store, handle, as_json):
    this = browser(42)
    store.set("foreign", {"user_id": 43})
    fields = {"handle": handle(store), "csrf_token": sessions(this)["csrf_token"], "user_id": "43"}
    send = this.post_json if as_json else this.post

    assert send("/devices/sign-out", fields, status=404)
    assert store.count() == 2
