"""P6 and P9 through each host: how long sessions live, and what renews them."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from types import SimpleNamespace

import pytest
from browsing import LOGIN

import schema_session_backend.beaker.requests
from clocks import DAY, HOUR, MINUTE
from schema_session_backend import ConfigurationError
from schema_session_backend.beaker import RequestMiddleware

MONTH = 30 * DAY
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


def knowing_paths(site):
    """The site with the middleware that tells Beaker's sessions of requests."""
    site.application = RequestMiddleware(site.application)
    return site


@pytest.fixture(params=["path", "call"])
def polling(request, moved_store, open_site, timestamps):
    """A store, a signed-in browser, and how it polls, doing something with the session."""
    paths = "/poll /live/events" if request.param == "path" else ""
    store = moved_store(timestamps=timestamps, unrenewed_paths=paths)
    site = knowing_paths(open_site(store=store, timeout=HOUR))
    if paths:
        polled = itertools.cycle(["/poll", "/poll/7", "/live/events?since=1"])

        def poll(do):
            return browser.visit(do, next(polled))
    else:

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


@pytest.mark.parametrize("path", ["/", "/polls", "/poll.json", "/app/poll", "/POLL", "/%C3%A9"])
def test_p6_other_paths_renew(moved_store, let_pass, open_site, path):
    site = knowing_paths(open_site(store=moved_store(unrenewed_paths="/poll/"), timeout=HOUR))
    browser = site.browser()
    browser.log_in()
    for _ in range(2):
        let_pass(HOUR - 2 * MINUTE)
        assert browser.visit(lambda session: session.get("user_id"), path) == 42


@KNOWING_HOSTS
def test_p9_a_request_that_does_not_renew_costs_nothing_more(counted, counter, open_site):
    site = knowing_paths(open_site(store=counted(touch_interval=0, unrenewed_paths="/poll")))
    browser = site.browser()
    browser.log_in()
    with counter.expect(1):
        browser.visit(dict, "/poll")
    with counter.expect(2):
        browser.visit(site.saving(cart=[2]), "/poll")
    with counter.expect(2):
        browser.data()


@pytest.mark.parametrize("host", ["beaker", "SchemaSession"])
def test_a_warning_says_that_beaker_does_not_tell_of_the_path(open_site, moved_store, caplog):
    schema_session_backend.beaker.requests.warn_of_unknown_requests.cache_clear()
    open_site(store=moved_store(unrenewed_paths="/poll")).browser().log_in()

    assert "unrenewed_paths have no effect" in caplog.text


def stored_expiry(store):
    """When the only session expires."""
    [record] = store.find(limit=10)
    return record.expires_at


# -- remember me


@pytest.fixture
def open_remembering(moved_store, open_site, host, timestamps):
    """Opens a site whose sessions last an hour, those that are remembered thirty days."""

    def open_(**options):
        store = moved_store(**{"timestamps": timestamps, "max_age": HOUR, **options})
        lifetimes = {"flask": {"timeout": MONTH, "session_permanent": False}}
        site = open_site(store=store, **lifetimes.get(host, {"timeout": HOUR}))
        return site, store

    return open_


def signing_in(site, max_age=MONTH, **more):
    """A login with "remember me", which gives the session a new id."""

    def do(session):
        site.new_id(session)
        session.update(**LOGIN, **more)
        site.remember(session, max_age)
        site.save(session)

    return do


@KNOWING_HOSTS
@TIMESTAMPS
def test_p6_a_remembered_session_lives_longer_than_others(open_remembering, let_pass):
    site, _ = open_remembering()
    remembered, other = site.browser(), site.browser()
    remembered.visit(signing_in(site))
    other.log_in()
    for _ in range(3):
        let_pass(HOUR - 2 * MINUTE)
        assert other.data() == LOGIN
        assert remembered.data() == LOGIN
    for _ in range(3):
        let_pass(MONTH - DAY)
        assert remembered.data() == LOGIN
        assert other.data() == {}
    let_pass(MONTH + MINUTE)

    assert remembered.data() == {}


@KNOWING_HOSTS
@TIMESTAMPS
def test_the_cookie_of_a_remembered_session_lasts_as_long_and_is_renewed(open_remembering, let_pass):
    site, _ = open_remembering()
    other = site.browser()
    other.log_in()
    assert other.cookie_lasts is None

    browser = site.browser()
    browser.visit(signing_in(site))
    assert browser.cookie_lasts == pytest.approx(MONTH, abs=DAY)
    let_pass(2 * DAY)
    browser.data()
    # The database's clock is moved, and the clocks that the hosts make their cookies by are not.
    assert browser.cookie_lasts == pytest.approx(MONTH, abs=DAY)
    browser.data()
    assert not browser.was_sent_cookie


@KNOWING_HOSTS
@TIMESTAMPS
@pytest.mark.parametrize("changes", [{}, {"user_id": 43}], ids=["unchanged", "changed"])
def test_a_session_that_is_there_can_be_remembered_from_now_on_and_no_longer(
    open_remembering, let_pass, changes
):
    site, store = open_remembering()
    browser = site.browser()
    browser.log_in()
    for max_age, lasts in ((MONTH, pytest.approx(MONTH, abs=DAY)), (None, None)):

        def do(session, max_age=max_age):
            session.update(changes)
            site.remember(session, max_age)
            site.save(session)

        browser.visit(do)
        assert browser.cookie_lasts == lasts
    let_pass(HOUR - 2 * MINUTE)
    assert browser.data() == LOGIN | changes
    let_pass(HOUR + 3 * MINUTE)

    assert browser.data() == {}
    assert store.count() == 0


@KNOWING_HOSTS
@TIMESTAMPS
def test_p6_a_new_id_keeps_it_and_a_logout_ends_it(open_remembering, let_pass):
    site, _ = open_remembering()
    browser = site.browser()
    browser.visit(signing_in(site))
    browser.visit(site.renewing(cart=[2]))
    assert browser.cookie_lasts == pytest.approx(MONTH, abs=DAY)
    let_pass(MONTH - DAY)
    assert browser.data()["cart"] == [2]

    browser.log_out()
    assert browser.data() == {}
    browser.log_in()
    assert browser.cookie_lasts is None
    let_pass(HOUR + 3 * MINUTE)
    assert browser.data() == {}


@KNOWING_HOSTS
@pytest.mark.parametrize("timestamps", [True])
def test_p6_no_remembered_session_passes_the_absolute_timeout(open_remembering, let_pass):
    site, _ = open_remembering(absolute_max_age=40 * DAY)
    browser = site.browser()
    browser.visit(signing_in(site))
    let_pass(25 * DAY)
    assert browser.data() == LOGIN
    let_pass(16 * DAY)

    assert browser.data() == {}


@KNOWING_HOSTS
@TIMESTAMPS
def test_p6_without_a_user_a_remembered_session_is_a_visitors(open_remembering, let_pass):
    site, _ = open_remembering(anonymous_max_age=600)
    browser = site.browser()
    browser.visit(signing_in(site))
    let_pass(DAY)
    browser.visit(site.saving(without=["user_id"]))
    let_pass(600 + MINUTE)

    assert browser.data() == {}


@KNOWING_HOSTS
@TIMESTAMPS
def test_p5_a_remembered_session_can_be_ended_like_any_other(open_remembering, let_pass):
    site, store = open_remembering()
    stolen, owner = site.browser(), site.browser()
    stolen.visit(signing_in(site))
    owner.log_in()
    let_pass(HOUR / 2)
    assert store.revoke_where(user_id=42, keep=owner.sid()) == 1

    assert stolen.data() == {}
    assert owner.data() == LOGIN


@KNOWING_HOSTS
def test_p9_a_remembered_session_costs_nothing_more(counted, counter, open_site, host):
    store = counted()
    # The first connection has to be set up, which is no part of a request.
    store.count()
    site = open_site(store=store, timeout=MONTH if host == "flask" else HOUR)
    browser = site.browser()
    with counter.expect(1):
        browser.visit(
            lambda session: (session.update(LOGIN), site.remember(session, MONTH), site.save(session))
        )
    with counter.expect(1):
        browser.data()
    assert not browser.was_sent_cookie


@pytest.mark.parametrize("host", ["SchemaSession", "pyramid"])
@pytest.mark.parametrize("max_age", [0, -1, math.nan, "30 days", True, [1]])
def test_an_impossible_time_to_be_remembered_is_refused_and_the_session_stays(site, store, max_age):
    browser = site.browser()
    browser.log_in()
    with pytest.raises(ConfigurationError, match="max_age takes seconds"):
        browser.visit(lambda session: site.remember(session, max_age))

    assert browser.data() == LOGIN


@pytest.mark.parametrize("host", ["SchemaSession", "pyramid"])
@pytest.mark.parametrize("max_age", [math.inf, dt.timedelta(days=20_000)], ids=repr)
def test_a_session_can_be_remembered_for_ever(moved_store, let_pass, open_site, max_age):
    site = open_site(store=moved_store(), timeout=HOUR)
    browser = site.browser()
    browser.visit(signing_in(site, max_age))
    assert browser.cookie_lasts == pytest.approx(10 * 366 * DAY, abs=2 * DAY)
    let_pass(1000 * DAY)

    assert browser.data() == LOGIN


@pytest.mark.parametrize("host", ["SchemaSession", "pyramid"])
@pytest.mark.parametrize("junk", ["month", -5, math.nan, None, True, [1]], ids=repr)
def test_junk_in_place_of_the_time_is_a_session_that_is_not_remembered(
    moved_store, let_pass, open_site, junk
):
    store = moved_store()
    site = open_site(store=store, timeout=HOUR)
    browser = site.browser()
    browser.log_in()
    store.update(browser.sid(), lambda data: data | {"_max_age": junk})
    let_pass(HOUR - 2 * MINUTE)
    assert browser.data() == LOGIN
    let_pass(HOUR + 3 * MINUTE)

    assert browser.data() == {}


@pytest.mark.parametrize("host", ["SchemaSession"])
@TIMESTAMPS
def test_beaker_tells_the_last_access_to_a_remembered_session(open_remembering, let_pass, clock):
    site, _ = open_remembering()
    browser = site.browser()
    browser.visit(signing_in(site))
    signed_in = clock.time()
    let_pass(10 * DAY)

    last = browser.visit(lambda session: session.last_accessed)
    assert last == pytest.approx(signed_in, abs=MINUTE)


@pytest.mark.parametrize("host", ["flask"])
def test_p6_a_flask_session_that_is_not_permanent_lives_no_longer_than_the_stores(
    moved_store, let_pass, open_site
):
    site = open_site(store=moved_store(max_age=HOUR), timeout=MONTH, session_permanent=False)
    browser = site.browser("an unknown id")
    browser.log_in()
    site.cache.set("a value", {"x": 1}, timeout=MONTH)
    browser.visit(lambda _: site.cache.set("another", {"x": 1}, timeout=MONTH))
    let_pass(HOUR + MINUTE)

    assert browser.data() == {}
    assert site.cache.get("a value") == site.cache.get("another") == {"x": 1}
