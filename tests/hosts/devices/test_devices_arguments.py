"""Arguments of the page, and of a visitor, that cannot work are refused with what is meant."""

from __future__ import annotations

import re

import flask
import pytest
from devices_site import SITES
from webtest import TestApp

from schema_session_backend import ConfigurationError
from schema_session_backend.cachelib import SchemaCache
from schema_session_backend.devices import DevicesPage, Visitor
from schema_session_backend.devices.flask import add_devices
from schema_session_backend.errors import WrongArgument


def test_a_visitor_without_columns_is_refused():
    with pytest.raises(ConfigurationError, match="such as"):
        Visitor({}, "an-id")


def test_a_visitor_whose_columns_are_none_is_not_signed_in(store):
    store.set_many({"mine": {}, "theirs": {"device": "theirs"}})
    client = TestApp(DevicesPage(store, lambda _environ: Visitor({"user_id": None}, "mine")))

    assert "theirs" not in client.get("/", status=401).text
    assert client.post("/sign-out-others", status=401)
    assert store.count() == 2


@pytest.mark.parametrize("host", ["beaker", "flask", "pyramid"])
def test_a_store_without_a_users_column_is_refused_at_start(make_store, host):
    store = make_store(schemas="user Integer")

    with pytest.raises(ConfigurationError, match="or name yours in user_field="):
        SITES[host](store)


def test_a_store_whose_handles_are_ids_is_refused(make_store):
    store = make_store(hash_sid=False)

    with pytest.raises(ConfigurationError, match="hash_sid=False"):
        DevicesPage(store, lambda _environ: None)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"origins": "https://account.example"}, "origins takes a list"),
        ({"origins": ["https://account.example/"]}, "origins takes a list"),
    ],
)
def test_origins_that_cannot_work_are_refused(store, arguments, problem):
    with pytest.raises(ConfigurationError, match=problem):
        DevicesPage(**{"store": store, "visitor": lambda _environ: None, **arguments})


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda store: "sqlite://", "DevicesPage takes a SessionStore, not str"),
        (SchemaCache, "DevicesPage takes a SessionStore, not SchemaCache, pass its .store"),
    ],
)
def test_an_argument_that_is_no_store_is_refused_with_the_meant_argument(store, make, problem):
    with pytest.raises(WrongArgument, match=re.escape(problem)):
        DevicesPage(make(store), lambda _environ: None)


def test_flask_takes_a_cache_and_no_store(store):
    with pytest.raises(WrongArgument, match="takes the SchemaCache of SESSION_CACHELIB, not SessionStore"):
        add_devices(flask.Flask(__name__), store)


@pytest.mark.parametrize("user", [42, "ann", None])
def test_a_visitors_user_is_a_dict_of_columns(user):
    with pytest.raises(WrongArgument, match=re.escape("such as {'user_id': 42}, not ")) as caught:
        Visitor(user, "an-id")

    assert "ann" not in str(caught.value)


@pytest.mark.parametrize("sid", [None, 7, b"an-id"])
def test_a_visitors_session_id_is_a_text(sid):
    with pytest.raises(WrongArgument, match="the id of the request's session as text, not "):
        Visitor({"user_id": 42}, sid)


@pytest.mark.parametrize("returned", [42, "ann", {"user_id": 42}, False])
def test_a_plain_value_instead_of_a_visitor_is_refused(store, returned):
    page = TestApp(DevicesPage(store, lambda _environ: returned))

    for path in ("/", "/sessions", "/admin"):
        with pytest.raises(WrongArgument, match="must return a Visitor, such as Visitor") as caught:
            page.get(path)
        assert "ann" not in str(caught.value)


def test_no_repr_has_an_id_or_a_user():
    assert "42" not in repr(Visitor({"user_id": 42}, "an-id"))
    assert "an-id" not in repr(Visitor({"user_id": 42}, "an-id"))
