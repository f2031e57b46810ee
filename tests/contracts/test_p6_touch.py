"""P6 and P9: timestamps of a session, and how often an unchanged session is touched."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from values import database_of, expiry, save_merged, stored_rows

from clocks import A_MOMENT, HOUR, MINUTE, DatabaseClock
from schema_session_backend import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.partitioned_too


# -- timestamps


def test_timestamps_tell_the_first_and_the_last_write(frozen):
    store, clock = frozen(timestamps=True)

    def stamps() -> tuple[float, float]:
        [record] = store.find(limit=1000)
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

        [record] = store.find(limit=1000)
        assert record.data == {"new": 1}
        assert record.created_at.timestamp() * 1000 == clock.now
        assert expiry(store) == clock.now + 10_000
        clock.now += 10_000


def test_timestamps_are_aware_and_in_utc(store):
    store.set("a", {})
    [record] = store.find(limit=1000)
    loaded = store.load("a")

    for moment in (record.created_at, record.updated_at, record.expires_at, loaded.created_at):
        assert moment.tzinfo is dt.UTC
        assert abs((moment - dt.datetime.now(dt.UTC)).total_seconds()) < 25 * HOUR


@pytest.fixture(params=["+09:00", "-07:30"])
def foreign_zone(request, monkeypatch, url) -> Iterator[str]:
    """The database's URL, with a time zone other than UTC for its connections and for this process."""
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


@pytest.mark.own_connection
@pytest.mark.parametrize("engine", [True, False], ids=["engine", "URL"])
def test_moments_are_right_in_any_time_zone(make_store, foreign_zone, url, engine):
    if engine:
        foreign_zone = create_engine(foreign_zone)
    store = make_store(foreign_zone, max_age=HOUR, absolute_max_age=2 * HOUR, timestamps=True)
    store.wait_for_sync()
    elsewhere = make_store(url, max_age=HOUR, timestamps=True)
    clock = DatabaseClock(A_MOMENT)
    clock.install(store)
    clock.install(elsewhere)
    store.set("a", {})
    clock.now += 1000
    store.touch("a", 10 * HOUR)

    for one in (store, elsewhere):
        [record] = one.find(limit=1000)
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
def test_touch_interval_sets_how_often_an_unchanged_session_is_touched(frozen, touch_interval):
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
    names = [column.name for column in store.repo().c]
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


def test_a_session_at_its_absolute_timeout_is_not_touched(frozen):
    store, clock = frozen(max_age=HOUR, absolute_max_age=HOUR, timestamps=True)
    store.set("a", {})
    clock.now += HOUR // 2 * 1000

    assert store.save(store.load("a"), {}).outcome is Outcome.UNCHANGED


def test_a_further_save_of_the_same_request_is_not_touched_again(frozen):
    store, clock = frozen(max_age=HOUR)
    store.set("a", {"x": 1})
    clock.now += 600_000
    saved = store.save(store.load("a"), {"x": 1})

    assert saved.outcome is Outcome.TOUCHED
    assert store.save(saved.session, {"x": 1}).outcome is Outcome.UNCHANGED
