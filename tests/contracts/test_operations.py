"""What each operation of a store does."""

from __future__ import annotations

import datetime as dt
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Column, Integer, String, event, func
from values import no_sql, stored_rows

from schema_session_backend import (
    ConstraintViolated,
    InvalidField,
    InvalidSessionId,
    Outcome,
    SessionExists,
    SessionStore,
)

pytestmark = pytest.mark.partitioned_too

# -- one session by its id


def test_get_gives_what_set_stored(store):
    store.set("a", {"user_id": 1, "cart": [1, 2]})

    assert store.get("a") == {"user_id": 1, "cart": [1, 2]}
    assert store.get("b") is None


def test_changing_the_result_of_get_changes_no_stored_session(store):
    store.set("a", {"cart": [1]})
    store.get("a")["cart"].append(2)

    assert store.get("a") == {"cart": [1]}


def test_set_replaces_the_whole_session(store):
    store.set("a", {"user_id": 1, "device": "phone", "cart": [1]})
    store.set("a", {"user_id": 2, "seen": True})

    assert store.get("a") == {"user_id": 2, "seen": True}


def test_touch_says_whether_the_session_existed(store):
    store.set("a", {"user_id": 1})

    assert store.touch("a") is True
    assert store.touch("b") is False
    assert store.get("a") == {"user_id": 1}
    assert store.count() == 1


def test_destroy_removes_one_session_and_says_whether_it_existed(store):
    store.set_many({"a": {}, "b": {}})

    assert store.destroy("a") is True
    assert store.destroy("a") is False
    assert (store.get("a"), store.get("b")) == (None, {})


def test_rotate_gives_a_session_a_new_id_and_changes_nothing_else(store):
    store.set("old", {"user_id": 1, "cart": [1]}, max_age=1000)
    [before] = store.find(limit=1000)

    assert store.rotate("old", "new") is True

    [after] = store.find(limit=1000)
    assert store.get("old") is None
    assert store.get("new") == {"user_id": 1, "cart": [1]}
    assert after.handle == store.handle("new")
    assert (after.created_at, after.expires_at) == (before.created_at, before.expires_at)


def test_rotate_of_a_missing_session_creates_none(store):
    assert store.rotate("old", "new") is False
    assert store.count() == 0


def test_rotate_refuses_an_id_that_is_taken(store):
    store.set_many({"old": {"user_id": 1}, "new": {"user_id": 2}})

    with pytest.raises(ConstraintViolated):
        store.rotate("old", "new")

    assert store.get_many(["old", "new"]) == {"old": {"user_id": 1}, "new": {"user_id": 2}}


@pytest.mark.parametrize("change", [{}, {"user_id": 2, "new": 1}], ids=["unchanged", "changed"])
def test_a_save_can_give_a_session_a_new_id(store, change):
    store.set("old", {"user_id": 1, "cart": [1]})
    loaded = store.load("old")
    store.save(store.load("old"), loaded.data | {"theirs": 1})

    saved = store.save(loaded, loaded.data | change, new_sid="new").session

    assert store.get("old") is None
    assert store.get("new") == {"user_id": 1, "cart": [1], "theirs": 1} | change
    assert store.save(saved, saved.data | {"later": 1}).outcome is Outcome.SAVED
    assert store.count() == 1


def test_a_first_save_can_give_a_session_a_new_id(store):
    assert store.save(store.blank("old"), {"user_id": 1}, new_sid="new").outcome is Outcome.SAVED

    assert store.get_many(["old", "new"]) == {"new": {"user_id": 1}}


@pytest.mark.parametrize(
    ("data", "new_sid", "error"),
    [
        ({"user_id": "1"}, "new", InvalidField),
        ({"user_id": 2}, "taken", SessionExists),
        ({"user_id": 1}, "taken", SessionExists),
        ({"user_id": 2}, "", InvalidSessionId),
    ],
)
def test_a_save_that_fails_gives_no_new_id(store, data, new_sid, error):
    store.set_many({"old": {"user_id": 1}, "taken": {}})
    before = stored_rows(store)

    with pytest.raises(error):
        store.save(store.load("old"), data, new_sid=new_sid)

    assert stored_rows(store) == before


# -- many sessions


def test_get_many_gives_the_sessions_that_exist(store):
    store.set_many({"a": {"user_id": 1}, "b": {}, "c": {"cart": [1]}})

    assert store.get_many(iter(["a", "b", "x", "", "a"])) == {"a": {"user_id": 1}, "b": {}}
    assert store.get_many([]) == {}


def test_set_many_replaces_whole_sessions(store):
    store.set("a", {"user_id": 1, "cart": [1]})
    store.set_many({"a": {"device": "phone"}, "b": {"user_id": 2}})

    assert store.get_many("ab") == {"a": {"device": "phone"}, "b": {"user_id": 2}}


def test_set_many_stores_more_than_one_statement_can_take(store):
    sessions = {f"s{number}": {"user_id": number % 7, "n": number} for number in range(1201)}
    store.set("s5", {"device": "before"})
    store.set_many(sessions)

    assert store.count() == 1201
    assert store.get_many(sessions) == sessions


def test_set_many_stores_nothing_if_one_value_does_not_fit(store):
    sessions: dict[str, Any] = {f"s{number}": {"n": number} for number in range(600)}

    with no_sql(store), pytest.raises(InvalidField):
        store.set_many(sessions | {"wrong": {"user_id": "x"}})


@pytest.mark.unique_column
def test_set_many_stores_nothing_if_the_database_refuses_one_session(make_store):
    store = make_store(schemas=[Column("name", String(9), unique=True)])
    store.set("before", {"name": "0"})

    # The last session is in the second statement.
    with pytest.raises(ConstraintViolated):
        store.set_many({f"s{number}": {"name": str(number)} for number in [*range(1, 600), 0]})

    assert store.find(limit=1000) == [
        record for record in store.find(limit=1000) if record.handle == store.handle("before")
    ]
    assert store.count() == 1


def test_set_many_lets_each_session_leave_other_columns_to_the_database(make_store):
    store = make_store(
        schemas=[Column("level", Integer, server_default="5"), Column("rank", Integer, server_default="6")]
    )
    store.set_many({"a": {}, "b": {"level": 1}, "c": {"rank": 1}, "d": {"level": 1, "rank": 1}})

    assert store.get_many("abcd") == {
        "a": {"level": 5, "rank": 6},
        "b": {"level": 1, "rank": 6},
        "c": {"level": 5, "rank": 1},
        "d": {"level": 1, "rank": 1},
    }


# -- the whole table


def test_clear_removes_every_session_of_this_table_only(make_store, table_name):
    store, other = make_store(), make_store(table_name=f"{table_name}_b")
    for one in (store, other):
        one.set_many({"a": {}, "b": {}})

    assert store.clear() == 2
    assert store.clear() == 0
    assert (store.count(), other.count()) == (0, 2)


def test_stores_on_two_tables_share_no_session(make_store, table_name):
    store, other = make_store(), make_store(table_name=f"{table_name}_b")
    store.set("a", {"user_id": 1})

    assert other.get("a") is None
    assert other.destroy("a") is False
    assert store.get("a") == {"user_id": 1}


def test_repo_is_the_table_for_queries_of_the_application(store, engine):
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}, "c": {"user_id": 2}})
    user_id = store.repo().c.user_id
    query = store.repo().select().with_only_columns(user_id, func.count()).group_by(user_id).order_by(user_id)

    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(query)] == [(1, 2), (2, 1)]
    assert store.repo() is store.repo()


def test_fields_are_the_declared_columns(make_store, store):
    assert store.fields == ("user_id", "device", "ip")
    assert make_store(schemas=[]).fields == ()


def test_close_closes_the_connections_of_an_engine_that_the_store_made(make_store):
    store = make_store()
    open_ones = []
    engine = store.engine
    event.listen(engine, "connect", lambda connection, _record: open_ones.append(connection))
    event.listen(engine, "close", lambda connection, _record: open_ones.remove(connection))
    store.set("a", {})
    assert len(open_ones) == 1

    store.close()

    assert open_ones == []


def test_close_leaves_the_applications_engine_open(make_store, engine):
    store = make_store(engine)
    store.set("a", {})
    before = engine.pool.checkedin()

    store.close()

    assert engine.pool.checkedin() == before == 1


def test_a_store_names_its_table_and_no_password(store):
    assert store.repo().name in repr(store)
    assert "secret" not in repr(SessionStore("postgresql+psycopg://app:secret@db/app"))


# -- defaults and constraints


def test_defaults_of_python_and_of_the_database_can_be_searched(make_store):
    numbers = itertools.count(1)
    store = make_store(
        schemas=[
            Column("place", String(9), default="Berlin"),
            Column("number", Integer, default=lambda: next(numbers)),
            Column("level", Integer, server_default="5"),
        ]
    )
    store.set("a", {})
    store.save(store.blank("b"), {"place": "Rome"})

    assert store.find(place="Berlin")[0].data == {"place": "Berlin", "number": 1, "level": 5}
    assert store.find(number=2)[0].data == {"place": "Rome", "number": 2, "level": 5}
    assert store.count(level=5) == 2


@pytest.mark.unique_column
@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.set("b", {"name": "Ann"}),
        lambda store: store.set_many({"b": {"name": "Ann"}}),
        lambda store: store.set_many({"b": {"name": "x"}, "c": {"name": "x"}}),
        lambda store: store.save(store.blank("b"), {"name": "Ann"}),
        lambda store: store.save(store.load("bob"), {"name": "Ann"}),
    ],
    ids=["set", "set_many", "set_many, within", "save, blank", "save"],
)
def test_a_unique_column_refuses_a_second_session_with_the_same_value(make_store, write):
    store = make_store(schemas=[Column("name", String(9), unique=True)])
    store.set_many({"ann": {"name": "Ann"}, "bob": {"name": "Bob"}, "none": {}})
    before = stored_rows(store)

    with pytest.raises(ConstraintViolated):
        write(store)

    assert stored_rows(store) == before
    store.set("ann", {"name": "Ann", "again": True})
    assert store.get("ann") == {"name": "Ann", "again": True}


# -- SQLite in memory


def test_a_database_in_memory_serves_several_threads():
    store = SessionStore("sqlite://", schemas="user_id Integer index")

    def work(number: int) -> int:
        for turn in range(25):
            sid = f"{number}-{turn}"
            store.set(sid, {"user_id": number})
            loaded = store.load(sid)
            assert loaded is not None
            assert store.save(loaded, {"user_id": number, "turn": turn}).outcome is Outcome.SAVED
        return store.count(user_id=number)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [25] * 8
    assert store.get("7-24") == {"user_id": 7, "turn": 24}
    store.close()


def test_stores_on_different_databases_in_memory_share_no_session():
    one, two = SessionStore("sqlite://"), SessionStore("sqlite://")
    one.set("a", {"x": 1}, max_age=dt.timedelta(hours=1))

    assert (one.get("a"), two.get("a")) == ({"x": 1}, None)
    one.close()
    two.close()
