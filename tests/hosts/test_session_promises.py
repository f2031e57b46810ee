"""The promises of the store as requests through each host see them."""

from __future__ import annotations

import pytest
from browsing import LOGIN, at_once, in_flight
from values import stored_rows, write_row

HOUR = 3600


# -- P2


def test_p2_a_field_that_was_never_set_is_absent(site):
    browser = site.browser()
    browser.visit(site.saving(cart=[], device=None))

    assert browser.visit(lambda session: "user_id" in session) is False
    assert browser.visit(lambda session: "device" in session) is True
    browser.visit(site.saving(without=["device"]))
    assert browser.data() == {"cart": []}


# -- P4


def test_p4_requests_that_write_different_keys_at_once_both_win(site):
    browser = site.browser()
    browser.log_in()

    for turn in range(10):
        at_once(
            site,
            browser.cookie,
            [
                site.saving(device=f"phone {turn}"),
                site.saving(cart=[turn]),
            ],
        )
        assert browser.data() == LOGIN | {"device": f"phone {turn}", "cart": [turn]}


def test_p4_none_of_many_keys_that_requests_write_at_once_is_lost(site):
    browser = site.browser()
    browser.log_in()

    for turn in range(10):
        at_once(
            site,
            browser.cookie,
            [site.saving(**{f"{turn}/{number}": 1}) for number in range(6)],
        )

    assert len(browser.data()) == len(LOGIN) + 60


def test_p4_of_two_changes_of_one_key_the_later_save_wins_and_a_removal_stays(site):
    browser = site.browser()
    browser.log_in(color="red")
    other = site.browser(browser.cookie)

    with in_flight(browser, site.saving(cart=[3])):
        other.visit(site.saving(cart=[2], without=["color"]))

    assert browser.data() == LOGIN | {"cart": [3]}


@pytest.mark.parametrize("host", ["beaker"])
def test_p4_two_first_saves_of_one_session_both_win(site):
    """Two requests that load at once each start the session, under the id that one of them made."""
    browser = site.browser("a" * 32)
    at_once(
        site,
        browser.cookie,
        [
            site.saving(user_id=42),
            site.saving(cart=[1]),
        ],
    )

    assert browser.data() == {"user_id": 42, "cart": [1]}


def test_p4_a_request_that_only_reads_undoes_nothing(moved_store, let_pass, open_site):
    site = open_site(store=moved_store(), timeout=HOUR)
    browser = site.browser()
    browser.log_in()
    other = site.browser(browser.cookie)
    let_pass(HOUR / 2)

    with in_flight(browser, lambda session: session.get("cart")):
        other.visit(site.saving(cart=[2], without=["device"]))

    assert browser.data() == {"user_id": 42, "cart": [2]}


def test_p4_requests_to_two_hosts_with_stores_of_their_own_both_win(make_store, open_site):
    site, there = (open_site(store=make_store(timestamps=True)) for _ in range(2))
    browser = site.browser()
    browser.log_in()
    other = there.browser(browser.cookie)

    with in_flight(browser, site.saving(device="laptop")):
        other.visit(site.saving(cart=[2]))

    assert browser.data() == other.data() == LOGIN | {"device": "laptop", "cart": [2]}


# -- P5

ENDS = {
    "revoke": lambda store, other, sid: store.revoke(store.handle(sid)),
    "destroy": lambda store, other, sid: store.destroy(sid),
    "revoke_where": lambda store, other, sid: store.revoke_where(user_id=42),
    "a logout in another request": lambda store, other, sid: other.log_out(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_p5_a_session_that_was_ended_while_a_request_ran_stays_dead(site, store, end):
    browser = site.browser()
    browser.log_in()
    sid, other = browser.sid(), site.browser(browser.cookie)

    with in_flight(browser, site.saving(cart=[2])):
        end(store, other, sid)

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_p5_a_session_that_expired_while_a_request_ran_stays_dead(moved_store, let_pass, open_site):
    store = moved_store()
    site = open_site(store=store, timeout=HOUR)
    browser = site.browser()
    browser.log_in()

    with in_flight(browser, site.saving(cart=[2])):
        let_pass(HOUR + 121)

    assert store.count() == 0
    assert browser.data() == {}


def test_p5_a_logout_among_many_saves_wins(site, store):
    for _ in range(5):
        browser = site.browser()
        browser.log_in()
        saves = [site.saving(**{str(number): 1}) for number in range(5)]
        at_once(site, browser.cookie, [*saves, site.end])

        assert stored_rows(store) == []


@pytest.mark.parametrize("host", ["beaker"])
def test_p5_a_late_save_does_not_leak_into_a_new_session_of_the_same_id(site):
    """Only Beaker's own session class takes an old id again."""
    browser = site.browser()
    browser.log_in()
    other = site.browser(browser.cookie)

    with in_flight(browser, site.saving(secret=1)):
        other.log_out()
        other = site.browser(browser.cookie)
        other.log_in(user_id=43)

    assert other.data() == LOGIN | {"user_id": 43}


def test_p5_a_session_that_was_ended_while_a_request_only_read_it_stays_dead(
    moved_store, let_pass, open_site
):
    store = moved_store()
    site = open_site(store=store)
    browser = site.browser()
    browser.log_in()
    let_pass(HOUR)

    def read_and_destroy(session):
        session.get("user_id")
        store.destroy(site.sid(session))

    browser.visit(read_and_destroy)

    assert stored_rows(store) == []


def test_p5_a_visitor_can_sign_in_again_after_a_session_was_ended(site, store):
    browser = site.browser()
    browser.log_in()
    store.revoke_where(user_id=42)
    browser.log_in(device="laptop")

    assert browser.data() == LOGIN | {"device": "laptop"}


# -- P6


def test_p6_no_request_extends_a_session_past_its_absolute_timeout(moved_store, let_pass, open_site):
    store = moved_store(timestamps=True, absolute_max_age=2 * HOUR)
    site = open_site(store=store, timeout=HOUR)
    browser = site.browser()
    browser.log_in()
    for _ in range(4):
        let_pass(HOUR // 2 - 10)
        assert browser.data() == LOGIN
    let_pass(41)

    assert browser.data() == {}


# -- P8


@pytest.mark.parametrize("additional", ["", "{", "null", '{"$type": 1}', "gASVBAAAAAAAAACMAWGULg==", "[1]"])
def test_p8_a_corrupt_row_is_a_visitor_without_a_session_and_no_error(site, store, additional):
    ann, bob = site.browser(), site.browser()
    ann.log_in()
    bob.log_in(device="laptop")
    write_row(store, ann.sid(), additional=additional)
    before = stored_rows(store)

    assert ann.data() == {}
    assert stored_rows(store) == before
    assert bob.data() == LOGIN | {"device": "laptop"}
    ann.log_in()
    assert ann.data() == LOGIN


# -- P13: Beaker's own session class does not tell a back end about a new id

with_new_ids = pytest.mark.parametrize("host", ["SchemaSession", "flask", "pyramid"])


@with_new_ids
def test_p13_what_was_loaded_under_the_old_id_is_saved_under_the_new_one(site, store):
    browser = site.browser()
    browser.log_in()
    slow = site.browser(browser.cookie)

    with in_flight(slow, site.saving(color="red")):
        browser.visit(site.renewing(device="laptop"))

    assert not slow.was_sent_cookie
    assert browser.data() == LOGIN | {"device": "laptop", "color": "red"}
    assert store.count() == 1


@with_new_ids
@pytest.mark.parametrize("idle_for", [0, HOUR / 2])
def test_p13_a_slow_request_that_only_reads_sets_no_cookie(moved_store, let_pass, open_site, idle_for):
    site = open_site(store=moved_store(), timeout=HOUR)
    browser = site.browser()
    browser.log_in()
    slow = site.browser(browser.cookie)
    let_pass(idle_for)

    with in_flight(slow, lambda session: session.get("cart")):
        browser.visit(site.new_id)

    assert not slow.was_sent_cookie
    assert browser.data() == LOGIN


@with_new_ids
def test_p13_of_two_logins_at_once_both_are_saved_under_one_id(site, store):
    browser = site.browser()
    browser.visit(site.saving(cart=[1]))
    slow = site.browser(browser.cookie)

    with in_flight(slow, site.renewing(color="red")):
        browser.visit(site.renewing(user_id=42))

    assert not slow.was_sent_cookie
    assert browser.data() == {"cart": [1], "user_id": 42, "color": "red"}
    assert store.count() == 1


@with_new_ids
def test_p13_a_logout_under_the_old_id_is_not_lost(site, store):
    browser = site.browser()
    browser.log_in()
    slow = site.browser(browser.cookie)

    with in_flight(slow, site.end):
        browser.visit(site.new_id)

    assert store.count() == 0
    assert browser.data() == {}


LATE = {
    "reads": lambda site: dict,
    "writes": lambda site: site.saving(cart=[9]),
    "logs in": lambda site: site.renewing(user_id=43),
    "takes out what is not there": lambda site: lambda session: session.pop("color", None),
    "signs out": lambda site: site.end,
}


@with_new_ids
@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_p13_a_visitor_with_the_old_id_reads_and_sets_nothing(site, store, late):
    browser = site.browser()
    browser.log_in()
    other = site.browser(browser.cookie)
    browser.visit(site.new_id)

    assert other.data() == {}
    other.visit(late(site))
    assert not other.was_sent_cookie
    assert store.count() == 1
    assert browser.data() == LOGIN


@with_new_ids
def test_p13_after_some_seconds_the_old_id_is_like_any_other_unknown_id(moved_store, let_pass, open_site):
    store = moved_store()
    site = open_site(store=store)
    browser = site.browser()
    browser.log_in()
    other = site.browser(browser.cookie)
    browser.visit(site.new_id)
    let_pass(11)

    other.visit(site.saving(cart=[9]))

    assert other.was_sent_cookie
    assert store.count() == 2
    assert browser.data() == LOGIN
