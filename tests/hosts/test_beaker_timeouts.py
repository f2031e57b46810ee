"""When Beaker's sessions end by themselves."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import beaker.session
import pytest
from browsing import LOGIN

import schema_session_backend.beaker.session
from clocks import A_MOMENT, HOUR, MINUTE

MILLISECOND = 0.001


@pytest.fixture(params=["beaker", "SchemaSession"])
def host(request):
    """Beaker's own session class, and `SchemaSession`."""
    return request.param


@pytest.fixture
def let_pass_on_slow_host(clock, monkeypatch):
    """Moves the clocks, which stand still, but for this host's: that is 10 ms later at each look at it."""
    clock.now = A_MOMENT
    looks = itertools.count()
    host = SimpleNamespace(time=lambda: clock.time() + next(looks) * 10 * MILLISECOND)
    for module in (beaker.session, schema_session_backend.beaker.session):
        monkeypatch.setattr(module, "time", host)
    return clock.advance


TIMESTAMPS = pytest.mark.parametrize("timestamps", [True, False], ids=["timestamps", "no timestamps"])


@TIMESTAMPS
def test_no_session_outlives_its_timeout_by_a_millisecond(
    moved_store, let_pass_on_slow_host, open_site, timestamps
):
    browser = open_site(store=moved_store(timestamps=timestamps), timeout=HOUR).browser()
    browser.log_in()
    let_pass_on_slow_host(HOUR - MILLISECOND)
    assert browser.data() == LOGIN
    let_pass_on_slow_host(HOUR)

    assert browser.data() == {}


@TIMESTAMPS
@pytest.mark.parametrize("timeout", [HOUR, None], ids=["timeout", "no timeout"])
def test_the_last_access_to_an_unchanged_session_is_always_the_same(
    moved_store, let_pass_on_slow_host, open_site, timestamps, timeout
):
    browser = open_site(store=moved_store(timestamps=timestamps), timeout=timeout).browser()
    browser.log_in()

    seen = set()
    for _ in range(5):
        let_pass_on_slow_host(MILLISECOND)
        seen.add(browser.visit(lambda session: session.last_accessed))
    assert seen == {A_MOMENT / 1000}
    let_pass_on_slow_host(MINUTE)
    browser.data()
    assert browser.visit(lambda session: session.last_accessed) == A_MOMENT / 1000 + MINUTE + 5 * MILLISECOND


def test_a_session_times_out_after_its_timeout_without_a_request(moved_store, let_pass, open_site, host):
    store = moved_store(timestamps=True)
    browser = open_site(store=store, timeout=HOUR).browser()
    browser.log_in()
    for _ in range(3):
        let_pass(HOUR - 70)
        assert browser.data() == LOGIN
    let_pass(HOUR + 1)

    assert browser.data() == {}
    assert store.count() == (1 if host == "beaker" else 0)
    let_pass(121)
    assert store.count() == 0


def test_without_timestamps_a_session_times_out(moved_store, let_pass, open_site):
    browser = open_site(store=moved_store(), timeout=HOUR).browser()
    browser.log_in()
    let_pass(HOUR - 70)
    assert browser.data() == LOGIN
    let_pass(HOUR + 1)

    assert browser.data() == {}


def test_without_a_timeout_the_stores_own_idle_timeout_counts(moved_store, let_pass, open_site):
    browser = open_site(store=moved_store(max_age=HOUR)).browser()
    browser.log_in()
    let_pass(HOUR - 1)
    assert browser.data() == LOGIN
    let_pass(HOUR + 1)

    assert browser.data() == {}


def test_without_saved_access_times_a_session_lives_from_its_last_save(moved_store, let_pass, open_site):
    browser = open_site(store=moved_store(max_age=HOUR), save_accessed_time=False).browser()
    browser.log_in()
    let_pass(HOUR - 1)
    assert browser.data() == LOGIN
    let_pass(2)

    assert browser.data() == {}


@pytest.mark.parametrize("options", [{"timestamps": True}, {}], ids=["timestamps", "no timestamps"])
@pytest.mark.parametrize("clock_error", [-2 * HOUR, 2 * HOUR], ids=["slow", "fast"])
def test_the_databases_clock_decides_and_not_the_clock_of_the_host(moved_store, let_pass, open_site, options):
    browser = open_site(store=moved_store(**options), timeout=HOUR).browser()
    browser.log_in()
    let_pass(HOUR - 70)
    assert browser.data() == LOGIN
    let_pass(HOUR + 1)

    assert browser.data() == {}
