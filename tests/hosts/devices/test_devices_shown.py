"""What the page of devices shows: a visitor's sessions, in the application's own words and templates."""

from __future__ import annotations

import json
import logging
import re

import pytest
from devices_calls import SCHEMAS, handles, post, sessions
from devices_site import SITES
from jinja2 import DictLoader
from webtest import TestApp

from schema_session_backend.devices import Texts
from schema_session_backend.devices import devices as devices_module
from test_request_fields import IPHONE


def test_the_page_lists_the_visitors_devices_and_this_device_first(browser):
    browser(42, IPHONE)
    this = browser(42)
    browser(43)

    page = this.get("/devices/")

    assert [title.text for title in page.html.find_all("h2")] == ["Firefox on Windows", "Safari on iPhone"]
    [current] = page.html.select(".current")
    assert "This device" in current.text
    assert "203.0.113.9" in current.text
    assert re.search(r"Signed in\s+\d{4}-\d\d-\d\d \d\d:\d\d UTC", current.text)
    assert "Last seen" in current.text
    assert len(page.html.find_all("form")) == 2  # sign out one device, sign out all others


def test_with_one_device_the_page_has_no_sign_out_forms(browser):
    page = browser(42).get("/devices/")

    assert page.html.find_all("form") == []
    assert "on this device only" in page.text


def test_the_json_lists_the_same_devices(browser):
    browser(42, IPHONE)
    told = sessions(browser(42))

    assert [(one["device"], one["current"]) for one in told["sessions"]] == [
        ("Firefox on Windows", True),
        ("Safari on iPhone", False),
    ]
    assert set(told["sessions"][0]) == {
        "handle", "device", "place", "current", "signed_in_at", "last_seen_at", "expires_at"
    }  # fmt: skip
    assert told["more"] == 0


@pytest.mark.parametrize("path", ["/devices/", "/devices/sessions", "/devices/admin"])
def test_no_answer_has_a_session_id(browser, store, path, caplog):
    caplog.set_level(logging.DEBUG)
    this, other = browser(42), browser(42)
    ids = [cookie.value.strip('"') for client in (this, other) for cookie in client.cookiejar]

    answer = this.get(path, status="*")
    post(this, "/sign-out", handle=handles(this)[0])

    assert len(ids) == 2
    for sid in ids:
        # Beaker's and Flask's cookies have more than the id, or less.
        assert sid[:32] not in answer.text
        assert sid[:32] not in str(answer.headers.get("Location"))
        assert sid[:32] not in caplog.text


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "\u202egnp.exe", "a" * 255, "\"'><img src=x>"]
)
def test_hostile_texts_are_shown_as_text(browser, store, hostile):
    browser(42)
    store.set("hostile", {"user_id": 42, "device": hostile[:50], "ip": hostile[:45], "user_agent": ""})

    page = browser(42).get("/devices/")

    assert hostile[:50] in [title.text for title in page.html.find_all("h2")]
    assert [script["src"].partition("?")[0] for script in page.html.find_all("script")] == [
        "/devices/static/devices.js"
    ]
    assert page.html.find_all("img") == []


@pytest.mark.parametrize("odd", [{}, {"device": None}, {"user_agent": None, "ip": None}])
def test_a_session_without_facts_about_its_device_is_shown(browser, store, odd):
    this = browser(42)
    store.set("odd", {"user_id": 42, **odd})

    assert "Unknown device" in this.get("/devices/").text


def test_of_very_many_sessions_this_one_and_the_newest_are_shown(browser, store, monkeypatch):
    monkeypatch.setattr(devices_module, "MOST_SHOWN", 3)
    this = browser(42)
    store.set_many({f"s{number}": {"user_id": 42} for number in range(5)})

    told = sessions(this)

    assert [one["current"] for one in told["sessions"]] == [True, False, False]
    assert told["more"] == 3
    assert "And 3 more" in this.get("/devices/").text


def test_without_timestamps_the_page_shows_no_times(host, make_store):
    store = make_store(schemas=SCHEMAS)
    client = TestApp(SITES[host](store))
    client.get("/sign-in?user=42")

    assert "Signed in" not in client.get("/devices/").text
    assert sessions(client)["sessions"][0]["signed_in_at"] is None


def test_the_words_of_the_page_can_be_replaced(open_site):
    german = Texts(title="Ihre Geräte", browser_on_system="{browser} unter {system}", language="de")
    page = open_site(texts=german)(42).get("/devices/")

    assert page.html.find("h1").text == "Ihre Geräte"
    assert page.html.find("h2").text == "Firefox unter Windows"
    assert page.html.find("html")["lang"] == "de"


def test_the_words_of_the_page_can_be_chosen_for_a_request(open_site):
    def choose(environ):
        return Texts(title="Ihre Geräte" if environ.get("HTTP_ACCEPT_LANGUAGE", "") == "de" else "Devices")

    client = open_site(texts=choose)(42)

    assert client.get("/devices/").html.find("h1").text == "Devices"
    assert client.get("/devices/", headers={"Accept-Language": "de"}).html.find("h1").text == "Ihre Geräte"


def test_a_template_can_be_replaced_and_the_others_stay(open_site, tmp_path):
    base = "<title>mine</title>{% block content %}{% endblock %}"
    (tmp_path / "base.html").write_text(base, encoding="utf-8")

    for templates in (tmp_path, str(tmp_path), DictLoader({"base.html": base})):
        page = open_site(templates=templates)(42).get("/devices/")
        assert page.html.find("title").text == "mine"
        assert page.html.find("h2").text == "Firefox on Windows"


def test_the_json_marks_the_current_session(browser):
    assert json.loads(browser(42).get("/devices/sessions").body)["sessions"][0]["current"] is True
