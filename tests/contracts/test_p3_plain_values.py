"""P3: a column takes the plain value of an instance of a subclass or of a lazy string, if that fits."""

from __future__ import annotations

import enum
from collections import OrderedDict
from typing import Any

import pytest
from everyday import Device, Plan, lazy_text
from kinds import Color, Level
from markupsafe import Markup
from sqlalchemy import JSON, BigInteger, Column, Double, Enum, Integer, String, Text, Unicode
from sqlalchemy.types import TypeDecorator
from translationstring import TranslationString
from values import identical, no_sql, stored_rows
from werkzeug.datastructures import MultiDict

from schema_session_backend import ConfigurationError, InvalidField, Outcome

pytestmark = pytest.mark.partitioned_too


class Rate(float):
    pass


class Upper(TypeDecorator[str]):
    impl = String(10)
    cache_ok = True


ROLE = Enum("free", "paid", name="plan", native_enum=False)
# A column's type, the value, and what comes back.
FITTING: dict[str, Any] = {
    "StrEnum in a String": (String(5), Plan.FREE, "free"),
    "str and Enum in a Unicode": (Unicode(5), Device.PHONE, "phone"),
    "lazy text in a String": (String(9), lazy_text("Welcome"), "Welcome"),
    "Markup in a Text": (Text(), Markup("<b>"), "<b>"),
    "TranslationString in a String": (String(9), TranslationString("hello"), "hello"),
    "IntEnum in an Integer": (Integer(), Color.RED, 1),
    "IntEnum in a BigInteger": (BigInteger(), Level.LOW, 1),
    "float of a subclass in a Double": (Double(), Rate(1.5), 1.5),
    "StrEnum in an Enum of texts": (ROLE, Plan.FREE, "free"),
    "StrEnum in its Enum": (Enum(Plan, name="plan", native_enum=False), Plan.FREE, Plan.FREE),
    "OrderedDict in JSON": (JSON(), OrderedDict(a=[Plan.FREE], b=Color.RED), {"a": ["free"], "b": 1}),
    "dict of OrderedDicts in JSON": (
        JSON(),
        {"a": OrderedDict(b=1), Plan.FREE: 2},
        {"a": {"b": 1}, "free": 2},
    ),
    "StrEnum in a type of the application": (Upper(), Plan.FREE, "free"),
}


@pytest.mark.parametrize("name", FITTING)
def test_the_plain_value_comes_back_and_saved_again_it_is_no_change(make_store, name):
    kind, value, plain = FITTING[name]
    store = make_store(schemas=[Column("field", kind)])
    store.set("a", {"field": value})
    before = stored_rows(store)

    assert identical(store.get("a"), {"field": plain})
    assert store.save(store.load("a"), {"field": value}).outcome is Outcome.UNCHANGED
    assert stored_rows(store) == before


@pytest.mark.parametrize("name", [name for name in FITTING if "JSON" not in name])
def test_a_search_for_a_value_finds_its_plain_value(make_store, name):
    kind, value, plain = FITTING[name]
    store = make_store(schemas=[Column("field", kind)])
    store.set_many({"a": {"field": plain}, "b": {}})

    assert [record.data for record in store.find(field=value)] == [{"field": plain}]


@pytest.mark.parametrize("name", [name for name in FITTING if name != "StrEnum in its Enum"])
def test_strict_types_refuses_all_but_the_exact_types(make_store, name):
    kind, value, plain = FITTING[name]
    store = make_store(schemas=[Column("field", kind)], strict_types=True)
    store.set("a", {"field": plain})
    before = stored_rows(store)

    with no_sql(store), pytest.raises(InvalidField, match="takes"):
        store.set("a", {"field": value})

    assert stored_rows(store) == before


def test_a_member_of_a_str_enum_is_the_key_of_a_column(store):
    class Key(enum.StrEnum):
        USER = "user_id"

    store.set("a", {Key.USER: 7})

    assert identical(store.get("a"), {"user_id": 7})
    assert store.count(user_id=7) == 1


def test_a_dict_with_several_values_of_a_key_is_refused(make_store):
    store = make_store(schemas=[Column("field", JSON())])

    with pytest.raises(InvalidField, match=r"store value\.to_dict\(flat=False\)"):
        store.set("a", {"field": MultiDict([("a", 1), ("a", 2)])})


def test_a_json_value_that_contains_itself_is_refused(make_store):
    store = make_store(schemas=[Column("field", JSON())])
    endless: OrderedDict[str, Any] = OrderedDict()
    endless["a"] = endless

    with pytest.raises(InvalidField, match="takes JSON values only"):
        store.set("a", {"field": endless})


def test_a_column_may_have_the_member_of_an_enum_as_its_default(make_store):
    columns = [Column("plan", String(5), nullable=False, default=Plan.FREE)]
    store = make_store(schemas=columns)
    store.set("a", {})

    assert identical(store.get("a"), {"plan": "free"})
    with pytest.raises(ConfigurationError, match="its default does not fit"):
        make_store(schemas=columns, strict_types=True)
