"""P9 through each host, counted on the wire: what a request costs, and what it does not write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browsing import LOGIN, in_flight
from values import stored_rows

if TYPE_CHECKING:
    from schema_session_backend import SessionStore

HOUR = 3600


@pytest.fixture
def store(counted) -> SessionStore:
    """A store whose statements are counted."""
    store = counted()
    # The first connection has to be set up, which is no part of a request.
    store.count()
    return store


@pytest.fixture
def site(open_site):
    """A site whose sessions time out after an hour."""
    return open_site(timeout=HOUR)


def test_p9_a_hundred_requests_that_only_look_are_a_hundred_reads(browser, store, counter):
    for _ in range(10):
        # psycopg prepares what it has seen a few times, which is one more round trip.
        browser.data()
    before = stored_rows(store)

    with counter.expect(100):
        for _ in range(100):
            assert browser.visit(lambda session: session["user_id"]) == 42

    assert stored_rows(store) == before


def test_p9_a_visitor_without_a_cookie_costs_nothing(site, counter):
    visitor = site.browser()

    with counter.expect(0):
        visitor.data()
        visitor.visit(lambda session: "user_id" in session)


def test_p9_an_unknown_cookie_costs_one_read(site, store, counter):
    with counter.expect(1):
        site.browser("a" * 32).visit(lambda session: "user_id" in session)

    assert stored_rows(store) == []


def test_p9_a_first_save_is_one_statement(site, counter):
    with counter.expect(1):
        site.browser().log_in()


def test_p9_a_change_is_a_read_and_a_write(site, browser, counter):
    with counter.expect(2):
        browser.visit(lambda session: [session.update(cart=[2]), site.save(session)])


def test_p9_a_save_of_equal_values_is_only_a_read(site, browser, counter):
    with counter.expect(1):
        browser.visit(lambda session: [session.update(LOGIN), site.save(session)])


def test_p9_a_logout_is_a_read_and_a_delete(browser, counter):
    with counter.expect(2):
        browser.log_out()


@pytest.mark.parametrize("host", ["SchemaSession", "flask", "pyramid"])
def test_p9_a_new_id_is_a_read_and_a_write(site, browser, counter):
    with counter.expect(2):
        browser.visit(lambda session: [site.new_id(session), session.update(cart=[2]), site.save(session)])
    with counter.expect(2):
        browser.visit(site.new_id)


def test_p9_a_request_that_only_looked_does_not_write_because_another_one_did(site, browser, store):
    other = site.browser(browser.cookie)
    with in_flight(browser, lambda session: session.get("cart")):
        other.visit(lambda session: [session.update(cart=[2]), site.save(session)])
        before = stored_rows(store)

    assert stored_rows(store) == before


def test_p9_the_expiry_is_moved_once_in_a_while(moved_store, let_pass, open_site):
    store = moved_store(timestamps=True)
    browser = open_site(store=store, timeout=HOUR).browser()
    browser.log_in()
    seen = {str(stored_rows(store))}
    for _ in range(60):
        let_pass(10)
        browser.data()
        seen.add(str(stored_rows(store)))

    assert len(seen) == 1 + 60 * 10 // 60


def test_p9_no_log_line_has_an_id_or_a_value(site, store, caplog):
    caplog.set_level("DEBUG", logger="schema_session_backend")
    browser = site.browser()
    browser.log_in(secret="hunter2")
    sid = browser.sid()
    with in_flight(browser, lambda session: [session.update(secret="hunter3"), site.save(session)]):
        store.destroy(sid)

    assert "ended meanwhile" in caplog.text
    assert sid not in caplog.text
    assert "hunter" not in caplog.text
