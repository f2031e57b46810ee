"""P6: sessions without a user have an idle timeout of their own, by the database's clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from values import expiry, stored_rows

from clocks import DAY, HOUR, MINUTE
from schema_session_backend import ConfigurationError, Outcome, SessionStore, WrongArgument

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.partitioned_too

CART = {"cart": [1]}
SIGNED_IN = {"user_id": 42, "cart": [1]}

WRITES: dict[str, Callable[..., object]] = {
    "set": lambda store, data, *age: store.set("a", data, *age),
    "add": lambda store, data, *age: store.add("a", data, *age),
    "set_many": lambda store, data, *age: store.set_many({"a": data}, *age),
    "set_many, two": lambda store, data, *age: store.set_many({"a": data, "b": SIGNED_IN}, *age),
    "save, blank": lambda store, data, *age: store.save(store.blank("a"), data, *age),
}
LATER_WRITES: dict[str, Callable[..., object]] = {
    "set": WRITES["set"],
    "set_many": WRITES["set_many"],
    "touch": lambda store, _data, *age: store.touch("a", *age),
    "save, unchanged": lambda store, data, *age: store.save(store.load("a"), data, *age),
    "save, changed": lambda store, data, *age: store.save(store.load("a"), data | {"x": 1}, *age),
    "save, blank": WRITES["save, blank"],
}


@pytest.fixture
def frozen_store(frozen) -> tuple[SessionStore, Any]:
    """A store whose visitors have an hour and whose users a day, and its clock."""
    return frozen(max_age=DAY, anonymous_max_age=HOUR)


def lives_for(store, clock) -> float:
    """Seconds until the session expires."""
    return (expiry(store) - clock.now) / 1000


def is_told(saved, milliseconds) -> bool:
    """Whether a save tells that expiry; the process estimates the database's clock."""
    return abs(saved.session.version.expiry - milliseconds) < MINUTE * 1000


# -- whose session it is decides


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize(
    ("data", "seconds"), [(CART, HOUR), ({"user_id": None}, HOUR), (SIGNED_IN, DAY)], ids=repr
)
def test_a_new_session_without_a_user_has_the_idle_timeout_of_visitors(frozen_store, write, data, seconds):
    store, clock = frozen_store
    write(store, data)

    assert lives_for(store, clock) == seconds


@pytest.mark.parametrize("write", LATER_WRITES.values(), ids=LATER_WRITES)
@pytest.mark.parametrize(("data", "seconds"), [(CART, HOUR), (SIGNED_IN, DAY)], ids=["visitor", "user"])
@pytest.mark.parametrize("options", [{}, {"timestamps": True, "absolute_max_age": 30 * DAY}], ids=repr)
def test_each_write_and_touch_restarts_the_timeout_that_the_session_has(
    frozen, write, data, seconds, options
):
    store, clock = frozen(max_age=DAY, anonymous_max_age=HOUR, **options)
    store.set("a", data)
    clock.now += (HOUR - MINUTE) * 1000
    write(store, data)

    assert lives_for(store, clock) == seconds


def test_a_login_gives_the_session_the_idle_timeout_of_users_and_a_logout_takes_it(frozen_store):
    store, clock = frozen_store
    store.set("a", CART)

    store.save(store.load("a"), SIGNED_IN)
    assert lives_for(store, clock) == DAY
    clock.now += 2 * HOUR * 1000
    store.save(store.load("a"), CART)
    assert lives_for(store, clock) == HOUR
    clock.now += HOUR * 1000
    assert store.get("a") is None


@pytest.mark.parametrize(
    ("data", "seconds"), [(CART, HOUR), (CART | {"x": 1}, HOUR), (SIGNED_IN, DAY)], ids=repr
)
def test_a_save_under_a_new_id_gives_the_session_the_timeout_that_it_has(frozen_store, data, seconds):
    store, clock = frozen_store
    store.set("old", CART)
    clock.now += MINUTE * 1000
    store.save(store.load("old"), data, new_sid="a")

    assert lives_for(store, clock) == seconds


@pytest.mark.parametrize("data", [CART, CART | {"x": 1}], ids=["unchanged", "changed"])
def test_a_login_meanwhile_is_not_undone_by_a_request_without_a_user(frozen, data):
    store, clock = frozen(max_age=DAY, anonymous_max_age=HOUR, touch_interval=0)
    store.set("a", CART)
    before_login = store.load("a")
    store.save(store.load("a"), SIGNED_IN)
    saved = store.save(before_login, data)

    assert lives_for(store, clock) == DAY
    assert saved.was_written
    assert data == CART or is_told(saved, expiry(store))
    clock.now += 2 * HOUR * 1000
    assert store.get("a") == SIGNED_IN | data


def test_update_leaves_the_expiry_and_the_next_request_corrects_it(frozen_store):
    store, clock = frozen_store
    store.set("a", CART)
    store.update("a", lambda data: data | {"user_id": 42})
    assert lives_for(store, clock) == HOUR

    assert store.save(store.load("a"), SIGNED_IN).outcome is Outcome.TOUCHED
    assert lives_for(store, clock) == DAY


# -- beside other timeouts


@pytest.mark.parametrize("write", (WRITES | LATER_WRITES).values(), ids=WRITES | LATER_WRITES)
@pytest.mark.parametrize("age", [30 * DAY, math.inf], ids=repr)
def test_the_idle_timeout_of_a_call_does_not_make_a_visitors_longer(frozen_store, write, age):
    store, clock = frozen_store
    if write in LATER_WRITES.values():
        store.set("a", CART)
    write(store, CART, age)

    assert lives_for(store, clock) == HOUR


@pytest.mark.parametrize("write", (WRITES | LATER_WRITES).values(), ids=WRITES | LATER_WRITES)
def test_a_shorter_idle_timeout_of_a_call_counts(frozen_store, write):
    store, clock = frozen_store
    if write in LATER_WRITES.values():
        store.set("a", CART, MINUTE)
    write(store, CART, MINUTE)

    assert lives_for(store, clock) == MINUTE


def test_visitors_time_out_although_users_never_do(frozen):
    store, clock = frozen(max_age=math.inf, anonymous_max_age=HOUR)
    store.set("a", CART)
    assert lives_for(store, clock) == HOUR
    assert store.touch("a")
    assert lives_for(store, clock) == HOUR

    store.save(store.load("a"), SIGNED_IN)
    assert expiry(store) is None
    assert store.touch("a")
    assert expiry(store) is None


def test_no_visitor_passes_the_absolute_timeout(frozen):
    store, clock = frozen(max_age=DAY, anonymous_max_age=HOUR, absolute_max_age=2 * HOUR, timestamps=True)
    store.set("a", CART)
    end = clock.now + 2 * HOUR * 1000
    for _ in range(2):
        clock.now += (HOUR - MINUTE) * 1000
        store.touch("a")
    assert expiry(store) == end
    store.save(store.load("a"), SIGNED_IN)
    assert expiry(store) == end


def test_an_unchanged_visitors_session_is_touched_after_a_twentieth_of_its_own_timeout(frozen):
    store, clock = frozen(max_age=DAY, anonymous_max_age=200)
    store.set("a", CART)
    clock.now += 9_999
    assert store.save(store.load("a"), CART).outcome is Outcome.UNCHANGED
    clock.now += 1

    saved = store.save(store.load("a"), CART)
    assert saved.outcome is Outcome.TOUCHED
    assert lives_for(store, clock) == 200
    assert is_told(saved, expiry(store))


def test_the_result_of_a_save_tells_when_the_session_expires(frozen_store):
    store, _ = frozen_store
    store.set("a", CART)
    for data in (CART | {"x": 1}, SIGNED_IN, CART):
        saved = store.save(store.load("a"), data)

        assert is_told(saved, expiry(store))
    assert is_told(store.save(store.blank("b"), CART), expiry(store, "b"))


def test_the_store_tells_the_idle_timeout_of_a_session(frozen_store):
    store, _ = frozen_store
    store.set_many({"visitor": CART, "user": SIGNED_IN})
    visitor, user = store.load("visitor"), store.load("user")

    assert [store.idle_timeout(visitor), store.idle_timeout(user)] == [HOUR, DAY]
    assert [store.idle_timeout(visitor, math.inf), store.idle_timeout(user, math.inf)] == [HOUR, math.inf]
    with pytest.raises(WrongArgument, match="idle_timeout takes what load returned, not str"):
        store.idle_timeout("user")


# -- whose session it is may be a searchable copy, or a column that the database fills in


def test_a_searchable_copy_tells_whether_there_is_a_user(frozen):
    store, clock = frozen(schemas="user_id Integer index from _user_id", max_age=DAY, anonymous_max_age=HOUR)
    store.set("a", CART)
    assert lives_for(store, clock) == HOUR

    store.save(store.load("a"), {"_user_id": "42"})
    assert lives_for(store, clock) == DAY
    clock.now += 2 * HOUR * 1000
    store.touch("a")
    assert lives_for(store, clock) == DAY


def test_another_column_may_tell_whose_a_session_is(frozen):
    store, clock = frozen(schemas="owner String(50)", user_field="owner", max_age=DAY, anonymous_max_age=HOUR)
    store.set("a", {"owner": "eva"})
    assert lives_for(store, clock) == DAY
    store.set("a", {"user_id": 1})
    assert lives_for(store, clock) == HOUR


# -- by the database's clock


def test_a_visitors_session_ends_by_the_databases_clock(moved_store, clock):
    store = moved_store(max_age=DAY, anonymous_max_age=HOUR)
    store.set("visitor", CART)
    store.set("user", SIGNED_IN)
    clock.advance(HOUR - MINUTE)
    store.touch("visitor")
    clock.advance(HOUR - MINUTE)
    assert store.get("visitor") == CART
    clock.advance(2 * MINUTE)

    assert store.get_many(["visitor", "user"]) == {"user": SIGNED_IN}
    assert store.gc() == 1
    assert len(stored_rows(store)) == 1


# -- P9


def test_p9_it_costs_no_further_statement(counted, counter):
    store = counted(anonymous_max_age=HOUR, touch_interval=0)
    store.set("a", CART)
    for write in (
        lambda: store.set("a", CART),
        lambda: store.touch("a"),
        lambda: store.save(store.blank("b"), CART),
    ):
        with counter.expect(1):
            write()
    with counter.expect(2):
        store.save(store.load("a"), SIGNED_IN)
    with counter.expect(2):
        store.save(store.load("a"), SIGNED_IN)


# -- options that cannot work


def test_it_needs_a_column_that_tells_whose_a_session_is():
    with pytest.raises(ConfigurationError, match=r"anonymous_max_age.*user_field"):
        SessionStore("sqlite://", schemas="device String(50)", anonymous_max_age=HOUR)


@pytest.mark.parametrize("option", ["max_age", "anonymous_max_age"])
@pytest.mark.parametrize("interval", [MINUTE, MINUTE + 1])
def test_a_lifetime_that_no_touch_can_prolong_is_refused(option, interval):
    with pytest.raises(ConfigurationError, match=rf"{option}.*60.*touch_interval"):
        SessionStore("sqlite://", schemas="user_id Integer", touch_interval=interval, **{option: MINUTE})


def test_a_call_with_a_lifetime_below_the_touch_interval_is_touched_in_time(frozen):
    store, clock = frozen(max_age=HOUR, touch_interval=5 * MINUTE)
    store.set("a", CART, MINUTE)
    for _ in range(10):
        clock.now += MINUTE // 2 * 1000
        store.save(store.load("a"), CART, MINUTE)

    assert lives_for(store, clock) == MINUTE
