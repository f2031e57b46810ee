"""A database that cannot be reached is `StoreUnavailable`, and works when it is back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import make_url
from values import database_of

from clocks import FakeTime
from schema_session_backend import SessionStore, StoreUnavailable


@pytest.fixture
def patience(monkeypatch) -> FakeTime:
    """The time by which the store waits for its database."""
    time = FakeTime()
    monkeypatch.setattr("schema_session_backend._sql.database.time", time)
    return time


@pytest.fixture
def absent(url, tmp_path):
    """Where a database of each kind would be, if there were one."""
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


def test_a_database_that_is_not_there_is_unavailable_when_sync_timeout_is_over(absent, patience):
    store = SessionStore(absent, sync_timeout=0.5)

    with pytest.raises(StoreUnavailable, match="cannot connect to") as caught:
        store.wait_for_sync()

    assert patience.now == pytest.approx(0.5)
    assert patience.pauses > 2
    assert "open-sesame" not in str(caught.value)
    assert caught.value.__context__ is None
    store.close()


def test_every_operation_waits_that_long_and_not_longer(absent, patience):
    store = SessionStore(absent, sync_timeout=0.5)

    for operation in (
        lambda: store.get("a"),
        lambda: store.set("a", {}),
        lambda: store.touch("a"),
        store.find,
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


def test_a_server_without_that_database_is_unavailable_and_says_why(url, patience, tmp_path):
    missing: Any
    if database_of(url) == "sqlite":
        directory = tmp_path / "a directory"
        directory.mkdir()
        missing, why = f"sqlite:///{directory}", "unable to open database file"
    else:
        missing = make_url(url).set(database="no_such_database")
        why = "no_such_database"
    store = SessionStore(missing, sync_timeout=0.5)

    with pytest.raises(StoreUnavailable, match=why):
        store.wait_for_sync()

    assert patience.now == pytest.approx(0.5)
    store.close()
