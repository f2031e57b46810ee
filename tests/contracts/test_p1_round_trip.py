"""P1: what goes in comes out."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from flask_babel.speaklater import LazyString
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinds import nested
from values import ANY_SESSION, DATETIMES, SESSIONS, TIMES, VALUES, identical, stored_rows
from werkzeug.datastructures import ImmutableDict

from schema_session_backend._session.pickling import PickleSerializer
from schema_session_backend._session.serializer import JsonSerializer
from schema_session_backend.errors import SessionTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.partitioned_too


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


# One table serves all examples of a test: each one stores the same session anew.
SHARED_STORE = [*SLOW, HealthCheck.function_scoped_fixture]


# -- the serializer alone


@settings(max_examples=500, deadline=None, suppress_health_check=SLOW)
@given(session=ANY_SESSION)
def test_every_session_of_supported_types_comes_back_identical(session):
    serializer = JsonSerializer()

    assert identical(serializer.loads(serializer.dumps(session)), session)


@settings(max_examples=500, deadline=None)
@given(moment=DATETIMES | TIMES)
def test_a_time_keeps_its_fold_and_the_name_of_its_zone(moment):
    serializer = JsonSerializer()

    assert identical(serializer.loads(serializer.dumps({"at": moment})), {"at": moment})


def test_a_local_time_that_the_clocks_show_twice_was_written_without_its_fold_before():
    stored = '{"at":{"$datetime":"2024-10-27T02:30:00+01:00[Europe/Berlin]"}}'
    second = dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)

    assert identical(JsonSerializer().loads(stored), {"at": second})


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(value=VALUES)
def test_the_same_value_is_always_the_same_text(value):
    serializer = JsonSerializer()
    once = serializer.dumps({"a": value})

    assert serializer.dumps(serializer.loads(once)) == once
    assert serializer.same(value, serializer.loads(once)["a"])


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(one=VALUES, other=VALUES)
def test_the_serializer_takes_two_values_for_the_same_only_when_they_are_identical(one, other):
    assert JsonSerializer().same(one, other) is identical(one, other)


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64, 10**30, -(2**63), -(2**63) - 1])
def test_a_number_is_the_same_text_whatever_is_beside_it(number):
    serializer = JsonSerializer()
    alone = serializer.dumps({"n": number})

    # A tuple in the session makes the serializer look at each value.
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
def test_every_session_of_supported_types_comes_back_identical_through_pickle(session):
    serializer = PickleSerializer()

    assert identical(serializer.loads(serializer.dumps(session)), session)


class Name(str):
    __slots__ = ()


class Number(int):
    pass


class Rate(float):
    pass


class Items(list[Any]):
    pass


class Row(tuple[Any, ...]):
    __slots__ = ()


DISGUISES: dict[type, list[Callable[[Any], Any]]] = {
    str: [str, Name, lambda text: LazyString(str, text)],
    int: [int, Number],
    float: [float, Rate],
    list: [list, Items],
    tuple: [tuple, Row],
    dict: [dict, OrderedDict, lambda value: defaultdict(list, value), ImmutableDict],
}


def disguised(value: Any, choose: Callable[[list[Any]], Any]) -> Any:
    """The value with instances of subclasses and lazy strings in it, at every depth, keys and members too."""
    kind = type(value)
    if kind in {list, tuple, set, frozenset}:
        value = kind(disguised(item, choose) for item in value)
    if kind is dict:
        value = {disguised(key, choose): disguised(item, choose) for key, item in value.items()}
    return choose(DISGUISES.get(kind, [lambda same: same]))(value)


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(session=ANY_SESSION, data=st.data())
def test_subclasses_and_lazy_strings_at_every_depth_come_back_as_plain_values(session, data):
    serializer = JsonSerializer()
    stored = serializer.dumps(disguised(session, lambda kinds: data.draw(st.sampled_from(kinds))))

    assert stored == serializer.dumps(session)
    assert identical(serializer.loads(stored), session)


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
    found = {record.handle: record.data for record in store.find(limit=1000)}
    assert identical(found, {store.handle("a"): one, store.handle("b"): other})


# -- the caller's dicts are the caller's own


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


@pytest.mark.unsealed
def test_a_serializer_object_of_the_application_is_used(make_store):
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
    session = {"a": nested(100), "b": nested(99, innermost={"k": "v"})}
    store.set("a", session)

    assert identical(store.get("a"), session)


@pytest.mark.parametrize("frames", [0, 400])
def test_a_hundred_levels_of_any_kind_come_back_below_many_frames_of_the_caller(frames):
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
