"""P2: a key that was never set is absent after reading; a key that was set to None comes back as None."""

from __future__ import annotations

import pytest
from sqlalchemy import Boolean, Column, DateTime, Enum, Integer, LargeBinary, Numeric, String, Uuid
from values import identical, stored_rows, write_row

from schema_session_backend import NULL

pytestmark = pytest.mark.partitioned_too

TYPES = [Integer, String(9), Boolean, Numeric(9, 2), DateTime, LargeBinary, Uuid, Enum("a", "b", name="ab")]


def test_a_declared_key_that_was_never_set_is_absent(store):
    store.set("a", {"cart": [1]})

    assert store.get("a") == {"cart": [1]}
    assert "user_id" not in store.get("a")


def test_a_key_set_to_none_comes_back_as_none(store):
    store.set("a", {"user_id": None, "cart": None})

    assert store.get("a") == {"user_id": None, "cart": None}


def test_an_empty_session_is_a_session(store):
    store.set("a", {})

    assert store.get("a") == {}
    assert store.get("b") is None


def test_none_and_absent_are_both_null_in_the_column(store):
    store.set("a", {"user_id": None})
    store.set("b", {})

    user_id = list(store.repo().c.keys()).index("user_id")
    assert [row[user_id] for row in stored_rows(store)] == [None, None]


@pytest.mark.parametrize("kind", TYPES, ids=repr)
def test_none_and_absent_stay_apart_in_columns_of_any_type(make_store, table_name, kind):
    if isinstance(kind, Enum):  # PostgreSQL makes a type of that name
        kind = Enum("a", "b", name=f"{table_name}_kind", native_enum=False)
    store = make_store(schemas=[Column("field", kind)])
    store.set_many({"none": {"field": None}, "absent": {}})

    assert store.get_many(["none", "absent"]) == {"none": {"field": None}, "absent": {}}


def test_falsy_values_are_neither_none_nor_absent(make_store):
    store = make_store(schemas="n Integer; s String(9); b Boolean; d Double; x LargeBinary")
    falsy = {"n": 0, "s": "", "b": False, "d": 0.0, "x": b"", "rest": [[], {}, "", 0, False]}
    store.set("a", falsy)

    assert identical(store.get("a"), falsy)


@pytest.mark.parametrize("before", [{"user_id": 1}, {"user_id": None}, {}], ids=repr)
@pytest.mark.parametrize("after", [{"user_id": 2}, {"user_id": None}, {}], ids=repr)
def test_a_key_can_change_between_a_value_none_and_absent_in_any_order(store, before, after):
    store.set_many({"set": before, "saved": before, "many": before})

    store.set("set", after)
    store.save(store.load("saved"), after)
    store.set_many({"many": after})

    assert store.get_many(["set", "saved", "many"]) == {"set": after, "saved": after, "many": after}


def test_a_merge_of_two_requests_keeps_none_and_absent_apart(store):
    store.set("a", {"user_id": 1, "device": "phone", "x": 1, "y": 1})
    mine, theirs = store.load("a"), store.load("a")

    store.save(theirs, {"user_id": None, "device": "phone", "x": None, "y": 1})
    store.save(mine, {"user_id": 1, "x": 1, "y": None})

    assert store.get("a") == {"user_id": None, "x": None, "y": None}


def test_listings_keep_none_and_absent_apart(store):
    store.set_many({"a": {"user_id": None}, "b": {}, "c": {"user_id": 1}})

    found = [record.data for record in store.find(user_id=NULL)]
    assert sorted(found, key=len) == [{}, {"user_id": None}]
    assert store.count(user_id=NULL) == 2
    assert store.count(user_id=1) == 1


def test_a_column_that_sql_set_to_null_is_absent(store):
    store.set("a", {"user_id": 1})
    write_row(store, "a", user_id=None)

    assert store.get("a") == {}


def test_a_value_that_sql_put_in_the_place_of_none_is_read(store):
    store.set("a", {"user_id": None})
    write_row(store, "a", user_id=5)

    assert store.get("a") == {"user_id": 5}


def test_a_key_that_is_declared_later_keeps_its_value(make_store, table_name):
    make_store(schemas="device String(50)").set_many({"a": {"user_id": 1}, "b": {"user_id": None}, "c": {}})

    store = make_store(schemas="device String(50); user_id Integer")

    assert store.get_many("abc") == {"a": {"user_id": 1}, "b": {"user_id": None}, "c": {}}
    store.save(store.load("a"), {"user_id": 1, "saved": True})
    assert store.count(user_id=1) == 1
    assert store.get("a") == {"user_id": 1, "saved": True}


# -- defaults


def test_a_default_stands_for_a_key_that_a_new_session_lacks(make_store):
    store = make_store(
        schemas=[Column("level", Integer, default=3), Column("name", String(9), default=lambda: "x")]
    )
    store.set("a", {})
    store.set("b", {"level": 4, "name": "y"})

    assert store.get_many("ab") == {"a": {"level": 3, "name": "x"}, "b": {"level": 4, "name": "y"}}


def test_none_is_not_replaced_by_a_default(make_store):
    store = make_store(
        schemas=[Column("level", Integer, default=3), Column("rank", Integer, server_default="5")]
    )
    store.set("a", {"level": None, "rank": None})

    assert store.get("a") == {"level": None, "rank": None}


def test_a_default_of_the_database_stands_for_a_key_that_a_new_session_lacks(make_store):
    store = make_store(schemas=[Column("level", Integer, server_default="5")])
    store.set("a", {"cart": [1]})
    store.set_many({"b": {}, "c": {"level": 6}})
    store.save(store.blank("d"), {})

    assert store.get_many("abcd") == {
        "a": {"level": 5, "cart": [1]},
        "b": {"level": 5},
        "c": {"level": 6},
        "d": {"level": 5},
    }


@pytest.mark.parametrize(
    "default", [{"default": 5}, {"server_default": "5"}], ids=lambda one: next(iter(one))
)
def test_set_replaces_the_whole_session_so_a_default_replaces_an_old_value(make_store, default):
    store = make_store(schemas=[Column("level", Integer, **default)])
    store.set_many({"a": {"level": 9}, "b": {"level": 9}})

    store.set("a", {})
    store.set_many({"b": {}})

    assert store.get_many("ab") == {"a": {"level": 5}, "b": {"level": 5}}


def test_a_key_that_a_request_removed_stays_removed_whatever_the_default(make_store):
    store = make_store(
        schemas=[Column("level", Integer, default=3), Column("rank", Integer, server_default="5")]
    )
    store.set("a", {"level": 1, "rank": 1})

    store.save(store.load("a"), {})

    assert store.get("a") == {}
