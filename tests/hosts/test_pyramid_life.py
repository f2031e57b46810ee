"""Pyramid's sessions get a new id, end, and survive requests that fail."""

from __future__ import annotations

import pytest
from browsing import LOGIN, in_flight
from pyramid.httpexceptions import HTTPBadRequest
from pyramid_answers import answer
from values import stored_rows

from schema_session_backend import InvalidField, StoreUnavailable, UnserializableValue

HOUR = 3600


@pytest.fixture
def host():
    """The host that this file is about."""
    return "pyramid"


# -- a session that has ended


@pytest.mark.parametrize("rotate", [True, False])
def test_no_cookie_is_sent_for_a_session_that_was_revoked_during_the_request(store, rotate):
    store.set("an-id", {"user_id": 42})

    def do(request):
        request.session["cart"] = [1]
        if rotate:
            request.session.rotate()
        store.destroy("an-id")

    sent = answer(store, do, "__Host-session=an-id", cookie_max_age=HOUR)

    assert "Set-Cookie" not in sent.headers
    assert store.count() == 0


@pytest.mark.parametrize("end", ["unknown", "destroyed", "expired"])
def test_the_id_of_no_live_session_is_never_adopted(moved_store, let_pass, open_site, end):
    store = moved_store(max_age=600)
    site = open_site(store=store)
    browser = site.browser("a" * 43)
    if end != "unknown":
        browser.log_in()
    sent = browser.cookie
    if end == "destroyed":
        store.destroy(sent)
    if end == "expired":
        let_pass(601)
    browser.log_in()

    assert browser.cookie != sent
    assert not store.has(sent)
    assert browser.data() == LOGIN


# -- ending and a new id


def test_invalidate_ends_the_row_at_once_and_a_later_write_starts_a_new_id(site, browser, store):
    old = browser.cookie

    def do(session):
        session.invalidate()
        assert stored_rows(store) == []
        assert (dict(session), session.new, session.handle) == ({}, True, None)
        session["user_id"] = 43

    browser.visit(do)

    assert browser.cookie != old
    assert browser.data() == {"user_id": 43}
    assert store.count() == 1


def test_invalidate_alone_removes_the_cookie(site, browser):
    browser.log_out()

    assert browser.cookie == ""
    assert browser.data() == {}


@pytest.mark.parametrize("timestamps", [True, False])
def test_rotate_keeps_the_data_and_the_creation_time_under_a_new_id(make_store, open_site, timestamps):
    store = make_store(timestamps=timestamps)
    site = open_site(store=store)
    browser = site.browser()
    browser.log_in()
    old, created = browser.cookie, browser.visit(lambda session: session.created)
    browser.visit(site.renewing(cart=[2]))

    assert browser.cookie != old
    assert not store.has(old)
    assert browser.data() == LOGIN | {"cart": [2]}
    assert browser.visit(lambda session: session.created) == created


def test_a_login_that_fails_leaves_the_previous_session(site, browser, store):
    before = stored_rows(store)

    with pytest.raises(InvalidField):
        browser.visit(site.renewing(user_id="43"))

    assert stored_rows(store) == before
    assert browser.data() == LOGIN


def test_only_one_of_two_simultaneous_logins_counts_and_the_browser_keeps_its_cookie(site, browser, store):
    slower = site.browser(browser.cookie)
    old = browser.cookie
    with in_flight(slower, lambda session: session.rotate()):
        browser.visit(site.renewing(user_id=43))

    assert slower.cookie == old
    assert browser.data() == LOGIN | {"user_id": 43}
    assert store.count() == 1


# -- what fails


@pytest.mark.parametrize(
    ("change", "error"),
    [({"user_id": "42"}, InvalidField), ({"thing": object()}, UnserializableValue)],
    ids=["column", "object"],
)
def test_a_value_that_cannot_be_stored_is_an_error_and_the_old_session_stays(
    site, browser, store, change, error
):
    with pytest.raises(error):
        browser.visit(lambda session: session.update(change))
    assert browser.data() == LOGIN

    visitor = site.browser()
    with pytest.raises(error):
        visitor.visit(lambda session: session.update(change))
    assert visitor.cookie == ""
    assert store.count() == 1


def test_an_outage_is_an_error_and_sends_no_cookie(open_site, down):
    visitor = open_site(store=down).browser()
    with pytest.raises(StoreUnavailable):
        visitor.log_in()
    assert visitor.cookie == ""
    visitor.cookie = "a" * 43
    with pytest.raises(StoreUnavailable):
        visitor.data()


def test_an_unhandled_exception_saves_nothing(browser, store):
    before = stored_rows(store)

    def do(session):
        session["cart"] = [2]
        raise LookupError

    with pytest.raises(LookupError):
        browser.visit(do)
    assert stored_rows(store) == before


@pytest.mark.parametrize("set_on_exception", [True, False])
def test_set_on_exception_says_whether_an_exception_views_session_is_saved(store, set_on_exception):
    def do(request):
        request.session.update(LOGIN)
        raise HTTPBadRequest

    headers = answer(store, do, set_on_exception=set_on_exception).headers

    assert ("Set-Cookie" in headers) is set_on_exception
    assert store.count() == int(set_on_exception)
    assert headers["Vary"] == "Cookie"


# -- after the view


def test_changes_by_other_response_callbacks_are_saved(store):
    def do(request):
        request.session["user_id"] = 42
        request.add_response_callback(lambda request, _response: request.session.flash("late"))

    answer(store, do)

    [record] = store.find(limit=1000)
    assert record.data["_f_"] == ["late"]


def test_after_the_answer_the_session_knows_its_handle(store):
    seen = []

    def do(request):
        request.session.rotate()
        request.session["user_id"] = 42
        request.add_finished_callback(lambda request: seen.append(request.session.handle))

    answer(store, do, "__Host-session=an-id")

    assert seen == [record.handle for record in store.find(limit=1000)]
