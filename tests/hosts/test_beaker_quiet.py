"""P9 through Beaker, counted on the wire: what a request costs, and what it does not write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from beaker_site import LOGIN, in_flight
from values import stored_rows

from schema_session_backend.beaker import SchemaSession

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
def browser(open_site):
    """A browser that is signed in."""
    browser = open_site(timeout=HOUR).browser()
    browser.log_in()
    return browser


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_p9_a_hundred_requests_that_only_look_are_a_hundred_reads(open_site, store, counter, serializer):
    browser = open_site(timeout=HOUR, data_serializer=serializer).browser()
    browser.log_in()
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
        visitor.visit(lambda session: session.delete())


def test_p9_a_page_that_does_not_ask_for_the_session_costs_nothing(browser, counter):
    with counter.expect(0):
        browser.visit(lambda session: None)


@pytest.mark.parametrize("ask", [lambda session: "user_id" in session, lambda session: session.delete()])
def test_p9_an_unknown_cookie_costs_one_read(site, store, counter, ask):
    with counter.expect(1):
        site.browser("a" * 32).visit(ask)

    assert stored_rows(store) == []


def test_p9_a_first_save_is_one_statement(site, counter):
    with counter.expect(1):
        site.browser().log_in()


def test_p9_a_change_is_a_read_and_a_write(browser, counter):
    with counter.expect(2):
        browser.visit(lambda session: [session.update(cart=[2]), session.save()])


def test_p9_a_save_of_equal_values_is_only_a_read(browser, counter):
    with counter.expect(1):
        browser.visit(lambda session: [session.update(LOGIN), session.save()])


def test_p9_a_logout_is_a_read_and_a_delete(browser, counter):
    with counter.expect(2):
        browser.visit(lambda session: session.delete())


@pytest.mark.parametrize("session_class", [SchemaSession])
def test_p9_a_new_id_is_a_read_and_a_write(browser, counter):
    with counter.expect(2):
        browser.visit(lambda session: [session.regenerate_id(), session.update(cart=[2]), session.save()])
    with counter.expect(2):
        browser.visit(lambda session: session.regenerate_id())


def test_p9_get_by_id_is_one_read(site, browser, counter):
    sid = browser.sid()

    with counter.expect(1):
        site.browser().visit(lambda session: session.get_by_id(sid))


def test_p9_a_request_that_only_looked_does_not_write_because_another_one_did(browser, open_site, store):
    other = open_site(timeout=HOUR).browser(browser.cookie)
    with in_flight(browser, lambda session: session.get("cart")):
        other.visit(lambda session: [session.update(cart=[2]), session.save()])
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
    with in_flight(browser, lambda session: [session.update(secret="hunter3"), session.save()]):
        store.destroy(sid)

    assert "ended meanwhile" in caplog.text
    assert sid not in caplog.text
    assert "hunter" not in caplog.text
