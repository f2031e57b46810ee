"""Connections stay open for the next statement, and at most 15 are open at a time."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from schema_session_backend import StoreUnavailable

pytestmark = pytest.mark.pgbouncer_too


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_row_that_cannot_be_read_holds_no_lock(store, url):
    store.set("a", {})
    with closing(sqlite3.connect(make_url(url).database or "")) as other:
        other.execute(f"UPDATE {store.repo().name} SET additional = CAST(x'ff' AS TEXT)")
        other.commit()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert store.get("a") is None
        other.execute(f"UPDATE {store.repo().name} SET revision = 1")
        other.commit()

        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def test_a_connection_stays_open_for_the_next_statement(make_store):
    store = make_store()
    opened: list[Any] = []
    store.set("a", {})
    event.listen(store.engine, "connect", lambda connection, _record: opened.append(connection))

    for _ in range(20):
        assert store.get("a") == {}
        store.update("a", dict)
    assert opened == []


def test_5_connections_stay_open_and_at_most_15_are_open_at_a_time(make_store):
    store = make_store()
    slots = store._database._slots
    opened: list[Any] = []
    event.listen(store.engine, "connect", lambda connection, _record: opened.append(connection))
    event.listen(store.engine, "close", lambda connection, _record: opened.remove(connection))
    store.set("a", {})

    taken = [slots.take() for _ in range(15)]
    with pytest.raises(StoreUnavailable, match="no connection of the pool became free"):
        slots.take(0)
    for slot in taken:
        slots.put_back(slot)

    assert len(opened) == 5
    assert store.get("a") == {}


def test_a_waiting_thread_gets_the_connection_that_is_put_back(make_store):
    store = make_store()
    store.set("a", {})
    slots = store._database._slots
    taken = [slots.take() for _ in range(15)]
    got: list[Any] = []
    waiter = threading.Thread(target=lambda: got.append(slots.take()))
    waiter.start()

    slots.put_back(taken[0])
    waiter.join(10)

    assert got == [taken[0]]


def test_a_waiting_thread_may_open_a_connection_in_place_of_a_lost_connection(make_store):
    store = make_store()
    store.set("a", {})
    slots = store._database._slots
    taken = [slots.take() for _ in range(15)]
    got: list[Any] = []
    waiter = threading.Thread(target=lambda: got.append(slots.take()))
    waiter.start()

    taken[0].is_usable = False
    slots.put_back(taken[0])
    waiter.join(10)

    assert len(got) == 1
    assert got[0] not in taken


def test_connections_that_were_closed_can_all_be_opened_again(make_store):
    store = make_store()
    for _ in range(3):
        slots = store._database._slots
        for slot in [slots.take() for _ in range(15)]:
            slots.put_back(slot)
        store.close()
    store.set("a", {})
    assert store.get("a") == {}


def test_close_closes_a_connection_in_use_when_it_is_put_back(make_store):
    store = make_store()
    closed: list[Any] = []
    store.set("a", {})
    event.listen(store.engine, "close", lambda connection, _record: closed.append(connection))
    in_use = store._database._slots.take()

    store.close()
    store._database._slots.put_back(in_use)

    assert len(closed) == 1
    assert store.get("a") == {}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("own", [True, False], ids=["URL", "engine"])
def test_a_statement_is_prepared_anew_after_its_table_changed(make_store, url, engine, own):
    store = make_store(url if own else engine)
    store.set("a", {"device": "phone"})
    for _ in range(10):
        assert store.get("a") == {"device": "phone"}
        assert store.update("a", dict) == {"device": "phone"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"ALTER TABLE {store.repo().name} ALTER COLUMN device TYPE VARCHAR(99)")

    assert store.get("a") == {"device": "phone"}
    assert store.update("a", dict) == {"device": "phone"}
