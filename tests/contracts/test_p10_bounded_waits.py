"""P10: every wait is bounded by the deadline, and one hot row keeps nobody from another."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from values import database_of

from databases import PGBOUNCER
from failing_wire import FailingWire
from schema_session_backend import SessionStore, StoreUnavailable
from schema_session_backend._sql.watch import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.pgbouncer_too
SERVERS = pytest.mark.parametrize("url", ["postgresql", "mariadb", PGBOUNCER], indirect=True)
MUCH = 4.0
"""Seconds beyond the deadline of a second, on a machine that is busy."""


@pytest.fixture
def wire(url) -> Iterator[FailingWire]:
    wire = FailingWire(url)
    yield wire
    wire.close()


@contextmanager
def locked(engine, store, *handles) -> Iterator[None]:
    """Sessions are locked by a transaction of the application's."""
    with engine.begin() as connection:
        table = store.repo()
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.execute(table.update().where(table.c.sid.in_(handles)).values(device="locked"))
        yield


@contextmanager
def in_time(seconds: float = 1.0) -> Iterator[None]:
    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        yield
    assert time.monotonic() - start < seconds + MUCH


def test_a_hundred_requests_on_one_locked_row_keep_nobody_from_other_sessions(make_store, engine, url):
    store = make_store(deadline=60)
    for sid in ("hot", "cold"):
        store.set(sid, {"visits": 0})

    def count(_number):
        return store.update("hot", lambda data: {"visits": data["visits"] + 1})

    with ThreadPoolExecutor(100) as threads:
        with locked(engine, store, store.handle("hot")):
            waiting = [threads.submit(count, number) for number in range(100)]
            for _ in range(20):
                assert store.get("cold") is not None
                assert store.get("hot") is not None
                if database_of(url) != "sqlite":  # which has one writer at a time
                    store.set("cold", {"visits": 1})
            assert not any(one.done() for one in waiting)
        for one in waiting:
            one.result()
    assert store.get("hot")["visits"] == 100


@SERVERS
def test_locked_rows_keep_nobody_from_reading(make_store, engine):
    store = make_store(deadline=60)
    sids = [f"hot{number}" for number in range(30)]
    store.set_many({sid: {} for sid in sids})

    with ThreadPoolExecutor(30) as threads:
        with locked(engine, store, *map(store.handle, sids)):
            waiting = [threads.submit(store.set, sid, {"visits": 1}) for sid in sids]
            for sid in sids:
                assert store.get(sid) == {}
            assert not any(one.done() for one in waiting)
        for one in waiting:
            one.result()


def test_a_locked_row_is_waited_for_until_the_deadline(make_store, engine):
    store = make_store(deadline=1)
    store.set("a", {})

    with locked(engine, store, store.handle("a")):
        for write in (
            lambda: store.set("a", {"visits": 1}),
            lambda: store.update("a", dict),
            lambda: store.destroy("a"),
        ):
            with in_time():
                write()

    store.set("a", {"visits": 2})
    assert store.get("a") == {"visits": 2}


@SERVERS
@pytest.mark.parametrize("own", [True, False], ids=["URL", "engine"])
def test_a_locked_table_is_waited_for_until_the_deadline(make_store, engine, url, own):
    store = make_store(url if own else engine, deadline=1)
    store.set("a", {})
    name = store.repo().name
    other = create_engine(url)
    with other.begin() as connection:
        if database_of(url) == "postgresql":
            connection.exec_driver_sql(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
        else:
            connection.exec_driver_sql(f"LOCK TABLES {name} WRITE")
        with in_time():
            store.get("a")
        with in_time():
            store.set("a", {"visits": 1})
        if database_of(url) == "mariadb":
            connection.exec_driver_sql("UNLOCK TABLES")
    other.dispose()

    store.set("a", {"visits": 2})
    assert store.get("a") == {"visits": 2}


@SERVERS
@pytest.mark.parametrize("own", [True, False], ids=["URL", "engine"])
def test_a_server_that_is_silent_is_waited_for_until_the_deadline(make_store, wire, own):
    far = create_engine(wire.url)
    store = make_store(wire.url if own else far, deadline=1)
    store.set("a", {})

    wire.is_silent = True
    with in_time():
        store.get("a")
    if own:
        # An application's engine has its own limits for connecting.
        for _ in range(2):
            with in_time(2):  # the shortest that libpq takes
                store.set("a", {"visits": 1})
    wire.is_silent = False

    wire.end_connections()
    store.set("a", {"visits": 2})
    assert store.get("a") == {"visits": 2}
    far.dispose()


@SERVERS
def test_a_write_to_a_silent_server_has_an_outcome_that_is_unknown(make_store, wire):
    store = make_store(wire.url, deadline=1)
    store.set("a", {})
    store.get("a")

    wire.is_silent = True
    with pytest.raises(StoreUnavailable) as caught:
        store.set("a", {"visits": 1})
    assert caught.value.outcome_unknown
    assert caught.value.connection_lost


def test_a_connection_that_its_driver_has_closed_is_not_taken_for_the_next_of_its_number():
    closed, unused = socket.socketpair()
    other, peer = socket.socketpair()
    with closed, unused, other, peer:
        ended, used = Wire.of(closed), Wire.of(other)
        assert ended
        assert used

        ended._replace(number=used.number).shut_down()

        other.sendall(b"still open")
        assert peer.recv(10) == b"still open"
        used.shut_down()
        assert peer.recv(10) == b""


def test_connections_in_use_are_waited_for_until_the_deadline(make_store):
    store = make_store(deadline=0.2)
    store.set("a", {})
    taken = [store._database._slots.take() for _ in range(15)]

    with pytest.raises(StoreUnavailable, match="no connection of the pool became free"):
        store.get("a")
    for slot in taken:
        store._database._slots.put_back(slot)

    assert store.get("a") == {}


@pytest.mark.parametrize("url", ["postgresql", PGBOUNCER], indirect=True)
def test_a_statement_that_was_cancelled_is_tried_again_on_another_connection(store, engine):
    store.set("a", {})
    name = store.repo().name
    done = threading.Event()

    def cancel():
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not done.is_set():
                connection.exec_driver_sql(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                    f" WHERE wait_event_type = 'Lock' AND query LIKE '%%{name}%%'"
                )
                done.wait(0.02)

    with ThreadPoolExecutor(2) as threads:
        with locked(engine, store, store.handle("a")):
            cancelling = threads.submit(cancel)
            writing = threads.submit(store.set, "a", {"visits": 1})
            time.sleep(0.2)
        writing.result()
        done.set()
        cancelling.result()
    assert store.get("a") == {"visits": 1}


@pytest.mark.own_connection
@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_a_primary_that_became_read_only_is_left_for_another_connection(make_store, url):
    store = make_store()
    store.set("a", {})
    slot = store._database._slots.take()
    if database_of(url) == "postgresql":
        slot.connection.exec_driver_sql("SET default_transaction_read_only = on")
    else:
        slot.connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
    store._database._slots.put_back(slot)

    store.set("a", {"visits": 1})

    assert store.get("a") == {"visits": 1}


def test_a_deadline_as_text_and_none_that_is_none():
    with pytest.raises(ValueError, match="deadline"):
        SessionStore("sqlite://", deadline=0)


def test_a_password_in_the_query_of_a_url_is_never_shown():
    store = SessionStore(
        "postgresql+psycopg://app@127.0.0.1:1/app?password=open-sesame&sslpassword=open-sesame2",
        deadline=0.1,
        sync_timeout=0.1,
    )

    assert "open-sesame" not in repr(store)
    with pytest.raises(StoreUnavailable) as caught:
        store.get("a")
    assert "open-sesame" not in str(caught.value)
    store.close()


ENDLESS = text(
    "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)"
    " SELECT max(n) FROM numbers) > 0"
)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("own", [True, False], ids=["URL", "engine"])
def test_a_search_without_end_ends_at_the_deadline(make_store, engine, url, own):
    store = make_store(url if own else engine, deadline=0.3)
    store.set("a", {})

    with in_time(0.3):
        store.find(ENDLESS, limit=1)
    with in_time(0.3):
        store.revoke_where(ENDLESS)

    assert store.get("a") == {}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_file_needs_no_thread_for_the_deadline(make_store):
    """With a second thread, all of a process is slower; and forks of it may hang, as Python 3.12 warns."""
    before = set(threading.enumerate())
    store = make_store()
    store.set("a", {})
    assert store.get("a") == {}

    assert set(threading.enumerate()) <= before
