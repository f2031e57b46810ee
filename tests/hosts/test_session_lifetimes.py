"""P6 and P9 through each host: how long sessions live, and what renews them."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from browsing import LOGIN

from clocks import DAY, HOUR, MINUTE
from schema_session_backend import ConfigurationError

TIMESTAMPS = pytest.mark.parametrize("timestamps", [True, False], ids=["timestamps", "no timestamps"])


# -- visitors and users


@TIMESTAMPS
def test_p6_a_visitors_session_ends_earlier_than_a_users(moved_store, let_pass, open_site, timestamps):
    store = moved_store(timestamps=timestamps, anonymous_max_age=HOUR)
    site = open_site(store=store, timeout=30 * DAY)
    visitor, user = site.browser(), site.browser()
    visitor.visit(site.saving(cart=[1]))
    user.log_in()
    for _ in range(3):
        let_pass(HOUR - 2 * MINUTE)
        assert visitor.data() == {"cart": [1]}
    let_pass(HOUR + MINUTE)

    assert visitor.data() == {}
    let_pass(29 * DAY)
    assert user.data() == LOGIN


@TIMESTAMPS
def test_p6_a_visitor_who_signs_in_has_the_timeout_of_users(moved_store, let_pass, open_site, timestamps):
    site = open_site(store=moved_store(timestamps=timestamps, anonymous_max_age=HOUR), timeout=30 * DAY)
    browser = site.browser()
    browser.visit(site.saving(cart=[1]))
    browser.visit(site.renewing(**LOGIN))
    let_pass(29 * DAY)
    assert browser.data() == LOGIN

    browser.visit(site.saving(without=["user_id"]))
    let_pass(HOUR + MINUTE)
    assert browser.data() == {}


# -- requests that do not renew

KNOWING_HOSTS = pytest.mark.parametrize("host", ["SchemaSession", "flask", "pyramid"])


@pytest.fixture(params=["path", "call"])
def polling(request, moved_store, open_site, timestamps):
    """A store, a signed-in browser, and how it polls, doing something with the session."""
    store = moved_store(timestamps=timestamps)
    if request.param == "path":
        site = open_site(store=store, timeout=HOUR, unrenewed_paths="/poll /live/events")
        paths = itertools.cycle(["/poll", "/poll/7", "/live/events?since=1"])

        def poll(do):
            return browser.visit(do, next(paths))
    else:
        site = open_site(store=store, timeout=HOUR)

        def poll(do):
            def both(session):
                site.keep_expiry(session)
                return do(session)

            return browser.visit(both)

    browser = site.browser()
    browser.log_in()
    return SimpleNamespace(store=store, site=site, browser=browser, poll=poll)


@KNOWING_HOSTS
@TIMESTAMPS
@pytest.mark.parametrize("writes", [False, True], ids=["read", "write"])
def test_p6_polling_does_not_keep_a_session_alive(polling, let_pass, writes):
    before = stored_expiry(polling.store)
    for count in range(1, 3):
        let_pass(HOUR / 3)
        if writes:
            polling.poll(polling.site.saving(count=count))
        assert polling.poll(lambda session: session.get("user_id")) == 42
        assert not polling.browser.was_sent_cookie
    assert stored_expiry(polling.store) == before
    assert [record.data.get("count") for record in polling.store.find(user_id=42)] == [2 if writes else None]

    let_pass(HOUR / 3 + 3 * MINUTE)
    assert polling.browser.data() == {}


@KNOWING_HOSTS
@TIMESTAMPS
def test_p6_other_requests_still_renew_the_session(polling, let_pass):
    for _ in range(3):
        let_pass(HOUR / 2)
        polling.poll(dict)
        let_pass(HOUR / 3)
        assert polling.browser.data() == LOGIN


@KNOWING_HOSTS
@TIMESTAMPS
def test_p13_a_request_that_does_not_renew_can_sign_in_and_out(polling, let_pass):
    old = polling.browser.cookie
    let_pass(HOUR / 2)
    polling.poll(polling.site.renewing(user_id=43))
    assert polling.browser.was_sent_cookie
    assert polling.browser.cookie != old
    assert polling.browser.data()["user_id"] == 43

    polling.poll(polling.site.end)
    assert polling.browser.data() == {}
    assert polling.store.count() == 0
    polling.poll(polling.site.saving(cart=[1]))
    assert polling.browser.data() == {"cart": [1]}


@KNOWING_HOSTS
@pytest.mark.parametrize("path", ["/", "/polls", "/poll.json", "/app/poll", "/POLL", "/%C3%A9"])
def test_p6_other_paths_renew(moved_store, let_pass, open_site, path):
    site = open_site(store=moved_store(), timeout=HOUR, unrenewed_paths="/poll/")
    browser = site.browser()
    browser.log_in()
    for _ in range(2):
        let_pass(HOUR - 2 * MINUTE)
        assert browser.visit(lambda session: session.get("user_id"), path) == 42


@KNOWING_HOSTS
def test_p9_a_request_that_does_not_renew_costs_nothing_more(counted, counter, open_site):
    site = open_site(store=counted(touch_interval=0), unrenewed_paths="/poll")
    browser = site.browser()
    browser.log_in()
    with counter.expect(1):
        browser.visit(dict, "/poll")
    with counter.expect(2):
        browser.visit(site.saving(cart=[2]), "/poll")
    with counter.expect(2):
        browser.data()


@KNOWING_HOSTS
@pytest.mark.parametrize("paths", ["poll", "/poll, /events", "/poll;/events", "/poll/*", None, 7, ["/poll"]])
def test_paths_that_are_none_are_refused_at_start(open_site, paths):
    with pytest.raises(ConfigurationError, match=r"unrenewed_paths takes paths that begin with /"):
        open_site(unrenewed_paths=paths)


def stored_expiry(store):
    """When the only session expires."""
    [record] = store.find(limit=10)
    return record.expires_at
