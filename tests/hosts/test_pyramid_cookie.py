"""The cookie of Pyramid's sessions, and the other headers of answers."""

from __future__ import annotations

import pytest
from browsing import LOGIN
from pyramid_answers import answer
from values import no_sql, stored_rows

HOUR = 3600


@pytest.fixture
def host():
    """The host that this file is about."""
    return "pyramid"


# -- laziness


def test_a_request_that_never_reads_its_session_runs_no_sql(store):
    store.wait_for_sync()
    with no_sql(store):
        headers = answer(store, lambda request: repr(request.session), "__Host-session=" + "a" * 43).headers

    assert not {"Set-Cookie", "Vary", "Cache-Control"} & set(headers)


LOOKS = {
    "get": lambda session: session.get("user_id"),
    "in": lambda session: "user_id" in session,
    "len": len,
    "iteration": list,
    "items": lambda session: list(session.items()),
    "new": lambda session: session.new,
    "created": lambda session: session.created,
    "changed": lambda session: session.changed(),
    "peek_flash": lambda session: session.peek_flash(),
    "handle": lambda session: session.handle,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_reading_the_session_makes_the_answer_depend_on_the_cookie_and_stores_nothing(store, look):
    store.wait_for_sync()
    headers = answer(store, lambda request: look(request.session)).headers

    assert headers["Vary"] == "Cookie"
    assert "no-store" in headers["Cache-Control"]
    assert "Set-Cookie" not in headers
    assert stored_rows(store) == []


def test_vary_headers_of_the_application_stay(store):
    def do(request):
        request.add_response_callback(lambda request, response: setattr(response, "vary", ("Accept",)))
        request.session.get("user_id")

    assert {*answer(store, do).headers["Vary"].split(", ")} == {"Accept", "Cookie"}


# -- cookies


def test_the_cookie_is_safe_by_default(store):
    cookie = answer(store, lambda request: request.session.update(LOGIN)).headers["Set-Cookie"]
    value, *attributes = cookie.split("; ")

    assert value.startswith("__Host-session=")
    assert len(value.partition("=")[2]) == 43
    assert {one.lower() for one in attributes} == {"path=/", "secure", "httponly", "samesite=lax"}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"cookie_path": "/shop"}, "__Secure-session"),
        ({"cookie_domain": "example.org"}, "__Secure-session"),
        ({"cookie_secure": False}, "session"),
        ({"cookie_name": "site"}, "site"),
    ],
)
def test_the_cookies_name_has_the_prefix_that_its_attributes_allow(store, options, name):
    headers = answer(store, lambda request: request.session.update(LOGIN), **options).headers

    assert headers["Set-Cookie"].startswith(f"{name}=")


@pytest.mark.parametrize("max_age", [None, HOUR])
@pytest.mark.parametrize("idle_for", [1, HOUR])
def test_a_cookie_that_lasts_is_renewed_together_with_the_session(moved_store, clock, max_age, idle_for):
    store = moved_store(max_age=2 * HOUR)
    store.set("an-id", {"user_id": 42})
    clock.advance(idle_for)
    sent = answer(
        store,
        lambda request: request.session.get("user_id"),
        "__Host-session=an-id",
        cookie_max_age=max_age,
    ).headers.get("Set-Cookie", "")

    assert ("__Host-session=an-id" in sent) is (max_age is not None and idle_for == HOUR)


JUNK = {
    "empty": b"",
    "NUL": b'"\\000abc"',
    "not UTF-8": b'"\\377\\376"',
    "raw bytes": b"\xff\xfe",
    "10 KB": b"a" * 10_000,
    "quotes": b'"\\"; DROP TABLE sessions; --"',
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_a_request_with_a_broken_cookie_has_a_new_session(site, store, junk):
    store.wait_for_sync()

    assert site.browser().send(b"session=" + junk) == {}
    assert stored_rows(store) == []


@pytest.mark.parametrize("other", [b'other="caf\\351"', b"other=caf\xe9", b"other", b'other="'])
def test_a_broken_cookie_of_another_application_ends_no_session(site, browser, other):
    cookie = f"session={browser.cookie}; ".encode()

    assert site.browser().send(cookie + other) == LOGIN
