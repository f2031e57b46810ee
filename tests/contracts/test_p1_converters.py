"""P1: `types=` converts values of an application's own types, and a converter that lies is found out."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from kinds import Point
from values import identical, no_sql, stored_rows, write_row

from schema_session_backend import ConfigurationError, Outcome, SessionStore, UnserializableValue
from schema_session_backend._session.serializer import JsonSerializer

pytestmark = pytest.mark.partitioned_too


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str


def parts(money: Money) -> tuple[Decimal, str]:
    return money.amount, money.currency


def _fail(_value: object) -> Any:
    raise OSError("secret")


TYPES: dict[type, Any] = {Money: (parts, lambda plain: Money(*plain)), Fraction: (str, Fraction)}
PRICE = Money(Decimal("9.90"), "EUR")


def test_values_of_an_applications_own_types_come_back_at_every_depth(make_store):
    store = make_store(types=TYPES)
    session = {
        "price": PRICE,
        "cart": [{"price": PRICE, "share": Fraction(1, 3)}],
        "seen": {PRICE},
        "keys": {PRICE: (PRICE,)},
    }
    store.set("a", session)

    assert store.get("a") == session
    assert store.save(store.load("a"), session).outcome is Outcome.UNCHANGED


@pytest.mark.unsealed
def test_the_tag_is_the_name_of_the_type(make_store):
    store = make_store(types=TYPES)
    store.set("a", {"share": Fraction(1, 3), "price": PRICE})

    assert json.loads(stored_rows(store)[0][4]) == {
        "share": {"$Fraction": "1/3"},
        "price": {"$Money": {"$tuple": [{"$decimal": "9.90"}, "EUR"]}},
    }


def test_two_requests_that_change_different_keys_keep_both(make_store):
    store = make_store(types=TYPES)
    store.set("a", {"price": PRICE})
    mine, theirs = store.load("a"), store.load("a")
    store.save(theirs, {"price": Money(Decimal(1), "EUR")})
    store.save(mine, {"price": PRICE, "mine": 1})

    assert store.get("a") == {"price": Money(Decimal(1), "EUR"), "mine": 1}


def test_a_subclass_that_has_a_converter_comes_back_as_itself(make_store):
    store = make_store(
        types={OrderedDict: (dict, OrderedDict), Point: (tuple, Point._make)}, strict_types=True
    )
    session = {"a": OrderedDict(b=1), "at": [Point(1, 2)]}
    store.set("a", session)

    restored = store.get("a")
    assert restored == session
    assert type(restored["a"]) is OrderedDict
    assert type(restored["at"][0]) is Point


# Each with the words of its error.
LYING: dict[str, Any] = {
    "gives another value back": ((parts, lambda plain: Money(Decimal(0), plain[1])), "give an equal value"),
    "gives another type back": ((parts, lambda plain: plain), "give an equal value"),
    "cannot read what it wrote": ((parts, _fail), "give an equal value"),
    "cannot write": ((_fail, lambda plain: Money(*plain)), r"fails \(OSError\)"),
    "writes no plain value": ((lambda money: object(), lambda plain: PRICE), "builtins.object"),
    "writes what it was given": ((lambda money: money, lambda plain: plain), "nested deeper"),
}


@pytest.mark.parametrize("name", LYING)
def test_a_converter_that_lies_is_refused_by_key_and_type_before_anything_is_written(make_store, name):
    converter, words = LYING[name]
    store = make_store(types={Money: converter})
    store.set("a", {"cart": [1]})
    before = stored_rows(store)

    with no_sql(store), pytest.raises(UnserializableValue, match=words) as caught:
        store.set("a", {"good": 1, "bad": [PRICE]})

    assert caught.value.key == "bad"
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert stored_rows(store) == before


def test_a_type_without_an_equality_of_its_own_is_refused():
    class Thing:
        pass

    serializer = JsonSerializer({Thing: (lambda thing: 1, lambda plain: Thing())})

    with pytest.raises(UnserializableValue, match="mend it, or the type's __eq__"):
        serializer.dumps({"thing": Thing()})


def test_a_converter_is_checked_once():
    read = []

    def from_plain(plain: Any) -> Money:
        read.append(plain)
        return Money(*plain)

    serializer = JsonSerializer({Money: (parts, from_plain)})
    for _ in range(3):
        serializer.dumps({"a": PRICE, "b": PRICE})

    assert len(read) == 1


@pytest.mark.parametrize("content", ["1", '{"$tuple":[1]}', "null", '{"$unknown":1}'])
def test_content_that_a_converter_cannot_read_is_a_corrupt_session(make_store, content):
    store = make_store(types=TYPES)
    store.set("a", {})
    write_row(store, "a", additional=f'{{"price":{{"$Money":{content}}}}}')

    assert store.get("a") is None


def test_without_its_converter_a_value_is_corrupt_and_kept(make_store):
    make_store(types=TYPES).set("a", {"price": PRICE})
    before = stored_rows(make_store())

    assert make_store().get("a") is None
    assert stored_rows(make_store()) == before
    assert make_store(types=TYPES).get("a") == {"price": PRICE}


def test_a_dict_that_looks_like_a_value_with_a_converter_comes_back_as_it_was(make_store):
    store = make_store(types=TYPES)
    session = {"a": {"$Money": [1, "EUR"]}, "b": {"$Fraction": "1/3"}}
    store.set("a", session)

    assert identical(store.get("a"), session)


def test_with_pickle_converters_read_what_was_written_as_json(make_store):
    make_store(types=TYPES).set("a", {"price": PRICE})

    assert make_store(types=TYPES, serializer="pickle").get("a") == {"price": PRICE}


# -- what cannot work is refused when the store is made


def _named(name: str) -> type:
    return type(name, (), {})


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ([Money], "types takes a dict"),
        ("Money", "types takes a dict"),
        ({Money: parts}, "types, Money: write a class and two functions"),
        ({Money: (parts,)}, "types, Money: write a class and two functions"),
        ({Money: (parts, "Money")}, "types, Money: write a class and two functions"),
        ({"Money": TYPES[Money]}, "types, 'Money': write a class and two functions"),
        ({dict: TYPES[Money]}, "types, dict: values of this type need no converter"),
        ({Decimal: TYPES[Money]}, "types, Decimal: values of this type need no converter"),
        ({_named("decimal"): TYPES[Money]}, "types, decimal: another type has that name"),
        ({_named("Money"): TYPES[Money], **TYPES}, "types, Money: another type has that name"),
    ],
)
def test_a_converter_that_cannot_work_is_refused_by_name(types, words):
    with pytest.raises(ConfigurationError, match=words):
        SessionStore("sqlite://", types=types)


def test_a_serializer_of_the_applications_own_takes_no_converters():
    with pytest.raises(ConfigurationError, match="types= is for serializer='json'"):
        SessionStore("sqlite://", types=TYPES, serializer=JsonSerializer())


def test_strict_types_is_true_or_false():
    with pytest.raises(ConfigurationError, match="strict_types takes True or False"):
        SessionStore("sqlite://", strict_types="false")  # type: ignore[arg-type]
