"""One statement a read, one a write, one round trip each: counted on the wire, and by SQLite itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from values import no_sql

from schema_session_backend import InvalidSessionId, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_session_backend import LoadedSession, SessionStore

    Operation = Callable[[SessionStore, LoadedSession], object]

pytestmark = [pytest.mark.partitioned_too, pytest.mark.pgbouncer_too]


ONE: dict[str, Operation] = {
    "get": lambda store, _: store.get("a"),
    "get, absent": lambda store, _: store.get("nobody"),
    "load": lambda store, _: store.load("a"),
    "set": lambda store, _: store.set("a", {"user_id": 1, "cart": [1]}),
    "touch": lambda store, _: store.touch("a"),
    "destroy": lambda store, _: store.destroy("a"),
    "save, changed": lambda store, loaded: store.save(loaded, loaded.data | {"cart": [2]}),
    "save, touch due": lambda store, loaded: store.save(loaded, loaded.data, 10**7),
    "save, blank": lambda store, _: store.save(store.blank("new"), {"user_id": 1}),
    "get_many": lambda store, _: store.get_many(["a", "b", "nobody"]),
    "set_many": lambda store, _: store.set_many({"a": {"user_id": 1}, "b": {"cart": [1]}}),
    "find": lambda store, _: store.find(user_id=1, limit=5),
    "count": lambda store, _: store.count(user_id=1),
    "revoke": lambda store, _: store.revoke("0" * 64),
    "revoke_where": lambda store, _: store.revoke_where(user_id=77),
    "revoke_where, keeping one": lambda store, _: store.revoke_where(user_id=1, keep="a"),
    "keep_newest": lambda store, _: store.keep_newest(3, user_id=1),
}


# psycopg prepares a statement at its fifth execution.
@pytest.mark.parametrize("rounds", [1, 8], ids=["at first", "in the long run"])
@pytest.mark.parametrize("operation", ONE.values(), ids=ONE)
def test_an_operation_is_one_round_trip(counted, counter, operation, rounds):
    store = counted()

    def prepared() -> LoadedSession:
        store.destroy("new")
        store.set_many({"a": {"user_id": 1, "cart": [1]}, "other": {"user_id": 1}})
        loaded = store.load("a")
        assert loaded is not None
        return loaded

    for _ in range(rounds):
        operation(store, prepared())
    loaded = prepared()

    with counter.expect(1):
        operation(store, loaded)


NEW_IDS: dict[str, Operation] = {
    "rotate": lambda store, _: store.rotate("a", "new"),
    "save, a new id": lambda store, loaded: store.save(loaded, {"user_id": 2}, new_sid="new"),
    "save, only a new id": lambda store, loaded: store.save(loaded, loaded.data, new_sid="new"),
}


@pytest.mark.unsealed
@pytest.mark.parametrize("operation", NEW_IDS.values(), ids=NEW_IDS)
def test_a_new_id_is_a_transaction_of_two_statements(counted, counter, operation):
    store = counted()
    store.set("warm", {})
    store.rotate("warm", "up")
    store.set("a", {"user_id": 1})
    loaded = store.load("a")

    with counter.expect(4):
        operation(store, loaded)


def test_a_request_that_changes_a_session_is_two_round_trips(counted, counter):
    store = counted()
    store.set("a", {"visits": 0})
    store.save(store.load("a"), {"visits": 1})

    with counter.expect(2):
        loaded = store.load("a")
        assert store.save(loaded, loaded.data | {"visits": 2}).outcome is Outcome.SAVED


def test_a_further_save_of_the_same_request_is_one_round_trip(counted, counter):
    store = counted()
    store.set("a", {})
    saved = store.save(store.load("a"), {"n": 1})

    with counter.expect(1):
        assert store.save(saved.session, {"n": 2}).outcome is Outcome.SAVED


def test_an_unchanged_session_is_not_written(counted, counter):
    store = counted()
    store.set("a", {"user_id": 1, "cart": [1, {"x": (2, 3)}]})
    loaded = store.load("a")

    with counter.expect(0):
        assert store.save(loaded, loaded.data).outcome is Outcome.UNCHANGED
        assert store.save(loaded, dict(loaded.data)).outcome is Outcome.UNCHANGED


def test_columns_that_a_session_leaves_to_the_database_cost_no_round_trip(counted, counter):
    store = counted(schemas="user_id Integer; level Integer")
    store.set("a", {"user_id": 1})

    with counter.expect(1):
        store.set("a", {"level": 1})


IMPOSSIBLE = ["", "x" * 256, "a\0b", "é", "\ud800", None, 7, b"a"]


@pytest.mark.parametrize("sid", IMPOSSIBLE, ids=ascii)
def test_an_impossible_id_is_no_such_session_without_any_sql(counted, counter, sid):
    store = counted()

    with no_sql(store), counter.expect(0):
        assert store.get(sid) is None
        assert store.load(sid) is None
        assert store.touch(sid) is False
        assert store.destroy(sid) is False
        assert store.revoke(sid) is False
        assert store.rotate(sid, "new") is False
        assert store.get_many([sid]) == {}
        for write in (
            lambda: store.set(sid, {}),
            lambda: store.set_many({"a": {}, sid: {}}),
            lambda: store.blank(sid),
            lambda: store.rotate("a", sid),
        ):
            with pytest.raises(InvalidSessionId):
                write()


def test_calls_without_sessions_run_no_sql(counted, counter):
    store = counted()

    with no_sql(store), counter.expect(0):
        assert store.get_many([]) == {}
        store.set_many({})
