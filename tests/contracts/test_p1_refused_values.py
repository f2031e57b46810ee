"""P1: a value that would not come back equal is refused before anything is written."""

from __future__ import annotations

import datetime as dt
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH, ZoneInfo

import pytest
from everyday import UNEQUAL
from kinds import Color, Point, Role, nested
from values import no_sql, stored_rows
from webob.multidict import MultiDict as webob_dict  # noqa: N813 - two libraries have a class of that name
from werkzeug.datastructures import MultiDict

from schema_session_backend import SessionStore, SessionStoreError, UnserializableValue
from schema_session_backend._session.serializer import JsonSerializer

pytestmark = pytest.mark.partitioned_too


class Berlin(dt.tzinfo):
    def utcoffset(self, _moment):
        return dt.timedelta(hours=1)

    def dst(self, _moment):
        return None

    def tzname(self, _moment):
        return None


def _containing_itself() -> list:
    endless: list = []
    endless.append(endless)
    return endless


def _deep_dict() -> object:
    value: object = 1
    for _ in range(10_000):
        value = ({1: value},)
    return value


def _ordered_containing_itself() -> OrderedDict[str, Any]:
    endless: OrderedDict[str, Any] = OrderedDict()
    endless["a"] = endless
    return endless


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
    "an object": object,
    "an object in a set": lambda: {object()},
    "a lambda": lambda: lambda: None,
    "a class": lambda: Color,
    "a generator": lambda: (_ for _ in ()),
    "complex": lambda: 1j,
    "a list that contains itself": _containing_itself,
    "10,000 levels": lambda: nested(10_000),
    "one level more than 100": lambda: nested(101),
    "10,000 levels of dicts in tuples": _deep_dict,
    "a foreign time zone": lambda: dt.datetime(2024, 1, 1, tzinfo=Berlin()),
    "a time in a named zone": lambda: dt.time(12, tzinfo=ZoneInfo("Europe/Berlin")),
    "an int of 5,000 digits": lambda: 10**5000,
    "a memoryview": lambda: memoryview(b"a"),
    "an OrderedDict that contains itself": _ordered_containing_itself,
    "an object in a namedtuple": lambda: Point(1, object()),
    **{name: lambda value=value: value for name, (value, _) in UNEQUAL.items()},
}


# Each key with its name in the error: the key itself, or its type if the key is no str.
UNSTORABLE_KEYS: dict[str, Any] = {
    "a lone surrogate": ("\ud800", "\ud800"),
    "a member of an Enum": (Role.ADMIN, "<Role>"),
    "a namedtuple with an object": (Point(1, object), "<Point>"),
}


@pytest.mark.parametrize("name", UNSTORABLE)
def test_a_value_that_would_come_back_changed_is_refused_and_the_old_row_stays(store, name):
    store.set("a", {"user_id": 1, "cart": [1, 2]})
    before = stored_rows(store)

    with no_sql(store), pytest.raises(UnserializableValue) as caught:
        store.set("a", {"user_id": 2, "good": 1, "bad": UNSTORABLE[name]()})

    assert caught.value.key == "bad"
    assert "'bad'" in str(caught.value)
    assert stored_rows(store) == before


@pytest.mark.parametrize("name", UNEQUAL)
def test_the_error_says_in_one_line_what_to_store_instead(name):
    value, instead = UNEQUAL[name]

    with pytest.raises(UnserializableValue, match=re.escape(f"store {instead}")) as caught:
        JsonSerializer().dumps({"bad": value})

    assert "\n" not in str(caught.value)


@pytest.fixture
def memory_store():
    """A store on SQLite in memory: the checks run before any SQL, so that one database is enough."""
    store = SessionStore("sqlite://", gc_interval=None)
    yield store
    store.close()


@pytest.mark.parametrize("name", UNSTORABLE)
def test_save_and_set_many_refuse_a_value_that_would_come_back_changed(memory_store, name):
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


def test_the_error_names_the_key_at_fault():
    with pytest.raises(UnserializableValue) as caught:
        JsonSerializer().dumps({2: "fine", b"fine": 1, Role.ADMIN: "not fine"})

    assert caught.value.key == "<Role>"


def test_a_named_zone_that_reading_would_not_find_is_refused():
    """`ZoneInfo.from_file` may give any name to any rules."""
    files = next(path for path in map(Path, TZPATH) if (path / "Europe" / "Berlin").exists())
    with (files / "Europe" / "Berlin").open("rb") as file:
        zone = ZoneInfo.from_file(file, key="Our/Own")

    with pytest.raises(UnserializableValue):
        JsonSerializer().dumps({"at": dt.datetime(2024, 1, 1, tzinfo=zone)})


@pytest.mark.parametrize(
    "session", [MultiDict([("a", "1"), ("a", "2")]), webob_dict([("a", "1"), ("a", "2")])]
)
def test_a_session_with_several_values_of_a_key_is_refused(store, session):
    with pytest.raises(UnserializableValue):
        store.set("a", session)

    assert store.get("a") is None


@pytest.mark.parametrize("session", [None, [("a", 1)], "a", 1, {"a"}], ids=repr)
def test_a_session_that_is_no_dict_is_refused(store, session):
    with pytest.raises(SessionStoreError, match="a session is a dict, not"):
        store.set("a", session)

    assert store.get("a") is None
