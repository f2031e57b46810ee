"""P6: expiry is exact, by the database's clock, on every read, whether gc ran or not."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from frozen import FrozenClock
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from values import database_of, no_sql, stored_rows

import schema_session_backend
from schema_session_backend import ConfigurationError, Outcome, SessionStore, janitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOUR = 60 * 60
# The moved clock ticks on while a test runs, so borders are kept away from by a minute.
MINUTE = 60
# Seconds after which something that has to be done without waiting is taken for waiting.
PATIENCE = 10


@pytest.fixture
def frozen(make_store) -> Callable[..., tuple[SessionStore, FrozenClock]]:
    """Makes stores on which the database's clock stands still until a test moves it."""

    def make(**options: Any) -> tuple[SessionStore, FrozenClock]:
        store, clock = make_store(**options), FrozenClock()
        store.wait_for_sync()
        clock.install(store._database.engine)
        return store, clock

    return make


def expiry(store: SessionStore, sid: str = "a") -> int | None:
    """When a live session expires, in milliseconds."""
    loaded = store.load(sid)
    assert loaded is not None
    return loaded.expire_at


# -- the idle timeout


def test_a_session_expires_when_its_idle_timeout_has_passed(moved_store, clock):
    store = moved_store(max_age=HOUR)
    store.set("a", {"x": 1})

    clock.advance(HOUR - MINUTE)
    assert store.get("a") == {"x": 1}
    clock.advance(2 * MINUTE)
    assert store.get("a") is None


def save_merged(store: SessionStore) -> None:
    mine, theirs = store.load("a"), store.load("a")
    assert mine is not None
    assert theirs is not None
    store.save(theirs, {"theirs": 1}, 1)
    store.save(mine, {"mine": 1})


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
def test_each_touch_and_write_starts_the_idle_timeout_anew(moved_store, clock, renew, timestamps):
    store = moved_store(max_age=HOUR, timestamps=timestamps)
    store.set("a", {"x": 1})
    clock.advance(HOUR - MINUTE)
    renew(store)

    clock.advance(HOUR - MINUTE)
    assert store.get("a") is not None
    clock.advance(2 * MINUTE)
    assert store.get("a") is None


def test_a_read_does_not_renew(moved_store, clock):
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


def test_rotate_does_not_renew(frozen):
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
    "rotate": lambda store: store.rotate("a", "b") and store.rotate("b", "a"),
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


def test_the_absolute_timeout_limits_the_idle_timeout_from_the_start(frozen):
    store, clock = frozen(max_age=None, absolute_max_age=HOUR, timestamps=True)
    store.set("a", {})
    store.set_many({"b": {}}, 2 * HOUR)
    store.save(store.blank("c"), {}, math.inf)

    assert [expiry(store, sid) for sid in "abc"] == [clock.now + HOUR * 1000] * 3


def test_a_session_without_created_at_counts_from_its_first_renewal(frozen):
    """The table may be older than its timestamps."""
    store, clock = frozen(max_age=HOUR, absolute_max_age=2 * HOUR, timestamps=True)
    store.set("a", {})
    with store._database.engine.connect() as connection:
        connection.execute(store.table.update().values(created_at=None, updated_at=None))
    clock.now += 1000
    store.touch("a")

    [record] = store.find()
    assert record.created_at.timestamp() * 1000 == clock.now
    for _ in range(4):
        clock.now += HOUR // 2 * 1000 - 1
        store.touch("a")
    assert expiry(store) == record.created_at.timestamp() * 1000 + 2 * HOUR * 1000


def test_the_absolute_timeout_needs_timestamps(make_store):
    with pytest.raises(ConfigurationError, match="timestamps"):
        make_store(absolute_max_age=HOUR)


# -- spans

WITH_MAX_AGE: dict[str, Callable[[Any, Any], object]] = {
    "set": lambda store, age: store.set("a", {"x": 1}, age),
    "set_many": lambda store, age: store.set_many({"a": {"x": 1}}, age),
    "touch": lambda store, age: [store.set("a", {"x": 1}), store.touch("a", age)],
    "save, changed": lambda store, age: [store.set("a", {}), store.save(store.load("a"), {"x": 1}, age)],
    "save, unchanged": lambda store, age: [
        store.set("a", {"x": 1}),
        store.save(store.load("a"), {"x": 1}, age),
    ],
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


@pytest.mark.parametrize("max_age", [None, math.inf], ids=repr)
def test_a_session_without_idle_timeout_never_expires(moved_store, clock, max_age):
    store = moved_store(max_age=max_age)
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


def test_what_is_no_span_is_refused_before_sql(store):
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
def test_what_is_no_span_is_refused_as_an_option(option, span):
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

        assert (loaded.now, loaded.expire_at) == (clock.now, clock.now + 1000)
        assert round(loaded.updated_at.timestamp() * 1000) == clock.now


# -- every read, whether gc ran or not

ABSENT: dict[str, tuple[Callable[[SessionStore], object], object]] = {
    "get": (lambda store: store.get("a"), None),
    "load": (lambda store: store.load("a"), None),
    "get_many": (lambda store: store.get_many(["a", "b"]), {"b": {"user_id": 2}}),
    "find": (lambda store: store.find(user_id=1), []),
    "find, any": (lambda store: [record.data for record in store.find()], [{"user_id": 2}]),
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


def test_destroy_removes_an_expired_row_too(moved_store, clock):
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


# -- timestamps


def test_timestamps_tell_the_first_and_the_last_write(frozen):
    store, clock = frozen(timestamps=True)

    def stamps() -> tuple[float, float]:
        [record] = store.find()
        return record.created_at.timestamp() * 1000, record.updated_at.timestamp() * 1000

    first = clock.now
    store.set("a", {"x": 1})
    assert stamps() == (first, first)
    for write in (
        lambda: store.set("a", {"x": 2}),
        lambda: store.set_many({"a": {"x": 3}}),
        lambda: store.touch("a"),
        lambda: store.save(store.load("a"), {"x": 4}),
        lambda: save_merged(store),
        lambda: store.save(store.blank("a"), {"x": 5}),
    ):
        clock.now += 1001
        write()
        assert stamps() == (first, clock.now)
    last = clock.now
    clock.now += 1001
    store.get("a")
    store.rotate("a", "b")
    assert stamps() == (first, last)


def test_set_over_an_expired_row_starts_a_new_session(frozen):
    store, clock = frozen(max_age=10, absolute_max_age=15, timestamps=True)
    for renew in (
        lambda: store.set("a", {"new": 1}),
        lambda: store.set_many({"a": {"new": 1}}),
        lambda: store.save(store.blank("a"), {"new": 1}),
    ):
        store.set("a", {"old": 1})
        clock.now += 10_000
        assert store.get("a") is None
        renew()

        [record] = store.find()
        assert record.data == {"new": 1}
        assert record.created_at.timestamp() * 1000 == clock.now
        assert expiry(store) == clock.now + 10_000
        clock.now += 10_000


def test_timestamps_are_aware_and_in_utc(store):
    store.set("a", {})
    [record] = store.find()
    loaded = store.load("a")

    for moment in (record.created_at, record.updated_at, record.expires_at, loaded.created_at):
        assert moment.tzinfo is dt.UTC
        assert abs((moment - dt.datetime.now(dt.UTC)).total_seconds()) < 25 * HOUR


@pytest.fixture(params=["+09:00", "-07:30"])
def foreign_zone(request, monkeypatch, url) -> Iterator[str]:
    """The database's URL, where its sessions, and this process, have another time zone than UTC."""
    parts, zone = make_url(url), request.param
    # POSIX counts westwards.
    posix = f"XXX{'-' if zone[0] == '+' else '+'}{zone[1:]}"
    monkeypatch.setenv("TZ", posix)
    time.tzset()
    query = {
        "sqlite": {},
        "postgresql": {"options": f"-c timezone={posix}"},
        "mariadb": {"init_command": f"SET time_zone = '{zone}'"},
    }[database_of(url)]
    yield parts.update_query_dict(query).render_as_string(hide_password=False)
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("engine", [True, False], ids=["engine", "URL"])
def test_moments_are_right_in_any_time_zone(make_store, foreign_zone, url, engine):
    if engine:
        foreign_zone = create_engine(foreign_zone)
    store = make_store(foreign_zone, max_age=HOUR, absolute_max_age=2 * HOUR, timestamps=True)
    store.wait_for_sync()
    elsewhere = make_store(url, max_age=HOUR, timestamps=True)
    clock = FrozenClock()
    clock.install(store._database.engine)
    clock.install(elsewhere._database.engine)
    store.set("a", {})
    clock.now += 1000
    store.touch("a", 10 * HOUR)

    for one in (store, elsewhere):
        [record] = one.find()
        assert record.created_at.timestamp() * 1000 == clock.now - 1000
        assert record.updated_at.timestamp() * 1000 == clock.now
        assert record.expires_at.timestamp() * 1000 == clock.now - 1000 + 2 * HOUR * 1000
        assert {moment.utcoffset() for moment in (record.created_at, record.updated_at)} == {dt.timedelta(0)}
    if engine:
        foreign_zone.dispose()


# -- how often an unchanged session is touched


@pytest.mark.parametrize(
    ("max_age", "interval"),
    [(20, 1), (1000, 50), (1200, 60), (24 * HOUR, 60), (365 * 24 * HOUR, 60)],
)
def test_an_unchanged_session_is_touched_after_a_twentieth_of_its_idle_timeout_and_a_minute_at_most(
    frozen, max_age, interval
):
    store, clock = frozen(max_age=max_age)
    store.set("a", {"x": 1})
    first = clock.now

    clock.now = first + interval * 1000 - 1
    assert store.save(store.load("a"), {"x": 1}).outcome is Outcome.UNCHANGED
    assert expiry(store) == first + max_age * 1000
    clock.now = first + interval * 1000
    assert store.save(store.load("a"), {"x": 1}).outcome is Outcome.TOUCHED
    assert expiry(store) == clock.now + max_age * 1000
    assert store.save(store.load("a"), {"x": 1}).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("touch_interval", [300, 300.0, dt.timedelta(minutes=5)], ids=repr)
def test_touch_interval_says_otherwise(frozen, touch_interval):
    store, clock = frozen(max_age=HOUR, touch_interval=touch_interval)
    store.set("a", {})

    clock.now += 299_999
    assert store.save(store.load("a"), {}).outcome is Outcome.UNCHANGED
    clock.now += 1
    assert store.save(store.load("a"), {}).outcome is Outcome.TOUCHED


def test_touch_interval_0_touches_each_time(frozen):
    store, _ = frozen(touch_interval=0)
    store.set("a", {})

    assert store.save(store.load("a"), {}).outcome is Outcome.TOUCHED
    assert store.save(store.load("a"), {}).outcome is Outcome.TOUCHED


def test_a_touch_changes_nothing_but_the_expiry(frozen):
    store, clock = frozen(touch_interval=0)
    store.set("a", {"x": 1, "user_id": 1})
    [before] = stored_rows(store)
    clock.now += 1000
    store.save(store.load("a"), {"x": 1, "user_id": 1})

    [after] = stored_rows(store)
    names = [column.name for column in store.table.c]
    changed = [name for name, old, new in zip(names, before, after, strict=True) if old != new]
    assert changed == ["expire_at"]


def test_a_changed_session_is_saved_whatever_the_interval(frozen):
    store, clock = frozen(max_age=HOUR)
    store.set("a", {"x": 1})
    clock.now += 1

    assert store.save(store.load("a"), {"x": 2}).outcome is Outcome.SAVED
    assert expiry(store) == clock.now + HOUR * 1000


def test_a_much_shorter_idle_timeout_of_the_call_is_written_at_once(frozen):
    store, clock = frozen(max_age=HOUR)
    store.set("a", {})

    assert store.save(store.load("a"), {}, MINUTE).outcome is Outcome.TOUCHED
    assert expiry(store) == clock.now + MINUTE * 1000


def test_a_session_at_its_absolute_timeout_is_not_touched_in_vain(frozen):
    store, clock = frozen(max_age=HOUR, absolute_max_age=HOUR, timestamps=True)
    store.set("a", {})
    clock.now += HOUR // 2 * 1000

    assert store.save(store.load("a"), {}).outcome is Outcome.UNCHANGED


def test_a_further_save_of_the_same_request_is_not_touched_again(frozen):
    store, clock = frozen(max_age=HOUR)
    store.set("a", {"x": 1})
    clock.now += 600_000
    outcome, session = store.save(store.load("a"), {"x": 1})

    assert outcome is Outcome.TOUCHED
    assert store.save(session, {"x": 1}).outcome is Outcome.UNCHANGED


# -- gc


def test_gc_removes_just_the_expired_sessions(moved_store, clock):
    store = moved_store(max_age=HOUR)
    store.set_many({f"old{number}": {} for number in range(30)})
    store.set_many({f"forever{number}": {} for number in range(3)}, math.inf)
    clock.advance(HOUR / 2)
    store.set_many({f"new{number}": {} for number in range(5)})
    store.touch("old7")
    clock.advance(HOUR / 2 + MINUTE)

    assert store.gc() == 29
    assert len(stored_rows(store)) == store.count() == 9
    assert store.gc() == 0


def test_gc_removes_in_batches(moved_store, clock, monkeypatch):
    monkeypatch.setattr(janitor, "BATCH", 4)
    store = moved_store(max_age=HOUR)
    store.set_many({f"s{number}": {} for number in range(10)})
    clock.advance(HOUR + MINUTE)
    removed: list[int] = []

    def executed(_connection, cursor, statement, *_rest) -> None:
        if statement.startswith("DELETE"):
            removed.append(cursor.rowcount)

    event.listen(store._database.engine, "after_cursor_execute", executed)

    assert store.gc() == 10
    assert removed == [4, 4, 2]


def test_gc_does_not_remove_a_session_that_began_anew_after_it_looked(moved_store, clock):
    store = moved_store(max_age=HOUR)
    store.set_many({"a": {}, "b": {}})
    clock.advance(HOUR + MINUTE)
    statements, run = store._statements, store._database.run
    expired = [handle for (handle,) in run(statements.expired(10), {}).rows]
    assert len(expired) == 2

    store.set("a", {"new": 1})
    assert run(statements.delete_expired(expired), {}).count == 1

    assert store.get("a") == {"new": 1}
    assert len(stored_rows(store)) == 1


def test_nobody_can_take_a_session_from_gc_between_its_two_statements(moved_store, clock, monkeypatch):
    """What it saw stays as it saw it: a set has to wait, and is no less stored for that."""
    store = moved_store(max_age=HOUR)
    store.set("a", {"old": 1})
    clock.advance(HOUR + MINUTE)
    delete = store._statements.delete_expired

    with ThreadPoolExecutor(1) as pool:
        setting = []

        def delete_expired(handles: Any) -> Any:
            setting.append(pool.submit(store.set, "a", {"new": 1}))
            return delete(handles)

        monkeypatch.setattr(store._statements, "delete_expired", delete_expired)
        assert store.gc() == 1
        setting[0].result()

    assert store.get("a") == {"new": 1}


def test_gc_does_not_wait_for_a_row_that_another_transaction_holds(moved_store, clock, url):
    store = moved_store(max_age=HOUR, timestamps=True)
    store.set_many({f"s{number}": {} for number in range(5)})
    clock.advance(HOUR + MINUTE)
    other = create_engine(url)
    held = store.table.c.sid == store.handle("s3")

    with ThreadPoolExecutor(1) as pool, other.connect() as connection:
        connection.execute(store.table.update().where(held).values(user_id=1))
        collecting = pool.submit(store.gc)
        if database_of(url) == "sqlite":
            # A writer has the whole database to itself, and gc waits its turn.
            connection.rollback()
            assert collecting.result() == 5
        else:
            assert collecting.result(PATIENCE) == 4
            connection.rollback()
            assert store.gc() == 1
    other.dispose()
    assert stored_rows(store) == []


def test_one_process_at_a_time_collects(moved_store, clock, url, table_name):
    store, other = moved_store(max_age=HOUR), moved_store(max_age=HOUR)
    store.set_many({f"s{number}": {} for number in range(5)})
    clock.advance(HOUR + MINUTE)

    database = other._database
    with (
        ThreadPoolExecutor(1) as pool,
        database.transaction() as connection,
        database.dialect.alone(connection, f"gc {table_name}", wait=0) as alone,
    ):
        assert alone
        collecting = pool.submit(store.gc)
        if database_of(url) == "sqlite":
            # Whoever collects is the one writer.
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("BEGIN")
            assert collecting.result() == 5
        else:
            assert collecting.result(PATIENCE) == 0
            assert len(stored_rows(store)) == 5
    assert store.gc() == (0 if database_of(url) == "sqlite" else 5)


def test_tables_are_collected_independently(moved_store, clock, table_name, url):
    store, other = moved_store(max_age=HOUR), moved_store(max_age=HOUR, table_name=f"{table_name}_b")
    for one in (store, other):
        one.set("a", {})
    clock.advance(HOUR + MINUTE)

    if database_of(url) == "sqlite":
        assert store.gc() == 1
    else:
        with (
            other._database.transaction() as connection,
            other._database.dialect.alone(connection, f"gc {other.table.name}", wait=0),
        ):
            assert store.gc() == 1
    assert other.gc() == 1


# -- gc by itself


def collected_in_background(store: SessionStore) -> threading.Thread:
    """Write until gc has been woken up, and wait for its end."""
    while store._janitor._thread is None:
        store.touch("live")
    thread = store._janitor._thread
    thread.join()
    return thread


def test_a_store_that_writes_collects_by_itself(moved_store, clock):
    store = moved_store(max_age=HOUR, gc_interval=0.001)
    store._janitor._due = math.inf
    store.set_many({f"s{number}": {} for number in range(5)})
    store.set("live", {}, math.inf)
    clock.advance(HOUR + MINUTE)
    store._janitor._due = 0

    thread = collected_in_background(store)

    assert len(stored_rows(store)) == 1
    assert thread.daemon
    assert thread is not threading.current_thread()


def test_a_store_that_only_reads_collects_nothing(moved_store, clock):
    store = moved_store(max_age=HOUR, gc_interval=0.001)
    store._janitor._due = math.inf
    store.set("a", {"user_id": 1})
    clock.advance(HOUR + MINUTE)
    store._janitor._due = 0
    for _ in range(3):
        assert store.get("a") is None
        assert store.find(user_id=1) == []

    assert store._janitor._thread is None
    assert len(stored_rows(store)) == 1


def test_gc_interval_none_leaves_it_to_the_application(moved_store, clock):
    store = moved_store(max_age=HOUR, gc_interval=None)
    store.set("a", {})
    clock.advance(10_000 * HOUR)
    store.set("b", {})

    assert store._janitor._thread is None
    assert store.gc() == 1


def test_the_first_time_falls_anywhere_in_the_first_interval(make_store):
    """Workers that start together do not clean together."""
    before = time.monotonic()
    due = [make_store(gc_interval=HOUR)._janitor._due - before for _ in range(20)]

    assert all(0 <= one <= HOUR + MINUTE for one in due)
    assert len(set(due)) > 1


def test_a_failing_collection_is_told_in_the_log_and_to_nobody_else(moved_store, clock, caplog):
    store = moved_store(max_age=HOUR, gc_interval=0.001)
    store.set("live", {}, math.inf)
    with store._database.engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {store.table.name} RENAME TO {store.table.name}_away")
        connection.commit()

    store._janitor._due = 0
    store._janitor.wake()
    store._janitor._thread.join()

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "expired sessions were not removed" in caplog.text


def test_close_ends_a_collection_after_its_batch(moved_store, clock, monkeypatch):
    monkeypatch.setattr(janitor, "BATCH", 1)
    store = moved_store(max_age=HOUR, gc_interval=0.001)
    store._janitor._due = math.inf
    store.set_many({f"s{number}": {} for number in range(5)})
    clock.advance(HOUR + MINUTE)
    collect, under_way = store._janitor._collect_batch, threading.Event()

    def collect_batch(connection: Any) -> int:
        under_way.set()
        assert store._janitor._stopping.wait(30)
        return collect(connection)

    monkeypatch.setattr(store._janitor, "_collect_batch", collect_batch)
    store._janitor._due = 0
    store._janitor.wake()
    thread = store._janitor._thread
    assert under_way.wait(30)

    store.close()

    assert not thread.is_alive()
    assert len(stored_rows(store)) == 4
    store.close()


EXITING = """
import sys
from schema_session_backend import SessionStore, janitor

janitor.BATCH = 1
url, table_name, close = sys.argv[1:]
store = SessionStore(url, table_name=table_name, schemas="user_id Integer index", gc_interval=0.001)
store._janitor._due = float("inf")
store.set_many({f"s{number}": {} for number in range(2000)}, max_age=0.001)
store._janitor._due = 0
store.set("live", {})
if store._janitor._thread is None or not store._janitor._thread.is_alive():
    raise SystemExit("gc does not run")
if close == "True":
    store.close()
"""


@pytest.mark.parametrize("close", [True, False])
def test_an_interpreter_that_exits_while_gc_runs_says_nothing(url, table_name, make_store, close):
    done = subprocess.run(
        [sys.executable, "-c", EXITING, url, table_name, str(close)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(schema_session_backend.__file__).parent.parent,
        timeout=60,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    store = make_store(schemas="user_id Integer index")
    assert store.get("live") == {}
    assert 1 < len(stored_rows(store)) <= 2001
