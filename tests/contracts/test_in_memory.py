"""SQLite's database in memory lives in its one connection, which no error of a caller may close."""

from __future__ import annotations

import pytest
from sqlalchemy import StaticPool, create_engine
from workers import in_fork

from schema_session_backend import InvalidField, SchemaMismatch, SessionStore


@pytest.fixture(params=["URL", "engine"])
def memory(request):
    """Makes stores on one database in memory."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    made = SessionStore("sqlite://", schemas="user_id Integer", gc_interval=None)
    shared = made.engine if request.param == "URL" else engine

    def make(**options):
        return SessionStore(shared, **{"schemas": "user_id Integer", "gc_interval": None, **options})

    yield make
    made.close()
    engine.dispose()


def test_an_error_of_a_callers_change_keeps_the_database(memory):
    store = memory()
    store.set("a", {"user_id": 1})

    def change(_data):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.update("a", change)
    with pytest.raises(InvalidField):
        store.update("a", lambda _data: {"user_id": "one"})
    assert store.get("a") == {"user_id": 1}


def test_a_mismatch_keeps_the_database(memory):
    store = memory()
    store.set("a", {"user_id": 1})

    with pytest.raises(SchemaMismatch):
        memory(schemas="user_id String(20)").wait_for_sync()
    assert store.get("a") == {"user_id": 1}


def test_a_store_on_a_url_in_memory_serves_one_statement_after_the_other():
    with SessionStore("sqlite://", schemas="user_id Integer") as store:
        store.set("a", {"user_id": 1})
        with store.engine.connect() as connection:
            assert len(connection.execute(store.repo().select()).all()) == 1
        assert store.get("a") == {"user_id": 1}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///file:forked?mode=memory&cache=shared&uri=true"])
def test_a_fork_keeps_the_database_of_the_parent(url):
    with SessionStore(url, schemas="user_id Integer") as store:
        store.set("a", {"user_id": 1})
        in_fork(lambda: None)
        assert store.get("a") == {"user_id": 1}
