"""A database that cannot be reached is `StoreUnavailable`, and works when it is back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import create_engine, make_url
from values import database_of

from clocks import FakeTime
from databases import PGBOUNCER
from schema_session_backend import AccessDenied, SessionStore, StatementFailed, StoreUnavailable


@pytest.fixture
def patience(monkeypatch) -> FakeTime:
    """The time by which the store waits for its database."""
    time = FakeTime()
    monkeypatch.setattr("schema_session_backend._sql.database.time", time)
    return time


@pytest.fixture
def absent(url, tmp_path):
    """URLs at which no database answers."""
    nobody: Any = {
        "username": "nobody",
        "password": "open-sesame",
        "host": "127.0.0.1",
        "port": 1,
        "database": "none",
    }
    if database_of(url) == "sqlite":
        return f"sqlite:///{tmp_path}/missing/sessions.db"
    return make_url(url).set(**nobody)


def test_a_missing_database_is_unavailable_after_sync_timeout(absent, patience):
    store = SessionStore(absent, sync_timeout=0.5)

    with pytest.raises(StoreUnavailable, match="cannot connect to") as caught:
        store.wait_for_sync()

    assert patience.now == pytest.approx(0.5)
    assert patience.pauses > 2
    assert "open-sesame" not in str(caught.value)
    assert caught.value.__context__ is None
    store.close()


def test_no_operation_waits_longer_than_sync_timeout(absent, patience):
    store = SessionStore(absent, sync_timeout=0.5)

    for operation in (
        lambda: store.get("a"),
        lambda: store.set("a", {}),
        lambda: store.touch("a"),
        lambda: store.find(limit=1),
        store.gc,
        lambda: store.set_many({"a": {}}),
    ):
        before = patience.now
        with pytest.raises(StoreUnavailable):
            operation()
        assert patience.now - before == pytest.approx(0.5)
    store.close()


def test_a_timeout_for_one_wait_counts_instead_of_sync_timeout(absent, patience):
    store = SessionStore(absent, sync_timeout=60)

    with pytest.raises(StoreUnavailable):
        store.wait_for_sync(timeout=0.25)

    assert patience.now == pytest.approx(0.25)
    store.close()


def test_a_database_that_comes_up_in_time_is_used(patience, tmp_path):
    directory = tmp_path / "late"
    store = SessionStore(f"sqlite:///{directory}/sessions.db", sync_timeout=60)
    patience.at_pause[3] = directory.mkdir

    store.wait_for_sync()
    store.set("a", {"cart": [1]})

    assert patience.pauses == 3
    assert store.get("a") == {"cart": [1]}
    store.close()


def test_a_database_that_comes_up_later_is_used_by_the_next_operation(patience, tmp_path):
    directory = tmp_path / "late"
    store = SessionStore(f"sqlite:///{directory}/sessions.db", sync_timeout=0.5)
    with pytest.raises(StoreUnavailable):
        store.get("a")

    directory.mkdir()
    store.set("a", {"cart": [1]})

    assert store.get("a") == {"cart": [1]}
    store.close()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_file_that_cannot_be_opened_is_unavailable_and_says_why(patience, tmp_path, url):
    directory = tmp_path / "a directory"
    directory.mkdir()
    store = SessionStore(f"sqlite:///{directory}", sync_timeout=0.5)

    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        store.wait_for_sync()

    assert patience.now == pytest.approx(0.5)
    store.close()


WRONG: dict[str, dict[str, Any]] = {
    "database": {"database": "no_such_database"},
    "user": {"username": "nobody_of_that_name", "password": "open-sesame"},
}


@pytest.mark.parametrize("url", ["postgresql", "mariadb", PGBOUNCER], indirect=True)
@pytest.mark.parametrize("what", WRONG)
def test_a_login_that_the_server_refuses_is_an_error_at_once(url, what, patience):
    store = SessionStore(make_url(url).set(**WRONG[what]), sync_timeout=60)

    for operation in (store.wait_for_sync, lambda: store.get("a"), lambda: store.set("a", {})):
        with pytest.raises(AccessDenied, match=r"no_such_database|nobody_of_that_name") as caught:
            operation()
        assert "open-sesame" not in str(caught.value)
        assert caught.value.__context__ is None

    assert patience.now == 0
    store.close()


@pytest.mark.parametrize("url", ["postgresql", "mariadb", PGBOUNCER], indirect=True)
def test_a_missing_right_is_an_error_at_once(make_store, reader, patience):
    make_store().set("a", {"user_id": 1})
    store = make_store(reader)

    assert store.get("a") == {"user_id": 1}
    for write in (lambda: store.set("b", {"user_id": 77}), lambda: store.destroy("a")):
        with pytest.raises(AccessDenied, match="denied a statement") as caught:
            write()
        assert "77" not in str(caught.value)
    assert patience.now == 0


@pytest.fixture
def reader(url, table_name, make_store):
    """The URL of the same database for a user who may read the table only."""
    user, engine = f"reader_{table_name}", create_engine(url, isolation_level="AUTOCOMMIT")
    make_store().wait_for_sync()
    quoted = user if database_of(url) == "postgresql" else f"'{user}'@'%%'"
    with engine.connect() as connection:
        kind, password = (
            ("ROLE", "LOGIN") if database_of(url) == "postgresql" else ("USER", "IDENTIFIED BY ''")
        )
        connection.exec_driver_sql(f"CREATE {kind} {quoted} {password}")
        connection.exec_driver_sql(f"GRANT SELECT ON {table_name} TO {quoted}")
        yield make_url(url).set(username=user)
        connection.exec_driver_sql(f"REVOKE ALL ON {table_name} FROM {quoted}")
        connection.exec_driver_sql(f"DROP {kind} {quoted}")
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_read_only_file_or_a_file_that_is_no_database_is_an_error_at_once(
    make_store, url, patience, tmp_path
):
    make_store().set("a", {"user_id": 1})
    path = make_url(url).database
    read_only = make_store(f"sqlite:///file:{path}?mode=ro&uri=true", sync=False)
    (tmp_path / "text").write_text("this is no database " * 100)
    no_database = make_store(f"sqlite:///{tmp_path}/text")

    assert read_only.get("a") == {"user_id": 1}
    with pytest.raises(AccessDenied, match="readonly database"):
        read_only.set("a", {})
    with pytest.raises(AccessDenied, match="file is not a database"):
        no_database.get("a")
    assert patience.now == 0


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_an_error_of_sqlite_names_its_cause(make_store):
    store = make_store()
    store.set("a", {})
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {store.repo().name} RENAME TO {store.repo().name}_b")

    with pytest.raises(StatementFailed, match="no such table") as caught:
        store.get("a")
    assert "log" not in str(caught.value)
