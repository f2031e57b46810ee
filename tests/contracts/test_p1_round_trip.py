"""P1: what goes in comes out, or `set` raises before anything is written."""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import pickle
import sys
from collections import OrderedDict, namedtuple
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH, ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text
from values import ANY_SESSION, SESSIONS, VALUES, database_of, identical, no_sql, stored_rows, write_row

from schema_session_backend import SessionStore, SessionStoreError, UnserializableValue
from schema_session_backend._session.serializer import JsonSerializer, PickleSerializer
from schema_session_backend.errors import SessionTooLarge

pytestmark = pytest.mark.partitioned_too

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
# One table serves all examples of a test: each one stores the same session anew.
SHARED_STORE = [*SLOW, HealthCheck.function_scoped_fixture]


class Color(IntEnum):
    RED = 1


class Name(str):
    __slots__ = ()


class Berlin(dt.tzinfo):
    def utcoffset(self, _moment):
        return dt.timedelta(hours=1)

    def dst(self, _moment):
        return None

    def tzname(self, _moment):
        return None


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


class Basket:
    def __init__(self, *things):
        self.things = things

    def __eq__(self, other):
        return type(other) is Basket and other.things == self.things

    def __hash__(self):
        return hash(self.things)


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the kind of tuple that JSON makes a list of


def _containing_itself() -> list:
    endless: list = []
    endless.append(endless)
    return endless


def _nested(levels: int, innermost: object = 1) -> object:
    for _ in range(levels):
        innermost = [innermost]
    return innermost


def _deep_dict() -> object:
    value: object = 1
    for _ in range(10_000):
        value = ({1: value},)
    return value


TINY_OFFSET = dt.timezone(dt.timedelta(microseconds=1))
# Made when a test runs, because some of these cannot even be printed.
UNSTORABLE: dict[str, Any] = {
    "a lone surrogate": lambda: "\ud800",
    "a lone surrogate in a list": lambda: ["a", "\udfff"],
    "a lone surrogate in a key": lambda: {"\ud800": 1},
    "a lone surrogate in a tuple": lambda: ("\ud800",),
    "a lone surrogate in a set": lambda: {"\ud800"},
    "a lone surrogate in a frozenset in a key": lambda: {frozenset({"\ud800"}): 1},
    "a lone surrogate in a key that is a tuple": lambda: {("\ud800",): 1},
    "a time with an offset of parts of a second": lambda: dt.time(tzinfo=TINY_OFFSET),
    "a datetime with an offset of parts of a second": lambda: dt.datetime(2024, 1, 1, tzinfo=TINY_OFFSET),
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "minus infinity in a dict": lambda: {"a": {"b": float("-inf")}},
    "NaN as a key": lambda: {float("nan"): 1},
    "Decimal NaN": lambda: Decimal("NaN"),
    "Decimal signalling NaN": lambda: [Decimal("sNaN")],
    "an object": object,
    "an object in a set": lambda: {object()},
    "a lambda": lambda: lambda: None,
    "a class": lambda: Color,
    "a generator": lambda: (_ for _ in ()),
    "complex": lambda: 1j,
    "an IntEnum": lambda: Color.RED,
    "an IntEnum as a key": lambda: {Color.RED: 1},
    "a str subclass": lambda: Name("a"),
    "a str subclass as a key": lambda: {Name("a"): 1},
    "a namedtuple": lambda: Point(1, 2),
    "an OrderedDict": lambda: OrderedDict(a=1),
    "an OrderedDict in a list": lambda: [OrderedDict(a=1)],
    "a list that contains itself": _containing_itself,
    "10,000 levels": lambda: _nested(10_000),
    "one level more than 100": lambda: _nested(101),
    "10,000 levels of dicts in tuples": _deep_dict,
    "a foreign time zone": lambda: dt.datetime(2024, 1, 1, tzinfo=Berlin()),
    "a time in a named zone": lambda: dt.time(12, tzinfo=ZoneInfo("Europe/Berlin")),
    "an int of 5,000 digits": lambda: 10**5000,
    "a memoryview": lambda: memoryview(b"a"),
}


# Names what the key of the session is called in the error: itself, or its type if it is no str.
UNSTORABLE_KEYS: dict[str, Any] = {
    "a lone surrogate": ("\ud800", "\ud800"),
    "an IntEnum": (Color.RED, "<Color>"),
    "a str subclass": (Name("a"), "<Name>"),
    "NaN": (float("nan"), "<float>"),
    "a namedtuple": (Point(1, 2), "<Point>"),
}


# -- the serializer alone


@settings(max_examples=500, deadline=None, suppress_health_check=SLOW)
@given(session=ANY_SESSION)
def test_every_session_of_supported_types_comes_back_identical(session):
    serializer = JsonSerializer()

    assert identical(serializer.loads(serializer.dumps(session)), session)


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(value=VALUES)
def test_the_same_value_is_always_the_same_text(value):
    serializer = JsonSerializer()
    once = serializer.dumps({"a": value})

    assert serializer.dumps(serializer.loads(once)) == once
    assert serializer.same(value, serializer.loads(once)["a"])


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(one=VALUES, other=VALUES)
def test_the_serializer_takes_two_values_for_the_same_just_when_they_are_identical(one, other):
    assert JsonSerializer().same(one, other) is identical(one, other)


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64, 10**30, -(2**63), -(2**63) - 1])
def test_a_number_is_the_same_text_whatever_is_beside_it(number):
    serializer = JsonSerializer()
    alone = serializer.dumps({"n": number})

    # With a tuple beside it, each value is looked at.
    assert json.loads(alone)["n"] == json.loads(serializer.dumps({"n": number, "t": ()}))["n"]
    assert serializer.loads(alone) == {"n": number}


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(session=ANY_SESSION)
def test_the_text_is_json_without_nul(session):
    text_ = JsonSerializer().dumps(session)

    assert type(json.loads(text_)) is dict
    assert "\0" not in text_


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(session=ANY_SESSION)
def test_pickle_gives_every_session_back_identical_too(session):
    serializer = PickleSerializer()

    assert identical(serializer.loads(serializer.dumps(session)), session)


# -- through the store


@settings(max_examples=60, deadline=None, suppress_health_check=SHARED_STORE)
@given(session=SESSIONS)
def test_what_is_set_is_what_get_gives(store, session):
    store.set("a", session)

    assert identical(store.get("a"), session)


@settings(max_examples=30, deadline=None, suppress_health_check=SHARED_STORE)
@given(before=SESSIONS, after=SESSIONS)
def test_what_is_saved_is_what_the_next_load_gives(store, before, after):
    store.set("a", before)
    store.save(store.load("a"), after)

    assert identical(store.get("a"), after)


@settings(max_examples=20, deadline=None, suppress_health_check=SHARED_STORE)
@given(one=SESSIONS, other=SESSIONS)
def test_what_set_many_stores_is_what_get_many_and_find_give(store, one, other):
    store.clear()
    store.set_many({"a": one, "b": other})

    assert identical(store.get_many(["a", "b", "c"]), {"a": one, "b": other})
    found = {record.handle: record.data for record in store.find()}
    assert identical(found, {store.handle("a"): one, store.handle("b"): other})


@pytest.mark.parametrize("name", UNSTORABLE)
def test_a_value_that_would_come_back_changed_is_refused_and_the_old_row_stays(store, name):
    store.set("a", {"user_id": 1, "cart": [1, 2]})
    before = stored_rows(store)

    with no_sql(store), pytest.raises(UnserializableValue) as caught:
        store.set("a", {"user_id": 2, "good": 1, "bad": UNSTORABLE[name]()})

    assert caught.value.key == "bad"
    assert "'bad'" in str(caught.value)
    assert stored_rows(store) == before


@pytest.fixture
def memory_store():
    """For what is done before any database is asked, so that one is enough."""
    store = SessionStore("sqlite://", gc_interval=None)
    yield store
    store.close()


@pytest.mark.parametrize("name", UNSTORABLE)
def test_such_a_value_is_refused_by_save_and_set_many_too(memory_store, name):
    store = memory_store
    store.set("a", {"cart": [1, 2]})
    loaded = store.load("a")
    before = stored_rows(store)

    with pytest.raises(UnserializableValue):
        store.save(loaded, {"bad": UNSTORABLE[name]()})
    with pytest.raises(UnserializableValue):
        store.save(store.blank("b"), {"bad": UNSTORABLE[name]()})
    with pytest.raises(UnserializableValue):
        store.set_many({"c": {"good": 1}, "a": {"bad": UNSTORABLE[name]()}})

    assert stored_rows(store) == before


@pytest.mark.parametrize("name", UNSTORABLE_KEYS)
def test_a_key_that_would_come_back_changed_is_refused_by_name(store, name):
    key, called = UNSTORABLE_KEYS[name]
    store.set("a", {"cart": [1, 2]})
    before = stored_rows(store)

    with pytest.raises(UnserializableValue) as caught:
        store.set("a", {"cart": [], key: 1})

    assert caught.value.key == called
    assert stored_rows(store) == before


def test_the_error_names_the_key_that_is_at_fault_and_not_another_one():
    with pytest.raises(UnserializableValue) as caught:
        JsonSerializer().dumps({2: "fine", b"fine": 1, Color.RED: "not fine"})

    assert caught.value.key == "<Color>"


def test_a_named_zone_that_reading_would_not_find_is_refused():
    """`ZoneInfo.from_file` may give any name to any rules."""
    files = next(path for path in map(Path, TZPATH) if (path / "Europe" / "Berlin").exists())
    with (files / "Europe" / "Berlin").open("rb") as file:
        zone = ZoneInfo.from_file(file, key="Our/Own")

    with pytest.raises(UnserializableValue):
        JsonSerializer().dumps({"at": dt.datetime(2024, 1, 1, tzinfo=zone)})


@pytest.mark.parametrize("session", [None, [("a", 1)], "a", 1, {"a"}], ids=repr)
def test_a_session_that_is_no_dict_is_refused(store, session):
    with pytest.raises(SessionStoreError, match="a session is a dict, not"):
        store.set("a", session)

    assert store.get("a") is None


# -- plain JSON stays plain


def test_plain_json_stands_in_additional_as_itself(store):
    session = {"cart": [1, 2.5, "drei", None, True], "settings": {"theme": {"dark": False}}, "name": "Zoë"}
    store.set("a", {"user_id": 7, **session})

    [row] = stored_rows(store)
    additional = row[list(store.table.c.keys()).index("additional")]
    assert json.loads(additional) == session
    assert "Zoë" in additional


LOOK_INSIDE = {
    "sqlite": "SELECT json_extract(additional, '$.cart[1].sku') FROM {}",
    "postgresql": "SELECT additional::jsonb -> 'cart' -> 1 ->> 'sku' FROM {}",
    "mariadb": "SELECT JSON_VALUE(additional, '$.cart[1].sku') FROM {}",
}


def test_sql_can_look_inside_a_session(store, url, table_name):
    store.set("a", {"cart": [{"sku": "A-1"}, {"sku": "B-2"}], "when": dt.date(2024, 1, 1)})

    with store._database.engine.connect() as connection:
        found = connection.execute(text(LOOK_INSIDE[database_of(url)].format(table_name))).scalar()

    assert found == "B-2"


TAGGED: dict[str, Any] = {
    "tuple": {"$tuple": [1]},
    "dict": {"$dict": [[1, 2]]},
    "nested": {"a": {"$tuple": [1]}},
    "in a list": {"a": [{"$dict": {"$dict": []}}, {"$bytes": "no base64"}]},
    "unknown": {"$unknown": 1},
    "only a dollar": {"$": {"$": {"$": None}}},
    "dict of dict": {"$dict": {"$dict": {"$dict": []}}},
    "two keys": {"$tuple": [1], "$set": [2]},
    "in a tuple": {"a": ({"$set": [1]},)},
    "beside a real one": {"a": {"$tuple": (1, {"$tuple": [2]})}},
}


@pytest.mark.parametrize("name", TAGGED)
def test_a_dict_that_looks_like_a_tag_comes_back_as_it_was(store, name):
    store.set("a", TAGGED[name])

    assert identical(store.get("a"), TAGGED[name])


# -- nobody's dict is changed behind their back


def test_the_dict_given_to_set_is_not_changed(store):
    session = {"user_id": None, "device": "phone", "cart": [1, {"a": (1, 2)}], "tags": {"x"}}
    store.set("a", session)

    assert identical(session, {"user_id": None, "device": "phone", "cart": [1, {"a": (1, 2)}], "tags": {"x"}})


def test_the_dict_from_get_is_fresh_each_time(store):
    store.set("a", {"user_id": 1, "cart": [1, {"deep": [2]}]})
    first = store.get("a")
    first["cart"][1]["deep"].append("changed")
    first["user_id"] = 2

    assert store.get("a") == {"user_id": 1, "cart": [1, {"deep": [2]}]}


def test_changing_the_dict_after_set_changes_nothing_that_is_stored(store):
    session = {"cart": [1]}
    store.set("a", session)
    session["cart"].append(2)

    assert store.get("a") == {"cart": [1]}


# -- pickle, by name only


def test_pickle_keeps_objects_when_it_was_asked_for_by_name(make_store):
    store = make_store(serializer="pickle")
    session = {"user_id": 1, "basket": Basket(1, "zwei"), "color": Color.RED, "point": Point(1, 2)}
    store.set("a", session)

    loaded = store.get("a")
    assert loaded == session
    assert type(loaded["color"]) is Color
    assert type(loaded["point"]) is Point


def test_a_value_that_cannot_be_pickled_is_refused_by_name(make_store):
    store = make_store(serializer="pickle")
    store.set("a", {"cart": [1]})
    before = stored_rows(store)

    with pytest.raises(UnserializableValue) as caught:
        store.set("a", {"good": 1, "bad": lambda: None})

    assert caught.value.key == "bad"
    assert stored_rows(store) == before


def test_pickle_reads_rows_that_were_written_as_json(make_store):
    make_store().set("a", {"user_id": 1, "cart": (1, 2)})

    assert identical(make_store(serializer="pickle").get("a"), {"user_id": 1, "cart": (1, 2)})


def test_the_default_never_unpickles(make_store, tmp_path, caplog):
    """A hostile row counts as absent; it is logged without id and value, kept, and another one is read."""
    mark = tmp_path / "was_run"
    pickled = pickle.dumps({"secret": Bomb(mark)})
    store = make_store()
    for form in (
        "pickle:" + base64.b64encode(pickled).decode(),
        base64.b64encode(pickled).decode(),
        json.dumps({"$pickle": base64.b64encode(pickled).decode()}),
    ):
        store.set("the-id-of-a-session", {"user_id": 1})
        store.set("b", {"user_id": 2})
        write_row(store, "the-id-of-a-session", additional=form)
        before = stored_rows(store)
        caplog.clear()

        with caplog.at_level(logging.WARNING, "schema_session_backend"):
            assert store.get("the-id-of-a-session") is None
            assert [record.data for record in store.find()] == [{"user_id": 2}]

        assert not mark.exists()
        assert stored_rows(store) == before
        assert "is corrupt and counts as absent" in caplog.text
        assert "the-id-of-a-session" not in caplog.text
        assert "secret" not in caplog.text
        assert form not in caplog.text


def test_only_who_asked_for_pickle_runs_what_a_row_says(make_store, tmp_path):
    """The other side of the test before: that its bomb is a live one."""
    mark = tmp_path / "was_run"
    store = make_store(serializer="pickle")
    store.set("a", {})
    write_row(store, "a", additional="pickle:" + base64.b64encode(pickle.dumps({"a": Bomb(mark)})).decode())

    store.get("a")

    assert mark.exists()


def test_a_serializer_of_ones_own_is_used(make_store):
    class Reversed(JsonSerializer):
        def dumps(self, data):
            return super().dumps(data)[::-1]

        def loads(self, text):
            return super().loads(text[::-1])

    store = make_store(serializer=Reversed())
    store.set("a", {"user_id": 1, "cart": [1, 2]})

    assert store.get("a") == {"user_id": 1, "cart": [1, 2]}
    assert stored_rows(store)[0][4] == '}]2,1[:"trac"{'


# -- the limits of a session's shape


def test_a_hundred_levels_come_back(store):
    session = {"a": _nested(100), "b": _nested(99, innermost={"k": "v"})}
    store.set("a", session)

    assert identical(store.get("a"), session)


@pytest.mark.parametrize("frames", [0, 400])
def test_a_hundred_levels_of_any_kind_come_back_also_deep_inside_an_application(frames):
    """Tagged types nest several JSON levels each; Python's limit of 1,000 frames counts the caller's too."""
    serializer = JsonSerializer()
    value: object = 1
    for level in range(98):
        value = [(value,), {1: value}, {"$set": value}, [value]][level % 4]

    def below(depth: int) -> object:
        return below(depth - 1) if depth else serializer.loads(serializer.dumps({"a": value}))

    assert sys.getrecursionlimit() == 1000
    assert identical(below(frames), {"a": value})


def test_ten_thousand_keys_are_the_most():
    serializer = JsonSerializer()
    keys = {str(number): 1 for number in range(10_000)}

    assert serializer.loads(serializer.dumps(keys)) == keys
    with pytest.raises(SessionTooLarge) as caught:
        serializer.dumps(keys | {"one more": 1})
    assert (caught.value.size, caught.value.limit) == (10_001, 10_000)
