"""When Beaker's sessions end by themselves."""

from __future__ import annotations

import pytest
from browsing import LOGIN

HOUR = 3600


@pytest.fixture(params=["beaker", "SchemaSession"])
def host(request):
    """Beaker's own session class, and `SchemaSession`."""
    return request.param


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
