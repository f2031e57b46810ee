"""Administrators see, search and end all sessions."""

from __future__ import annotations

import datetime as dt
import enum
import re

import pytest
from devices_calls import post, sessions
from sqlalchemy import JSON, Boolean, Column, Date, Enum, Integer, LargeBinary
from webtest import TestApp

from schema_session_backend.devices import DevicesPage, Visitor


def test_a_visitor_is_an_administrator_only_if_the_application_says_so(browser, store):
    this = browser(42)

    assert this.get("/devices/admin", status=403)
    assert post(this, "/admin/sign-out", handle=store.find(limit=1000)[0].handle).status_int == 403
    assert store.count() == 1


@pytest.fixture
def administrator(open_site):
    """A browser of user 1, who may see everything."""
    return open_site(administers=lambda *_: True)(1)


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


def test_administrators_see_how_many_sessions_began_on_each_day(administrator):
    days = administrator.get("/devices/admin").html.select(".days tr")

    assert len(days) == 14
    assert days[-1].text.split()[-1] == "1"


def test_administrators_end_the_sessions_that_they_select(administrator, store):
    store.set_many({f"s{number}": {"user_id": 2} for number in range(3)})
    form = administrator.get("/devices/admin?user_id=2").forms[1]
    for box in form.fields["handle"][:2]:
        box.checked = True

    answer = form.submit()

    assert "user_id=2" in answer.location
    assert "2 signed out." in answer.follow().text
    assert store.count(user_id=2) == 1


def test_texts_that_are_no_handles_are_passed_over(administrator, store):
    store.set("other", {"user_id": 2})
    token = sessions(administrator)["csrf_token"]
    sent = {"handle": ["", "made up", "f" * 64, "\0", store.handle("other").upper(), store.handle("other")]}

    answer = administrator.post_json("/devices/admin/sign-out", sent, headers={"X-CSRF-Token": token})

    assert answer.json == {"signed_out": 1}


@pytest.mark.parametrize(
    "query", ["user_id=x", "user_id=99999999999", "user_id=%00", "user_id=1%27", "ip=" + "a" * 100]
)
def test_a_search_value_that_does_not_fit_is_explained_on_the_page(administrator, query):
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
def test_an_administrators_form_leads_back_to_the_page_only(administrator, query):
    location = post(administrator, "/admin/sign-out", query=query).location

    assert re.fullmatch(r"(http://localhost(:80)?)?/devices/admin\?\S*", location)


def test_an_administrator_can_end_sessions_with_json(administrator, store):
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
