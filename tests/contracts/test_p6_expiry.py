"""P6: expiry is exact, by the database's clock, on every read, whether gc ran or not."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from typing import TYPE_CHECKING, Any

import pytest
from values import expiry, no_sql, save_merged, stored_rows

from clocks import HOUR, MINUTE
from schema_session_backend import ConfigurationError, Outcome, SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.partitioned_too


# -- the idle timeout


def test_a_session_expires_when_its_idle_timeout_has_passed(moved_store, clock):
    store = moved_store(max_age=HOUR)
    store.set("a", {"x": 1})

    clock.advance(HOUR - MINUTE)
    assert store.get("a") == {"x": 1}
    clock.advance(2 * MINUTE)
    assert store.get("a") is None


RENEWALS: dict[str, Callable[[Any], object]] = {
    "touch": lambda store: store.touch("a"),
    "set": lambda store: store.set("a", {"x": 1}),
    "set_many": lambda store: store.set_many({"a": {"x": 1}}),
    "save, changed": lambda store: store.save(store.load("a"), {"x": 2}),
    "save, unchanged": lambda store: store.save(store.load("a"), {"x": 1}),
    "save, blank": lambda store: store.save(store.blank("a"), {"x": 1}),
    "save, merged": save_merged,
}


@pytest.mark.parametrize("renew", RENEWALS.values(), ids=RENEWALS)
@pytest.mark.parametrize("timestamps", [True, False])
def test_each_touch_and_write_restarts_the_idle_timeout(moved_store, clock, renew, timestamps):
    store = moved_store(max_age=HOUR, timestamps=timestamps)
    store.set("a", {"x": 1})
    clock.advance(HOUR - MINUTE)
    renew(store)

    clock.advance(HOUR - MINUTE)
    assert store.get("a") is not None
    clock.advance(2 * MINUTE)
    assert store.get("a") is None


def test_a_read_does_not_renew_the_idle_timeout(moved_store, clock):
    store = moved_store(max_age=HOUR)
    store.set("a", {"user_id": 1})
    for read in (
        lambda: store.get("a"),
        lambda: store.load("a"),
        lambda: store.get_many(["a"]),
        lambda: store.find(user_id=1),
        lambda: store.count(user_id=1),
    ):
        clock.advance(HOUR / 6)
        assert read()

    clock.advance(HOUR / 6)
    assert store.get("a") is None


def test_rotate_does_not_renew_the_idle_timeout(frozen):
    store, clock = frozen(max_age=10, timestamps=True)
    store.set("a", {})
    before = expiry(store)
    clock.now += 5000
    store.rotate("a", "b")

    assert expiry(store, "b") == before


# -- the absolute timeout


ABSOLUTE_RENEWALS = RENEWALS | {
    "touch for longer": lambda store: store.touch("a", 10 * HOUR),
    "touch for ever": lambda store: store.touch("a", math.inf),
    "set for longer": lambda store: store.set("a", {"x": 1}, 10 * HOUR),
    "set for ever": lambda store: store.set("a", {"x": 1}, math.inf),
    "set_many for ever": lambda store: store.set_many({"a": {"x": 1}}, math.inf),
    "save for ever": lambda store: store.save(store.load("a"), {"x": 2}, math.inf),
}


@pytest.mark.parametrize("renew", ABSOLUTE_RENEWALS.values(), ids=ABSOLUTE_RENEWALS)
def test_nothing_makes_a_session_pass_its_absolute_timeout(frozen, renew):
    store, clock = frozen(max_age=HOUR, absolute_max_age=2 * HOUR, timestamps=True)
    store.set("a", {"x": 1})
    end = clock.now + 2 * HOUR * 1000
    assert expiry(store) == clock.now + HOUR * 1000
    for _ in range(3):
        clock.now += HOUR // 2 * 1000
        store.touch("a")
        renew(store)
        assert expiry(store) <= end

    assert clock.now + HOUR * 1000 > end
    store.touch("a")
    assert expiry(store) == end
    clock.now = end - 1
    renew(store)
    assert expiry(store) == end
    clock.now = end
    assert store.get("a") is None
    assert store.touch("a") is False


def test_a_new_id_does_not_make_a_session_pass_its_absolute_timeout(frozen):
    store, clock = frozen(max_age=HOUR, absolute_max_age=2 * HOUR, timestamps=True)
    store.set("a", {"x": 1})
    end = clock.now + 2 * HOUR * 1000
    for old, new in (("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")):
        clock.now += HOUR // 2 * 1000 - 1
        assert store.touch(old)
        assert store.save(store.load(old), new_sid=new).was_written
        assert store.load(new).version.expiry <= end

    clock.now = end
    assert store.get("e") is None


def test_the_absolute_timeout_limits_the_idle_timeout_from_the_start(frozen):
    store, clock = frozen(max_age=math.inf, absolute_max_age=HOUR, timestamps=True)
    store.set("a", {})
    store.set_many({"b": {}}, 2 * HOUR)
    store.save(store.blank("c"), {}, math.inf)

    assert [expiry(store, sid) for sid in "abc"] == [clock.now + HOUR * 1000] * 3


def test_a_session_without_created_at_counts_from_its_first_renewal(frozen):
    """The table may be older than its timestamps."""
    store, clock = frozen(max_age=HOUR, absolute_max_age=2 * HOUR, timestamps=True)
    store.set("a", {})
    with store.engine.begin() as connection:
        connection.execute(store.repo().update().values(created_at=None, updated_at=None))
    clock.now += 1000
    store.touch("a")

    [record] = store.find(limit=1000)
    assert record.created_at.timestamp() * 1000 == clock.now
    for _ in range(4):
        clock.now += HOUR // 2 * 1000 - 1
        store.touch("a")
    assert expiry(store) == record.created_at.timestamp() * 1000 + 2 * HOUR * 1000


def test_the_absolute_timeout_needs_timestamps(make_store):
    with pytest.raises(ConfigurationError, match="timestamps"):
        make_store(absolute_max_age=HOUR)


# -- spans


def _set_and_touch(store: Any, age: Any) -> None:
    store.set("a", {"x": 1})
    store.touch("a", age)


def _set_and_save(store: Any, age: Any, before: dict[str, Any]) -> None:
    store.set("a", before)
    store.save(store.load("a"), {"x": 1}, age)


WITH_MAX_AGE: dict[str, Callable[[Any, Any], object]] = {
    "set": lambda store, age: store.set("a", {"x": 1}, age),
    "set_many": lambda store, age: store.set_many({"a": {"x": 1}}, age),
    "touch": _set_and_touch,
    "save, changed": lambda store, age: _set_and_save(store, age, {}),
    "save, unchanged": lambda store, age: _set_and_save(store, age, {"x": 1}),
    "save, blank": lambda store, age: store.save(store.blank("a"), {"x": 1}, age),
}


@pytest.mark.parametrize(
    ("max_age", "milliseconds"),
    [
        (90, 90_000),
        (90.5, 90_500),
        (0.001, 1),
        (1e-9, 1),
        (dt.timedelta(minutes=2), 120_000),
        (dt.timedelta(days=400, milliseconds=7), 400 * 86_400_000 + 7),
        (1e306, 10_000 * 31_557_600_000),
        (10**15, 10_000 * 31_557_600_000),
        (math.inf, None),
    ],
    ids=repr,
)
def test_a_call_can_have_an_idle_timeout_of_its_own(frozen, max_age, milliseconds):
    store, clock = frozen(touch_interval=0)
    for name, write in WITH_MAX_AGE.items():
        write(store, max_age)

        assert store.get("a") == {"x": 1}, name
        assert expiry(store) == (None if milliseconds is None else clock.now + milliseconds), name
        store.clear()


def test_a_session_without_idle_timeout_never_expires(moved_store, clock):
    store = moved_store(max_age=math.inf)
    store.set("a", {"user_id": 1})

    clock.advance(5 * 365 * 24 * HOUR)
    assert store.get("a") == {"user_id": 1}
    assert store.find(user_id=1)[0].expires_at is None
    assert store.gc() == 0
    assert store.touch("a")
    assert expiry(store) is None


def test_a_session_can_stop_and_start_to_expire(frozen):
    store, clock = frozen(max_age=HOUR)
    store.set("a", {"x": 1})

    assert store.save(store.load("a"), {"x": 1}, math.inf).outcome is Outcome.TOUCHED
    assert expiry(store) is None
    assert store.save(store.load("a"), {"x": 1}, math.inf).outcome is Outcome.UNCHANGED
    assert store.save(store.load("a"), {"x": 1}).outcome is Outcome.TOUCHED
    assert expiry(store) == clock.now + HOUR * 1000


def test_a_wrong_max_age_of_a_call_is_refused_before_sql(store):
    store.set("a", {"x": 1})
    loaded = store.load("a")
    writes: list[Callable[[Any], object]] = [
        lambda age: store.set("a", {}, age),
        lambda age: store.set_many({"a": {}}, age),
        lambda age: store.touch("a", age),
        lambda age: store.save(loaded, {}, age),
    ]
    for write, max_age in itertools.product(writes, [0, -1, math.nan, "60", True, dt.timedelta(0), [1]]):
        with no_sql(store), pytest.raises(ConfigurationError, match="max_age"):
            write(max_age)


@pytest.mark.parametrize("span", [0, -1, math.nan, "60", True], ids=repr)
@pytest.mark.parametrize("option", ["max_age", "absolute_max_age", "gc_interval", "sync_timeout"])
def test_a_wrong_max_age_is_refused_as_an_option(option, span):
    with pytest.raises(ConfigurationError, match=option):
        SessionStore("sqlite://", timestamps=True, **{option: span})


# -- exactly


@pytest.mark.parametrize("max_age", [0.001, 1, 1.5, HOUR])
def test_the_idle_timeout_is_exact_to_the_millisecond(frozen, max_age):
    store, clock = frozen(max_age=max_age)
    store.set("a", {"x": 1})
    end = clock.now + round(max_age * 1000)
    assert expiry(store) == end

    clock.now = end - 1
    assert store.get("a") == {"x": 1}
    assert store.count() == 1
    assert store.gc() == 0
    clock.now = end
    assert store.get("a") is None
    assert store.count() == 0
    assert store.touch("a") is False
    assert store.gc() == 1


def test_the_databases_clock_is_read_to_the_millisecond(frozen):
    store, clock = frozen(max_age=1, timestamps=True)
    for _ in range(1000, 20_000, 997):
        clock.now += 997
        store.set("a", {})
        loaded = store.load("a")

        assert (loaded.version.now, loaded.version.expiry) == (clock.now, clock.now + 1000)
        assert round(loaded.updated_at.timestamp() * 1000) == clock.now


# -- every read, whether gc ran or not


ABSENT: dict[str, tuple[Callable[[SessionStore], object], object]] = {
    "get": (lambda store: store.get("a"), None),
    "load": (lambda store: store.load("a"), None),
    "get_many": (lambda store: store.get_many(["a", "b"]), {"b": {"user_id": 2}}),
    "find": (lambda store: store.find(user_id=1), []),
    "find, any": (lambda store: [record.data for record in store.find(limit=1000)], [{"user_id": 2}]),
    "count": (lambda store: store.count(user_id=1), 0),
    "count, any": (lambda store: store.count(), 1),
    "touch": (lambda store: store.touch("a"), False),
    "rotate": (lambda store: store.rotate("a", "z"), False),
    "revoke": (lambda store: store.revoke(store.handle("a")), False),
    "revoke_where": (lambda store: store.revoke_where(user_id=1), 0),
    "keep_newest": (lambda store: store.keep_newest(0, user_id=1), 0),
}


@pytest.mark.parametrize("timestamps", [True, False])
def test_an_expired_session_is_absent_and_its_row_stays_for_gc(moved_store, clock, timestamps):
    store = moved_store(max_age=HOUR, timestamps=timestamps)
    store.set("a", {"user_id": 1})
    store.set("b", {"user_id": 2}, 10 * HOUR)
    before = stored_rows(store)
    clock.advance(HOUR + MINUTE)

    for name, (read, nothing) in ABSENT.items():
        assert read(store) == nothing, name
        assert stored_rows(store) == before, name
    assert store.gc() == 1
    for name, (read, nothing) in ABSENT.items():
        assert read(store) == nothing, name


def test_destroy_removes_an_expired_row(moved_store, clock):
    store = moved_store(max_age=HOUR)
    store.set("a", {})
    clock.advance(HOUR + MINUTE)

    assert store.destroy("a") is True
    assert stored_rows(store) == []


def test_an_expired_session_does_not_count_among_the_newest(moved_store, clock):
    store = moved_store(max_age=HOUR, timestamps=True)
    store.set("a", {"user_id": 1}, 10 * HOUR)
    clock.advance(MINUTE)
    store.set("b", {"user_id": 1})
    clock.advance(HOUR + MINUTE)

    assert store.keep_newest(1, user_id=1) == 0
    assert store.get("a") == {"user_id": 1}
