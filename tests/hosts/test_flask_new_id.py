"""Flask-Session's `regenerate` keeps a session under a new id."""

from __future__ import annotations

import pytest
from browsing import LOGIN, in_flight
from values import stored_rows

from schema_session_backend import InvalidField

HOUR = 3600


@pytest.fixture
def host():
    """The host that this file is about."""
    return "flask"


def created(store):
    return [record.created_at for record in store.find(limit=1000)]


def test_regenerate_keeps_the_session_and_its_creation_time_under_a_new_id(site, browser, store):
    old, before = browser.sid(), created(store)

    def change_and_renew(session):
        session["cart"] = [2]
        site.new_id(session)

    browser.visit(change_and_renew)

    assert browser.sid() != old
    assert browser.data() == LOGIN | {"cart": [2]}
    assert store.get(old) is None
    assert created(store) == before


def test_p6_regenerate_does_not_extend_the_absolute_timeout(moved_store, let_pass, open_site):
    store = moved_store(timestamps=True, absolute_max_age=HOUR)
    site = open_site(store=store)
    browser = site.browser()
    browser.log_in()
    let_pass(HOUR - 60)
    browser.visit(site.new_id)
    assert browser.data() == LOGIN
    let_pass(70)

    assert browser.data() == {}


def test_p4_regenerate_keeps_what_another_request_saved_meanwhile(site, browser):
    other = site.browser(browser.cookie)
    with in_flight(browser, site.renewing(device="laptop")):
        other.visit(lambda session: session.update(cart=[2]))

    assert browser.data() == LOGIN | {"device": "laptop", "cart": [2]}


@pytest.mark.parametrize("when", ["before", "after"])
def test_p5_a_session_that_was_revoked_does_not_come_back_by_regenerate(site, browser, store, when):
    def do(session):
        if when == "after":
            site.new_id(session)
        assert store.revoke_where(user_id=42) == 1
        if when == "before":
            site.new_id(session)

    browser.visit(do)

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_p5_a_session_that_was_revoked_after_a_save_under_its_new_id_does_not_come_back(site, browser, store):
    def do(session):
        site.new_id(session)
        assert site.cache.set(site.sid(session), dict(session)) is True
        assert store.revoke_where(user_id=42) == 1

    browser.visit(do)

    assert store.count() == 0


def test_p4_a_request_under_the_old_id_is_saved_under_the_new_one(site, browser, store):
    other = site.browser(browser.cookie)
    with in_flight(other, lambda session: session.update(cart=[2])):
        browser.visit(site.new_id)

    assert store.count() == 1
    assert browser.data() == LOGIN | {"cart": [2]}
    assert other.data() == {}


def test_regenerate_can_be_called_twice_and_by_a_new_visitor(site, store):
    browser = site.browser()

    def renew_twice(session):
        site.new_id(session)
        session.update(LOGIN)
        site.new_id(session)

    for _ in range(2):
        browser.visit(renew_twice)

    assert browser.data() == LOGIN
    assert store.count() == 1


def test_a_logout_after_regenerate_removes_the_row(site, browser, store):
    def renew_and_log_out(session):
        site.new_id(session)
        site.end(session)

    browser.visit(renew_and_log_out)

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_a_login_that_fails_leaves_the_previous_session(site, browser, store):
    before = stored_rows(store)

    with pytest.raises(InvalidField):
        browser.visit(site.renewing(user_id="43"))

    assert stored_rows(store) == before
    assert browser.data() == LOGIN
