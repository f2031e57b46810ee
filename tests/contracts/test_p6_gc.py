"""P6 and P11: gc removes only expired sessions, and no request waits for it."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event
from values import database_of, stored_rows

import schema_session_backend
from clocks import DAY, HOUR, MINUTE, FakeTime
from schema_session_backend._sql import janitor

pytestmark = [pytest.mark.partitioned_too, pytest.mark.pgbouncer_too]

# Seconds after which something that has to be done without waiting is taken for waiting.
PATIENCE = 10


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

    event.listen(store.engine, "after_cursor_execute", executed)

    assert store.gc() == 10
    assert removed == [4, 4, 2]


def test_gc_does_not_remove_a_session_that_began_anew_after_the_search(moved_store, clock):
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


def test_no_transaction_can_renew_a_session_between_the_two_statements_of_gc(moved_store, clock, monkeypatch):
    """gc locks the rows that it selected: a concurrent set waits, and then stores its session."""
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
    held = store.repo().c.sid == store.handle("s3")

    with ThreadPoolExecutor(1) as pool, other.connect() as connection:
        connection.execute(store.repo().update().where(held).values(user_id=1))
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


def scalar_on(connection):
    return lambda statement: connection.execute(statement).scalar()


def test_one_process_at_a_time_collects(moved_store, clock, url, table_name):
    store, other = moved_store(max_age=HOUR), moved_store(max_age=HOUR)
    store.set_many({f"s{number}": {} for number in range(5)})
    clock.advance(HOUR + MINUTE)

    database = other._database
    with (
        ThreadPoolExecutor(1) as pool,
        database.transaction() as connection,
        database.vendor.alone(scalar_on(connection), f"gc {table_name}", wait=0) as alone,
    ):
        assert alone
        collecting = pool.submit(store.gc)
        if database_of(url) == "sqlite":
            # SQLite has one writer at a time, and that is the collecting process.
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
            other._database.vendor.alone(scalar_on(connection), f"gc {other.repo().name}", wait=0),
        ):
            assert store.gc() == 1
    assert other.gc() == 1


# -- gc by itself


@pytest.fixture
def janitors_time(monkeypatch) -> FakeTime:
    """The time by which stores decide to collect."""
    time = FakeTime()
    monkeypatch.setattr(janitor, "time", time)
    return time


def test_a_store_that_writes_collects_by_itself(moved_store, clock, janitors_time):
    store = moved_store(max_age=HOUR, gc_interval=DAY)
    store.set_many({f"s{number}": {} for number in range(5)})
    store.set("live", {}, math.inf)
    clock.advance(HOUR + MINUTE)
    assert len(stored_rows(store)) == 6

    janitors_time.advance(DAY)
    store.touch("live")

    thread = store._janitor._thread
    thread.join()
    assert len(stored_rows(store)) == 1
    assert thread.daemon
    assert thread is not threading.current_thread()


def test_a_store_collects_again_when_the_interval_has_passed(moved_store, clock, janitors_time):
    store = moved_store(max_age=HOUR, gc_interval=DAY)
    store.set("live", {}, math.inf)
    janitors_time.advance(DAY)
    store.touch("live")
    first = store._janitor._thread
    first.join()

    janitors_time.advance(DAY - 1)
    store.touch("live")
    assert store._janitor._thread is first

    janitors_time.advance(1)
    store.touch("live")
    assert store._janitor._thread is not first
    store._janitor._thread.join()


def test_a_store_that_only_reads_collects_nothing(moved_store, clock, janitors_time):
    store = moved_store(max_age=HOUR, gc_interval=DAY)
    store.set("a", {"user_id": 1})
    clock.advance(HOUR + MINUTE)
    janitors_time.advance(DAY)
    for _ in range(3):
        assert store.get("a") is None
        assert store.find(user_id=1) == []

    assert store._janitor._thread is None
    assert len(stored_rows(store)) == 1


def test_gc_interval_none_leaves_gc_to_the_application(moved_store, clock, janitors_time):
    store = moved_store(max_age=HOUR, gc_interval=None)
    store.set("a", {})
    clock.advance(10_000 * HOUR)
    janitors_time.advance(10_000 * HOUR)
    store.set("b", {})

    assert store._janitor._thread is None
    assert store.gc() == 1


def test_the_first_collection_falls_anywhere_in_the_first_interval(make_store, janitors_time):
    """Workers that start together do not clean together."""
    due = [make_store(gc_interval=HOUR)._janitor._due for _ in range(20)]

    assert all(0 <= one <= HOUR for one in due)
    assert len(set(due)) > 1


def test_gc_pauses_after_a_batch_for_as_long_as_the_batch_took(
    moved_store, clock, monkeypatch, janitors_time
):
    monkeypatch.setattr(janitor, "BATCH", 2)
    store = moved_store(max_age=HOUR)
    store.set_many({f"s{number}": {} for number in range(3)})
    clock.advance(HOUR + MINUTE)
    collect = store._janitor._collect_batch
    pauses: list[float] = []

    def collect_batch(*arguments: Any) -> Any:
        janitors_time.advance(30)
        return collect(*arguments)

    monkeypatch.setattr(store._janitor, "_collect_batch", collect_batch)
    monkeypatch.setattr(store._janitor._stopping, "wait", pauses.append)

    assert store.gc() == 3
    assert pauses == [30]


def test_a_failing_collection_is_logged_and_raises_in_no_request(moved_store, clock, caplog, janitors_time):
    store = moved_store(max_age=HOUR, gc_interval=DAY)
    store.set("live", {}, math.inf)
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {store.repo().name} RENAME TO {store.repo().name}_away")
        connection.commit()

    janitors_time.advance(DAY)
    store._janitor.wake()
    store._janitor._thread.join()

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "expired sessions were not removed" in caplog.text


def test_close_ends_a_collection_after_its_batch(moved_store, clock, monkeypatch, janitors_time):
    monkeypatch.setattr(janitor, "BATCH", 1)
    store = moved_store(max_age=HOUR, gc_interval=DAY)
    store.set_many({f"s{number}": {} for number in range(5)})
    clock.advance(HOUR + MINUTE)
    collect, under_way = store._janitor._collect_batch, threading.Event()

    def collect_batch(*arguments: Any) -> Any:
        under_way.set()
        assert store._janitor._stopping.wait(30)
        return collect(*arguments)

    monkeypatch.setattr(store._janitor, "_collect_batch", collect_batch)
    janitors_time.advance(DAY)
    store._janitor.wake()
    thread = store._janitor._thread
    assert under_way.wait(30)

    store.close()

    assert not thread.is_alive()
    assert len(stored_rows(store)) == 4
    store.close()


EXITING = """
import sys
from schema_session_backend import SessionStore
from schema_session_backend._sql import janitor

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


@pytest.mark.unsealed
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
