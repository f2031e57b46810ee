"""The page of devices, mounted in each host: what it shows, to whom, and who may end what."""

from __future__ import annotations

import datetime as dt
import enum
import json
import logging
import re
from io import BytesIO
from urllib.parse import quote

import flask
import pytest
import zope.sqlalchemy
from devices_site import SITES
from jinja2 import DictLoader
from pyramid.config import Configurator
from pyramid.events import ContextFound
from sqlalchemy import JSON, Boolean, Column, Date, Enum, Integer, LargeBinary, create_engine
from sqlalchemy.orm import Session as OrmSession
from webtest import TestApp

from schema_session_backend import ConfigurationError, SessionStore
from schema_session_backend.cachelib import SchemaCache
from schema_session_backend.devices import DevicesPage, Texts, Visitor
from schema_session_backend.devices import devices as devices_module
from schema_session_backend.devices.flask import add_devices
from schema_session_backend.errors import WrongArgument
from test_request_fields import FIREFOX, IPHONE

SCHEMAS = "user_id Integer index; device String(50); ip String(45); user_agent String(255)"


@pytest.fixture(params=list(SITES))
def host(request):
    """A host's name, each in turn."""
    return request.param


@pytest.fixture
def url(tmp_path):
    """The page has no SQL: what it asks of the store is tested on all databases."""
    return f"sqlite:///{tmp_path}/sessions.db"


@pytest.fixture
def store(make_store):
    """A store with what the page shows."""
    return make_store(schemas=SCHEMAS, timestamps=True)


@pytest.fixture
def open_site(host, store):
    """Opens a site; returns what makes browsers there, which are signed in as somebody."""

    def open_site(**options):
        application = SITES[host](store, **options)

        def browser(user=None, user_agent=FIREFOX):
            client = TestApp(
                application, extra_environ={"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": "203.0.113.9"}
            )
            if user is not None:
                client.get(f"/sign-in?user={user}")
            return client

        return browser

    return open_site


@pytest.fixture
def browser(open_site):
    """Makes browsers of a site."""
    return open_site()


def sessions(client):
    """What the page tells a program."""
    return client.get("/devices/sessions").json


def handles(client):
    """Of the visitor's other sessions."""
    return [one["handle"] for one in sessions(client)["sessions"] if not one["current"]]


def post(client, path, status="*", **fields):
    """Send a form as the page has it."""
    token = sessions(client)["csrf_token"]
    return client.post(f"/devices{path}", {"csrf_token": token, **fields}, status=status)


# -- what it shows


def test_it_shows_where_one_is_signed_in_this_device_first(browser):
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
    assert len(page.html.find_all("form")) == 2  # sign out one, and all others


def test_with_one_device_there_is_nothing_to_sign_out(browser):
    page = browser(42).get("/devices/")

    assert page.html.find_all("form") == []
    assert "on this device only" in page.text


def test_a_program_is_told_the_same(browser):
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
def test_a_session_that_tells_nothing_of_its_device_is_shown_too(browser, store, odd):
    this = browser(42)
    store.set("odd", {"user_id": 42, **odd})

    assert "Unknown device" in this.get("/devices/").text


def test_of_very_many_sessions_the_newest_are_shown_and_this_one(browser, store, monkeypatch):
    monkeypatch.setattr(devices_module, "MOST_SHOWN", 3)
    this = browser(42)
    store.set_many({f"s{number}": {"user_id": 42} for number in range(5)})

    told = sessions(this)

    assert [one["current"] for one in told["sessions"]] == [True, False, False]
    assert told["more"] == 3
    assert "And 3 more" in this.get("/devices/").text


def test_without_timestamps_it_does_without_times(host, make_store):
    store = make_store(schemas=SCHEMAS)
    client = TestApp(SITES[host](store))
    client.get("/sign-in?user=42")

    assert "Signed in" not in client.get("/devices/").text
    assert sessions(client)["sessions"][0]["signed_in_at"] is None


# -- signing out


def test_one_device_is_signed_out(browser):
    this, other = browser(42), browser(42)
    answer = post(this, "/sign-out", handle=handles(this)[0])

    assert answer.status_int == 303
    assert "That device is signed out." in answer.follow().text
    assert other.get("/whoami").text == "None"
    assert this.get("/whoami").text == "42"


def test_all_other_devices_are_signed_out(browser, store):
    this, stranger = browser(42), browser(43)
    others = [browser(42) for _ in range(3)]
    answer = post(this, "/sign-out-others")

    assert "All other devices are signed out." in answer.follow().text
    assert [other.get("/whoami").text for other in others] == ["None"] * 3
    assert this.get("/whoami").text == "42"
    assert stranger.get("/whoami").text == "43"


def test_a_program_can_do_the_same(browser, store):
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
    "one MB": lambda store: "a" * 60_000,
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


# -- requests that other sites make


ELSEWHERE = {
    "origin": {"Origin": "https://evil.example"},
    "null origin": {"Origin": "null"},
    "no url": {"Origin": "https://[evil"},
    "same host, other port": {"Origin": "http://localhost:8080"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "subdomain": {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
}


@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("path", ["/sign-out", "/sign-out-others"])
def test_a_form_of_another_site_does_nothing(browser, store, headers, path):
    this = browser(42)
    browser(42)
    fields = {"csrf_token": sessions(this)["csrf_token"], "handle": handles(this)[0]}

    assert this.post(f"/devices{path}", fields, headers=headers, status=403)
    as_header = {"X-CSRF-Token": fields["csrf_token"], **headers}
    assert this.post_json(f"/devices{path}", {"handle": fields["handle"]}, headers=as_header, status=403)
    assert store.count() == 2


@pytest.mark.parametrize(
    "token", ["", "made up", "AAAA", "ä", lambda browser: sessions(browser(42))["csrf_token"], None]
)
def test_a_form_without_the_sessions_own_token_does_nothing(browser, store, token):
    this = browser(42)
    browser(42)
    given = token(browser) if callable(token) else token
    before = store.count()

    assert this.post("/devices/sign-out-others", {} if given is None else {"csrf_token": given}, status=403)
    assert store.count() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:80", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://LOCALHOST"},
        {"Origin": "https://account.example"},
        # Behind a proxy that changes the host, the browser's word is what there is.
        {"Origin": "https://www.example.com", "Sec-Fetch-Site": "same-origin"},
        {},
    ],
)
def test_the_pages_own_form_is_taken(open_site, store, headers):
    this = open_site(origins=["https://account.example"])(42)
    fields = {"csrf_token": sessions(this)["csrf_token"]}

    # WebTest's own name for the host has its port.
    assert this.post("/devices/sign-out-others", fields, headers={"Host": "localhost", **headers}, status=303)


def test_a_token_is_another_one_each_time_and_good_for_one_session_only(browser):
    one, other = browser(42), browser(42)
    tokens = {sessions(one)["csrf_token"] for _ in range(3)}

    assert len(tokens) == 3
    for token in tokens:
        assert one.post("/devices/sign-out-others", {"csrf_token": token}, status="*").status_int == 303
    assert other.get("/whoami").text == "None"


# -- who is not signed in, and requests that make no sense


def test_who_is_not_signed_in_sees_nothing(browser, store):
    browser(42)

    for path in ("/devices/", "/devices/sessions", "/devices/admin"):
        assert "Firefox" not in browser().get(path, status=401).text
    for path in ("/devices/sign-out", "/devices/sign-out-others", "/devices/admin/sign-out"):
        browser().post(path, {"handle": store.find(limit=1000)[0].handle}, status=401)
    assert store.count() == 1


def test_who_is_not_signed_in_may_be_led_there(open_site):
    client = open_site(sign_in_url="/login")()

    assert client.get("/devices/", status=303).location.endswith("/login")
    assert client.get("/devices/sessions", status=401).json["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/devices/nothing", 404),
        ("GET", "/devices/static/../page.py", 404),
        ("GET", "/devices/static/nothing.css", 404),
        ("GET", "/devices/sign-out", 405),
        ("POST", "/devices/", 405),
        ("HEAD", "/devices/", 200),
    ],
)
def test_what_is_not_there_is_said_so(browser, method, path, status):
    answer = browser(42).request(path, method=method, status="*")

    assert answer.status_int == status
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"handle": {"a": 1}}', "application/json", 400),
        (b'{"handle": ["a", 1]}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"&".join(b"a=1" for _ in range(2_000)), "application/x-www-form-urlencoded", 400),
        (b"a" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"handle", "text/plain", 415),
        (
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--",
            "multipart/form-data; boundary=x",
            415,
        ),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("path", ["/sign-out", "/sign-out-others"])
def test_a_body_that_makes_no_sense_is_refused(browser, store, path, body, kind, status):
    this = browser(42)
    browser(42)
    headers = {"Content-Type": kind, "X-CSRF-Token": sessions(this)["csrf_token"]}

    answer = this.request(f"/devices{path}", method="POST", body=body, headers=headers, status="*")

    assert answer.status_int == status
    assert store.count() == 2


def test_a_body_of_unknown_length_is_read_to_the_limit_only(browser, store):
    this = browser(42)
    browser(42)
    body = BytesIO(b"a" * 10_000_000)
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers["X-CSRF-Token"] = sessions(this)["csrf_token"]
    request = this.RequestClass.blank(
        "/devices/sign-out-others", {**this.extra_environ, **environ}, method="POST", headers=headers
    )
    request.environ.pop("CONTENT_LENGTH", None)

    assert this.do_request(request, status="*").status_int == 413
    assert body.tell() < 1_000_000
    assert store.count() == 2


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/sign-out", {"handle": []}),
        ("/sign-out", {"csrf_token": [], "handle": "a"}),
        ("/sign-out-others", {"csrf_token": []}),
        ("/admin/sign-out", {"handle": [], "query": []}),
    ],
)
def test_empty_lists_are_no_error_of_the_server(open_site, path, sent):
    this = open_site(administers=lambda _request: True)(42)
    for headers in ({}, {"X-CSRF-Token": sessions(this)["csrf_token"]}):
        assert this.post_json(f"/devices{path}", sent, headers=headers, status="*").status_int < 500


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("text/html, application/json", "text/html"),
        ("*/*", "text/html"),
        ("", "text/html"),
        (";q=,\0, é;q=x", "text/html"),
    ],
)
def test_an_error_is_told_as_the_client_prefers(browser, accept, kind):
    answer = browser(42).get("/devices/nothing", headers={"Accept": accept}, status=404)

    assert answer.content_type == kind


def test_bytes_that_are_no_text_are_no_error_of_the_server(browser):
    this = browser(42)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers["X-CSRF-Token"] = sessions(this)["csrf_token"]

    answer = this.request(
        "/devices/sign-out", method="POST", body=b"handle=\xff", headers=headers, status="*"
    )

    assert answer.status_int in {400, 404}


def test_a_length_that_is_none_is_refused(browser):
    this = browser(42)
    environ = {"CONTENT_LENGTH": "-5", "CONTENT_TYPE": "application/json"}

    assert this.post("/devices/sign-out", "", extra_environ=environ, status="*").status_int in {400, 403, 415}


@pytest.mark.parametrize("path", ["/devices/", "/devices/sessions"])
def test_an_outage_is_told_as_one_and_logged(store, path, caplog):
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    store = SessionStore(nowhere, schemas=SCHEMAS, sync_timeout=0.1)
    page = DevicesPage(store, lambda _environ: Visitor({"user_id": 1}, "an-id"))

    answer = TestApp(page).get(path.removeprefix("/devices"), status=503)

    assert "cannot be reached" in answer.text
    assert "cannot connect" in caplog.text


def test_answers_are_for_nobody_else_and_run_nothing_of_others(browser):
    headers = browser(42).get("/devices/").headers

    assert headers["Cache-Control"] == "no-store"
    assert "Cookie" in headers["Vary"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_has_no_code_or_style_within(browser):
    browser(42)
    html = browser(42).get("/devices/").html

    assert html.find_all("style") == []
    assert [
        tag for tag in html.find_all(True) for name in tag.attrs if name == "style" or name[:2] == "on"
    ] == []
    assert [script.text for script in html.find_all("script")] == [""]


def test_what_the_page_needs_is_served_for_ever(browser):
    this = browser(42)
    html = this.get("/devices/").html
    files = [html.find("link")["href"], html.find("script")["src"]]

    for file in files:
        answer = this.get(file)
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.content_type in {"text/css", "text/javascript"}


# -- its words and templates


def test_its_words_can_be_others(open_site):
    german = Texts(title="Ihre Geräte", browser_on_system="{browser} unter {system}", language="de")
    page = open_site(texts=german)(42).get("/devices/")

    assert page.html.find("h1").text == "Ihre Geräte"
    assert page.html.find("h2").text == "Firefox unter Windows"
    assert page.html.find("html")["lang"] == "de"


def test_its_words_can_be_chosen_for_a_request(open_site):
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


# -- administrators


def test_nobody_is_an_administrator_unless_the_application_says_so(browser, store):
    this = browser(42)

    assert this.get("/devices/admin", status=403)
    assert post(this, "/admin/sign-out", handle=store.find(limit=1000)[0].handle).status_int == 403
    assert store.count() == 1


@pytest.fixture
def administrator(open_site):
    """A browser of user 1, who may see everything."""
    return open_site(administers=lambda _request: True)(1)


def test_administrators_see_and_search_all_sessions(administrator, store):
    store.set_many({f"s{number}": {"user_id": 100 + number % 7} for number in range(120)})

    page = administrator.get("/devices/admin")
    assert len(page.html.select("tbody input")) == 50
    seen = [one["value"] for one in page.html.select("tbody input")]
    while page.html.select("a[rel=next]"):
        page = page.click(description="Next page")
        seen += [one["value"] for one in page.html.select("tbody input")]
    assert sorted(seen) == sorted(record.handle for record in store.find(limit=1000))

    form = administrator.get("/devices/admin").forms[0]
    form["user_id"] = "103"
    found = form.submit()
    assert len(found.html.select("tbody input")) == store.count(user_id=103)
    assert found.forms[0]["user_id"].value == "103"


def test_administrators_are_shown_how_many_sessions_began_when(administrator):
    days = administrator.get("/devices/admin").html.select(".days tr")

    assert len(days) == 14
    assert days[-1].text.split()[-1] == "1"


def test_administrators_end_what_they_select(administrator, store):
    store.set_many({f"s{number}": {"user_id": 2} for number in range(3)})
    form = administrator.get("/devices/admin?user_id=2").forms[1]
    for box in form.fields["handle"][:2]:
        box.checked = True

    answer = form.submit()

    assert "user_id=2" in answer.location
    assert "2 signed out." in answer.follow().text
    assert store.count(user_id=2) == 1


def test_what_is_no_handle_is_passed_over(administrator, store):
    store.set("other", {"user_id": 2})
    token = sessions(administrator)["csrf_token"]
    sent = {"handle": ["", "made up", "f" * 64, "\0", store.handle("other").upper(), store.handle("other")]}

    answer = administrator.post_json("/devices/admin/sign-out", sent, headers={"X-CSRF-Token": token})

    assert answer.json == {"signed_out": 1}


@pytest.mark.parametrize(
    "query", ["user_id=x", "user_id=99999999999", "user_id=%00", "user_id=1%27", "ip=" + "a" * 100]
)
def test_what_cannot_be_searched_for_is_said_so(administrator, query):
    page = administrator.get(f"/devices/admin?{query}")

    assert "does not fit the column" in page.text


@pytest.mark.parametrize(
    "query", ["-after=made-up", "-after=", "-after=%00", "no=1", "-done=<b>", "a" * 5_000]
)
def test_odd_queries_are_no_error(administrator, query):
    assert administrator.get(f"/devices/admin?{query}").status_int == 200


@pytest.mark.parametrize(
    "query", ["user_id=1&x=2", "https://evil.example", "//evil.example", "-after=%0d%0aX: y"]
)
def test_a_form_leads_back_to_the_page_only(administrator, query):
    location = post(administrator, "/admin/sign-out", query=query).location

    assert re.fullmatch(r"(http://localhost(:80)?)?/devices/admin\?\S*", location)


def test_a_program_of_an_administrator_can_do_the_same(administrator, store):
    store.set_many({f"s{number}": {"user_id": 2} for number in range(3)})
    headers = {"X-CSRF-Token": sessions(administrator)["csrf_token"]}
    handles = [record.handle for record in store.find(user_id=2)]

    answer = administrator.post_json("/devices/admin/sign-out", {"handle": handles[:2]}, headers=headers)

    assert answer.json == {"signed_out": 2}


class Colour(enum.Enum):
    RED = 1


ODD_COLUMNS = [
    Column("user_id", Integer, index=True),
    *(Column(name, Integer) for name in ("limit", "after", "done", "handle", "connection", "keep", "self")),
    Column("colour", Enum(Colour)),
    Column("raw", LargeBinary),
    Column("day", Date),
    Column("sure", Boolean),
    Column("rest", JSON),
]


def test_columns_may_have_any_name_and_type(make_store):
    store = make_store(schemas=ODD_COLUMNS)
    numbers = {"limit": 1, "after": 2, "done": 3, "handle": 4, "connection": 5, "keep": 6, "self": 7}
    odd = {"colour": Colour.RED, "raw": b"\0\1", "day": dt.date(2026, 11, 25), "sure": True, "rest": [1]}
    store.set("a", {"user_id": 1, **numbers, **odd})
    store.set("b", {"user_id": 1, "limit": 2})
    visitor = Visitor({"user_id": 1, "limit": 1}, "a")
    client = TestApp(DevicesPage(store, lambda _environ: visitor, administers=lambda _environ: True))

    assert len(client.get("/sessions").json["sessions"]) == 1
    assert client.get("/admin").html.find("input", {"name": "rest"}) is None
    written = {name: str(number) for name, number in numbers.items()}
    written |= {"colour": "RED", "raw": "0001", "day": "2026-11-25", "sure": "true"}
    for name, text in written.items():
        found = client.get("/admin", {name: text}).html.select("tbody tr")
        assert len(found) == 1, name
        assert text.lower() in found[0].text.lower()
    fields = {"csrf_token": client.get("/sessions").json["csrf_token"], "handle": store.handle("b")}
    assert client.post("/sign-out", fields, status=404)
    assert client.post("/sign-out-others", fields, status=303)
    assert store.count() == 2


# -- setting it up


def test_a_user_of_no_columns_is_refused_because_everybody_is_one():
    with pytest.raises(ConfigurationError, match="such as"):
        Visitor({}, "an-id")


def test_a_user_without_a_value_is_nobody(store):
    store.set_many({"mine": {}, "theirs": {"device": "theirs"}})
    client = TestApp(DevicesPage(store, lambda _environ: Visitor({"user_id": None}, "mine")))

    assert "theirs" not in client.get("/", status=401).text
    assert client.post("/sign-out-others", status=401)
    assert store.count() == 2


@pytest.mark.parametrize("path", ["/devices", "/devices/"])
def test_it_is_there_with_and_without_a_slash(browser, path):
    page = browser(42).get(path)
    page = page.follow() if page.status_int == 308 else page

    assert page.html.find("h1").text == "Your devices"


@pytest.mark.parametrize("path", ["devices", "/devices/", "/a/b", "/ger\u00e4te", "/with blank"])
def test_its_links_lead_to_where_it_is_mounted(host, store, path):
    client = TestApp(SITES[host](store, path=path))
    client.get("/sign-in?user=42")
    store.set("other", {"user_id": 42})
    where = quote(f"/{path.strip('/')}")

    page = client.get(f"{where}/")
    client.get(page.html.find("link")["href"])
    answer = page.forms[0].submit()

    assert answer.location.endswith(f"{where}/?done=one")
    assert answer.follow().html.find("h1").text == "Your devices"
    assert store.count() == 1


@pytest.mark.parametrize("path", ["", "/", None])
def test_it_is_not_the_whole_site(host, store, path):
    with pytest.raises(ConfigurationError, match="such as '/devices'"):
        SITES[host](store, path=path)


def test_pyramids_route_prefix_counts(store):
    config = Configurator(settings={"schema_session.store": store, "schema_session.cookie_secure": "false"})
    config.include("pyramid_schema_session")
    config.include(lambda config: config.add_devices_page(), route_prefix="{tenant}/app")
    store.set_many({"this": {"user_id": 42}, "other": {"user_id": 42}})
    client = TestApp(config.make_wsgi_app(), extra_environ={"HTTP_COOKIE": "session=this"})

    page = client.get("/acme/app/devices/")
    assert client.get(page.html.find("link")["href"])
    assert page.forms[0].submit().location.endswith("/acme/app/devices/?done=one")


def test_flasks_form_may_have_been_read_before(store):
    app = SITES["flask"](store)
    app.before_request(lambda: flask.request.form.get("x") and None)
    client = TestApp(app)
    client.get("/sign-in?user=42")
    store.set("other", {"user_id": 42})

    assert client.get("/devices/").forms[0].submit().status_int == 303
    assert post(client, "/sign-out-others").status_int == 303
    assert store.count() == 1


@pytest.mark.parametrize("commits", [True, False])
def test_pyramids_transaction_has_what_is_ended_too(store, url, commits):
    """SQLite has one writer at a time: on another connection it would wait for the request itself."""
    engine = create_engine(url)
    store.wait_for_sync()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (text TEXT)")

    def dbsession(request):
        session = OrmSession(engine)
        zope.sqlalchemy.register(session, transaction_manager=request.tm)
        return session

    def write(event):
        request = event.request
        request.dbsession.connection().exec_driver_sql("INSERT INTO notes VALUES ('seen')")
        if not commits:
            request.tm.doom()

    settings = {"store": store, "cookie_secure": "false", "transactional": "true"}
    config = Configurator(settings={f"schema_session.{name}": value for name, value in settings.items()})
    config.include("pyramid_tm")
    config.include("pyramid_schema_session")
    config.add_request_method(dbsession, "dbsession", reify=True)
    config.add_devices_page()
    config.add_subscriber(write, ContextFound)
    store.set_many({"this": {"user_id": 42}, "other": {"user_id": 42}})
    client = TestApp(config.make_wsgi_app(), extra_environ={"HTTP_COOKIE": "session=this"})

    assert post(client, "/sign-out", handle=store.handle("other")).status_int == 303
    assert store.has("other") is not commits
    engine.dispose()


@pytest.mark.parametrize("host", ["beaker", "flask", "pyramid"])
def test_a_store_that_cannot_tell_whose_a_session_is_is_refused_at_start(make_store, host):
    store = make_store(schemas="user Integer")

    with pytest.raises(ConfigurationError, match="or name yours in user_field="):
        SITES[host](store)


def test_it_shows_no_handles_that_are_ids(make_store):
    store = make_store(hash_sid=False)

    with pytest.raises(ConfigurationError, match="hash_sid=False"):
        DevicesPage(store, lambda _environ: None)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"origins": "https://account.example"}, "origins takes a list"),
        ({"origins": ["https://account.example/"]}, "origins takes a list"),
    ],
)
def test_what_cannot_work_is_refused(store, arguments, problem):
    with pytest.raises(ConfigurationError, match=problem):
        DevicesPage(**{"store": store, "visitor": lambda _environ: None, **arguments})


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda store: "sqlite://", "DevicesPage takes a SessionStore, not str"),
        (SchemaCache, "DevicesPage takes a SessionStore, not SchemaCache, pass its .store"),
    ],
)
def test_what_is_no_store_is_refused_with_what_is_meant(store, make, problem):
    with pytest.raises(WrongArgument, match=re.escape(problem)):
        DevicesPage(make(store), lambda _environ: None)


def test_flask_takes_the_cache_and_not_its_store(store):
    with pytest.raises(WrongArgument, match="takes the SchemaCache of SESSION_CACHELIB, not SessionStore"):
        add_devices(flask.Flask(__name__), store)


@pytest.mark.parametrize("user", [42, "ann", None])
def test_a_visitor_is_made_of_columns(user):
    with pytest.raises(WrongArgument, match=re.escape("such as {'user_id': 42}, not ")) as caught:
        Visitor(user, "an-id")

    assert "ann" not in str(caught.value)


@pytest.mark.parametrize("sid", [None, 7, b"an-id"])
def test_a_visitor_has_the_id_of_a_session(sid):
    with pytest.raises(WrongArgument, match="the id of the request's session as text, not "):
        Visitor({"user_id": 42}, sid)


@pytest.mark.parametrize("returned", [42, "ann", {"user_id": 42}, False])
def test_a_plain_value_is_no_visitor(store, returned):
    page = TestApp(DevicesPage(store, lambda _environ: returned))

    for path in ("/", "/sessions", "/admin"):
        with pytest.raises(WrongArgument, match="must return a Visitor, such as Visitor") as caught:
            page.get(path)
        assert "ann" not in str(caught.value)


def test_no_repr_has_an_id_or_a_user():
    assert "42" not in repr(Visitor({"user_id": 42}, "an-id"))
    assert "an-id" not in repr(Visitor({"user_id": 42}, "an-id"))


def test_json_is_what_programs_expect(browser):
    assert json.loads(browser(42).get("/devices/sessions").body)["sessions"][0]["current"] is True
