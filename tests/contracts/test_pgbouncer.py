"""PgBouncer in transaction mode: each transaction has any of its connections to PostgreSQL."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, make_url

from databases import PGBOUNCER, through_pgbouncer
from failing_wire import FailingWire
from schema_session_backend import AccessDenied, StoreUnavailable
from servers import postgresql_url, private_pgbouncer_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

pytestmark = pytest.mark.parametrize("url", [PGBOUNCER], indirect=True)
MUCH = 4.0
"""Seconds beyond the deadline, on a machine that is busy."""


@pytest.fixture(scope="module")
def wire(tmp_path_factory) -> Iterator[FailingWire]:
    """Stands between PgBouncer and PostgreSQL."""
    through_pgbouncer(tmp_path_factory.getbasetemp())  # finds both servers, or says which is missing
    wire = FailingWire(postgresql_url())
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def pooled(wire) -> str:
    """The URL of a PgBouncer that no other test uses."""
    return private_pgbouncer_url(wire.url)


@pytest.fixture
def url(pooled, request) -> str:
    assert request.param == PGBOUNCER
    return pooled


@pytest.fixture
def new_engine(url, make_store) -> Iterator[Callable[[], Engine]]:
    """Makes engines of an application that has set nothing for PgBouncer."""
    made: list[Engine] = []

    def new_engine() -> Engine:
        made.append(create_engine(url, pool_size=1))
        return made[-1]

    yield new_engine
    for engine in made:
        engine.dispose()


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        yield
    assert time.monotonic() - start < seconds + MUCH


@pytest.mark.parametrize("within", [False, True], ids=["", "within"])
@pytest.mark.parametrize("own", [True, False], ids=["URL", "engine"])
def test_no_statement_is_taken_for_another_one_that_a_driver_has_prepared(
    make_store, new_engine, engine, url, own, within
):
    """psycopg prepares a statement at its sixth execution, as `_pg3_0` on each connection."""
    reading, ending = (make_store(url if own else new_engine()) for _ in range(2))
    reading.set("a", {"user_id": 1})
    ending.set("b", {})

    def run(store, do):
        if not within:
            return do(store)
        with store.engine.begin() as connection:
            return do(store.within(connection))

    for _ in range(6):
        run(ending, lambda store: store.destroy("nobody"))
    with engine.begin() as connection:
        # PgBouncer gives the connection out that it got back last; this one has it for a while.
        connection.exec_driver_sql("SELECT 1")
        for _ in range(6):
            assert run(reading, lambda store: store.get("a")) == {"user_id": 1}

    for _ in range(6):
        assert run(reading, lambda store: store.get("a")) == {"user_id": 1}
        assert run(ending, lambda store: store.destroy("nobody")) is False


@pytest.mark.parametrize("own", [True, False], ids=["URL", "engine"])
def test_a_server_that_is_silent_behind_it_is_waited_for_until_the_deadline(
    make_store, new_engine, wire, url, own
):
    store = make_store(url if own else new_engine(), deadline=1)
    store.set("a", {})

    wire.is_silent = True
    try:
        for call in (lambda: store.get("a"), lambda: store.set("a", {}), lambda: store.get("a")):
            with in_time(1):
                call()
        another = make_store(deadline=1, sync_timeout=1)
        with in_time(2):  # the shortest that libpq takes to connect
            another.get("a")
    finally:
        wire.is_silent = False
        wire.end_connections()

    for one in (store, another, make_store()):
        one.set("a", {"visits": 2})
        assert one.get("a") == {"visits": 2}


def test_a_server_that_is_down_behind_it_is_unavailable_and_works_when_it_is_back(make_store, wire, url):
    store = make_store(deadline=1)
    store.set("a", {"visits": 1})

    with wire.down():
        for call in (lambda: store.get("a"), lambda: store.set("a", {})):
            with in_time(1):
                call()

    assert store.get("a") == {"visits": 1}


def test_a_server_that_has_restarted_behind_it_costs_no_error(make_store, wire):
    store = make_store()
    store.set("a", {"visits": 0})

    for turn in range(5):
        wire.end_connections()
        assert store.get("a") == {"visits": turn}
        wire.end_connections()
        store.set("a", {"visits": turn + 1})


def test_a_setting_that_it_refuses_is_an_error_at_once(make_store, url):
    settings = make_url(url).update_query_dict({"options": "-c lock_timeout=1s"})
    store = make_store(settings, sync_timeout=60)

    with pytest.raises(AccessDenied, match="unsupported startup parameter"):
        store.get("a")
