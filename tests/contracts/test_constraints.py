"""A constraint of the table that refuses a session is named, with its columns and without any value."""

from __future__ import annotations

import pytest
from applications import users_and_sessions
from sqlalchemy import CheckConstraint, Column, Integer, MetaData, String, UniqueConstraint
from values import database_of

from schema_session_backend import ConstraintViolated, SessionExists, SessionMixin

WRITES = {
    "set": lambda store, data: store.set("b", data),
    "set_many": lambda store, data: store.set_many({"b": data, "c": {}}),
    "add": lambda store, data: store.add("new", data),
    "save": lambda store, data: store.save(store.load("b"), data),
    "save, blank": lambda store, data: store.save(store.blank("new"), data),
    "update": lambda store, data: store.update("b", lambda _data: data),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_unique_column_is_named(make_store, write):
    store = make_store(schemas=[Column("token", String(50), unique=True), Column("user_id", Integer)])
    store.set_many({"a": {"token": "hunter2"}, "b": {}})

    with pytest.raises(ConstraintViolated, match="on 'token' of table") as caught:
        write(store, {"token": "hunter2"})

    assert not isinstance(caught.value, SessionExists)
    assert caught.value.columns == ("token",)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_foreign_key_is_named_where_the_database_tells_it(url, base, engine, make_store, write):
    _, sessions = users_and_sessions(base, SessionMixin)
    base.metadata.create_all(engine)
    store = make_store(engine, table=sessions)
    store.set("b", {})

    with pytest.raises(ConstraintViolated, match="'user_id'" if database_of(url) != "sqlite" else "of table"):
        write(store, {"user_id": 4711})


def test_a_check_is_named(url, make_store, table_name):
    metadata = MetaData()
    store = make_store(schemas="level Integer", metadata=metadata)
    store.repo().append_constraint(CheckConstraint("level < 10", name=f"{table_name}_low"))

    with pytest.raises(ConstraintViolated, match=f"'{table_name}_low' of table") as caught:
        store.set("a", {"level": 12})
    assert caught.value.constraint == f"{table_name}_low"


def test_a_constraint_of_two_columns_is_named_with_both(make_store, table_name):
    metadata = MetaData()
    store = make_store(schemas="user_id Integer; device String(20)", metadata=metadata)
    store.repo().append_constraint(UniqueConstraint("user_id", "device", name=f"{table_name}_once"))
    store.set_many({"a": {"user_id": 1, "device": "phone"}, "b": {}})

    with pytest.raises(ConstraintViolated) as caught:
        store.save(store.load("b"), {"user_id": 1, "device": "phone"})
    assert caught.value.constraint == f"{table_name}_once"
    assert caught.value.columns == ("user_id", "device")
