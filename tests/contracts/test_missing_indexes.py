"""A store with `sync` builds the indexes that its table lacks, and nobody waits for that."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from mismatches import run
from sqlalchemy import create_engine, event, inspect, text
from values import database_of

from schema_session_backend import StoreUnavailable
from schema_session_backend._sql import indexing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from schema_session_backend import SessionStore
    from schema_session_backend._sql.database import Database

WITHOUT, WITH = "user_id Integer; device String(50)", "user_id Integer index; device String(50)"


@pytest.fixture
def table(make_store):
    """A table with a session and without an index on `user_id`."""
    store = make_store(schemas=WITHOUT)
    store.set("old", {"user_id": 1})
    return store


def indexed(engine, table_name) -> bool:
    return ["user_id"] in [index["column_names"] for index in inspect(engine).get_indexes(table_name)]


@contextmanager
def unfinished_writer(store: SessionStore, url: str) -> Iterator[None]:
    """Another client's transaction that has written to the table, and is idle."""
    engine = create_engine(url)
    with engine.connect() as connection:
        store.within(connection).set("other", {"user_id": 2})
        yield
    engine.dispose()


def test_a_missing_index_is_built_in_the_background(table, make_store, engine, table_name, caplog):
    caplog.set_level(logging.INFO, "schema_session_backend")
    store = make_store(schemas=WITH)

    assert store.get("old") == {"user_id": 1}
    store.close()  # which waits for it

    assert indexed(engine, table_name)
    [record] = caplog.records
    assert "a missing index was built: " in record.getMessage()


def test_an_index_of_a_new_column_is_built_after_it(table, make_store, engine, table_name):
    """So that no request waits for a lock while the database reads the whole table."""
    store = make_store(schemas=f"{WITHOUT}; place String(20) index; role String(9) unique")
    at_once: list[str] = []
    add = store._synchronizer._add

    def watched(connection: Connection) -> None:
        def hear(*given: Any) -> None:
            at_once.append(given[2])

        event.listen(connection, "before_cursor_execute", hear)
        add(connection)
        event.remove(connection, "before_cursor_execute", hear)

    store._synchronizer._add = watched
    store.set("new", {"place": "Rome"})
    store.close()

    names = [index["column_names"] for index in inspect(engine).get_indexes(table_name)]
    assert ["place"] in names
    assert any("ADD COLUMN place" in statement for statement in at_once)
    assert not any("INDEX" in statement and "place" in statement for statement in at_once)


def test_a_store_without_sync_builds_none(table, make_store, engine, table_name):
    store = make_store(schemas=WITH, sync=False)

    store.set("a", {})
    store.close()

    assert not indexed(engine, table_name)


def test_it_can_be_waited_for_and_is_built_once(table, make_store, engine, table_name):
    store = make_store(schemas=WITH, sync=False)

    [statement] = store.build_indexes()

    online = {"sqlite": "CREATE INDEX", "postgresql": "CONCURRENTLY", "mariadb": "LOCK=NONE"}
    assert online[database_of(store.engine.url.render_as_string())] in statement
    assert indexed(engine, table_name)
    assert store.build_indexes() == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_nobody_waits_for_an_index_that_is_being_built(table, make_store, url, engine, table_name):
    """PostgreSQL builds it in steps, each of which waits for the transactions that were there before."""
    with unfinished_writer(table, url):
        store = make_store(schemas=WITH, deadline=1)
        store.wait_for_sync()
        store.set("new", {"user_id": 3})
        assert store.get("new") == {"user_id": 3}
        assert store.count(user_id=3) == 1
        assert not store.differences()[0].problem.startswith("it lacks")
    store.close()

    assert indexed(engine, table_name)
    assert store.differences() == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_an_index_whose_building_was_interrupted_is_completed(table, make_store, url, engine, table_name):
    store = make_store(schemas=WITH, sync=False)

    def build() -> None:
        with pytest.raises(StoreUnavailable):
            store.build_indexes()

    with unfinished_writer(table, url):
        thread = threading.Thread(target=build)
        thread.start()
        cancelled = False
        while thread.is_alive():
            with engine.begin() as connection:
                cancel = text(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE :start"
                    " AND wait_event_type = 'Lock'"
                )
                start = f"CREATE INDEX CONCURRENTLY ix_{table_name}%"
                cancelled |= bool(connection.execute(cancel, {"start": start}).scalar())
            thread.join(0.05)
    assert cancelled

    [difference] = store.differences()
    assert difference.problem == "has an unfinished index on ['user_id']"
    assert store.build_indexes() == list(difference.ddl)
    assert store.differences() == []


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_transaction_in_the_way_is_left_alone_and_tried_again_after(
    table, make_store, url, engine, table_name, monkeypatch
):
    """MariaDB would keep all others waiting behind the one that waits for the transaction."""
    monkeypatch.setattr(indexing, "PAUSES", (0.05,) * 100)
    with unfinished_writer(table, url):
        store = make_store(schemas=WITH)
        store.set("new", {"user_id": 3})
        assert not indexed(engine, table_name)
    store._indexing._thread.join()

    assert indexed(engine, table_name)


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_one_process_at_a_time_builds_it(table, make_store, url, engine, table_name):
    store, other = make_store(schemas=WITH, sync=False), make_store(schemas=WITH, sync=False)
    database: Database = other._database

    with database.transaction() as connection:
        lock = database.vendor.alone(
            lambda statement: connection.execute(statement).scalar(), f"index {table_name}", wait=0
        )
        with lock as alone:
            assert alone
            assert store.build_indexes() == []
    assert not indexed(engine, table_name)
    assert len(store.build_indexes()) == 1


@pytest.mark.parametrize("url", ["postgresql, partitioned"], indirect=True)
def test_an_index_on_a_table_in_partitions_is_a_warning(make_store, url, caplog):
    make_store(schemas=WITHOUT).set("old", {"user_id": 1})

    make_store(schemas=WITH).wait_for_sync()

    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "has no index on ['user_id']" in record.getMessage()
    run(url.partition(",")[0], record.getMessage().partition("mend it with: ")[2])


def test_a_table_that_is_dropped_meanwhile_is_no_error(table, make_store, engine, table_name):
    store = make_store(schemas=WITH, sync=False)
    store.wait_for_sync()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE {table_name}")

    assert store.build_indexes() == []


def test_what_the_database_refuses_is_a_warning(table, make_store, caplog, monkeypatch):
    monkeypatch.setattr(type(table._database.vendor), "online_index", lambda *_: "CREATE NONSENSE")
    store = make_store(schemas=WITH)

    store.set("a", {})
    store.close()

    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "an index was not built: " in record.getMessage()
