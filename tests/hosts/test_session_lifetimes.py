"""P6 and P9 through each host: how long sessions live, and what renews them."""

from __future__ import annotations

import pytest
from browsing import LOGIN

from clocks import DAY, HOUR, MINUTE

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
