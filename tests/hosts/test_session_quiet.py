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


def test_p9_a_hundred_requests_that_only_read_are_a_hundred_statements(browser, store, counter):
    for _ in range(10):
        # psycopg prepares a statement at its fifth execution, which is a further round trip.
        browser.data()
    before = stored_rows(store)

    with counter.expect(100):
        for _ in range(100):
            assert browser.visit(lambda session: session["user_id"]) == 42

    assert stored_rows(store) == before


def test_p9_a_request_without_a_cookie_runs_no_sql(site, counter):
    visitor = site.browser()

    with counter.expect(0):
        visitor.data()
        visitor.visit(lambda session: "user_id" in session)


def test_p9_an_unknown_cookie_costs_one_statement(site, store, counter):
    with counter.expect(1):
        site.browser("a" * 32).visit(lambda session: "user_id" in session)

    assert stored_rows(store) == []


def test_p9_a_first_save_is_one_statement(site, counter):
    with counter.expect(1):
        site.browser().log_in()


def test_p9_a_change_is_a_read_and_a_write(site, browser, counter):
    with counter.expect(2):
        browser.visit(site.saving(cart=[2]))


def test_p9_a_save_of_equal_values_is_only_a_read(site, browser, counter):
    with counter.expect(1):
        browser.visit(site.saving(**LOGIN))


def test_p9_a_logout_is_a_read_and_a_delete(browser, counter):
    with counter.expect(2):
        browser.log_out()


@pytest.mark.parametrize("host", ["SchemaSession", "flask", "pyramid"])
def test_p9_a_new_id_is_a_read_and_a_transaction_of_two_writes(site, browser, counter):
    with counter.expect(1 + 4):
        browser.visit(site.renewing(cart=[2]))
    with counter.expect(1 + 4):
        browser.visit(site.new_id)


def test_p9_a_request_that_only_read_does_not_write_after_another_request_wrote(site, browser, store):
    other = site.browser(browser.cookie)
    with in_flight(browser, lambda session: session.get("cart")):
        other.visit(site.saving(cart=[2]))
        before = stored_rows(store)

    assert stored_rows(store) == before


def test_p9_the_expiry_is_moved_at_most_once_per_touch_interval(moved_store, let_pass, open_site):
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
    with in_flight(browser, site.saving(secret="hunter3")):
        store.destroy(sid)

    assert "ended meanwhile" in caplog.text
    assert sid not in caplog.text
    assert "hunter" not in caplog.text
