"""A session has all that a dict has, as the sessions of other factories do, which are dicts."""

from __future__ import annotations

import json
import operator

import pytest
from pyramid.testing import DummyRequest
from pyramid_schema_session import SchemaSessionFactory

from schema_session_backend import SessionStore

DATA = {"a": 1, "b": 2}

# An operation on a session does the same as on a dict, and has the same result.
OF_A_DICT = {
    "__contains__": lambda it: ("a" in it, "nothing" in it),
    "__delitem__": lambda it: it.__delitem__("a"),
    "__getitem__": lambda it: it["a"],
    "__ior__": lambda it: dict(operator.ior(it, {"a": 9})) | operator.ior(it, [("c", 3)]),
    "__iter__": list,
    "__len__": len,
    "__or__": lambda it: it | {"a": 9},
    "__or__ of two": lambda it: it | it,
    "__reversed__": lambda it: list(reversed(it)),
    "__ror__": lambda it: {"a": 9, "c": 3} | it,
    "__setitem__": lambda it: it.__setitem__("a", 9),
    "clear": lambda it: it.clear(),
    "copy": lambda it: it.copy(),
    "copy is another": lambda it: it.copy().clear(),
    "equal": lambda it: (it == {"a": 1, "b": 2}, it == {"b": 2, "a": 1}, it == it.copy(), it != {}),
    "get": lambda it: (it.get("a"), it.get("nothing"), it.get("nothing", 5)),
    "items": lambda it: list(reversed(it.items())),
    "items live": lambda it: (it.items(), it.clear())[0] == set(),
    "json": lambda it: json.dumps(it.copy()),
    "keys": lambda it: (list(reversed(it.keys())), it.keys() & {"a"}),
    "keyword arguments": lambda it: dict(**it),
    "pop": lambda it: (it.pop("a"), it.pop("a", None)),
    "popitem": lambda it: it.popitem(),
    "setdefault": lambda it: (it.setdefault("a"), it.setdefault("c"), it.setdefault("d", 4)),
    "update": lambda it: it.update({"b": 3}, c=4),
    "values": lambda it: list(reversed(it.values())),
}


@pytest.fixture
def session():
    """A request's session, which needs no database until it is saved."""
    session = SchemaSessionFactory(SessionStore("sqlite://"))(DummyRequest())  # type: ignore[arg-type]
    session.update(DATA)
    return session


@pytest.mark.parametrize("operation", OF_A_DICT.values(), ids=OF_A_DICT)
def test_a_session_does_what_a_dict_does(session, operation):
    plain = DATA.copy()
    expected = operation(plain)

    result = operation(session)

    assert (result, type(result)) == (expected, type(expected))
    assert list(session.items()) == list(plain.items())


def test_a_session_has_all_methods_of_a_dict():
    methods = set(dir(dict)) - set(dir(object)) - {"__class_getitem__"}
    # It would make a session without a request.
    methods.remove("fromkeys")

    assert methods <= OF_A_DICT.keys()


@pytest.mark.parametrize("operation", [lambda it: it["nothing"], lambda it: it.pop("nothing")])
def test_a_missing_key_is_a_key_error(session, operation):
    with pytest.raises(KeyError, match="nothing"):
        operation(session)


@pytest.mark.parametrize("operation", [lambda it: it | [], lambda it: [] | it, lambda it: it | None])
def test_a_session_is_merged_with_mappings_only(session, operation):
    with pytest.raises(TypeError, match="unsupported operand"):
        operation(session)
