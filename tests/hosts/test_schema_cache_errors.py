"""What a `SchemaCache` refuses, and what it says when the database fails."""

from __future__ import annotations

import datetime as dt

import pytest
from values import no_sql, stored_rows

from schema_session_backend import (
    AccessDenied,
    ConfigurationError,
    InvalidField,
    InvalidSessionId,
    SessionTooLarge,
    StoreUnavailable,
    UnserializableValue,
)
from schema_session_backend.cachelib import SchemaCache


@pytest.fixture
def cache(store) -> SchemaCache:
    return SchemaCache(store)


# -- timeouts


@pytest.mark.parametrize(
    "timeout", [-1, dt.timedelta(-1), "60", [], True, float("nan"), float("inf")], ids=repr
)
@pytest.mark.filterwarnings("ignore:Float timeouts are deprecated")
def test_a_wrong_timeout_is_refused_before_sql(cache, store, timeout):
    cache.set("a", 1)
    with no_sql(store):
        for call in (
            lambda: cache.set("a", 2, timeout),
            lambda: cache.add("b", 2, timeout),
            lambda: cache.set_many({"a": 2}, timeout),
            lambda: SchemaCache(store, default_timeout=timeout),
        ):
            with pytest.raises(ConfigurationError, match="timeout takes whole seconds or a timedelta"):
                call()

    assert cache.get("a") == 1


# -- keys


IMPOSSIBLE = ["", "x" * 256, "a\0b", "é", "\ud800", None, 7, b"a", ["a"]]


@pytest.mark.parametrize("key", IMPOSSIBLE, ids=ascii)
@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_an_impossible_key_is_absent_and_nothing_is_stored_under_it(store, key, prefix):
    cache = SchemaCache(store, key_prefix=prefix)
    store.wait_for_sync()
    with no_sql(store):
        assert cache.get(key) is None
        assert cache.has(key) is False
        assert cache.delete(key) is False
        assert cache.get_many(key) == [None]
        assert cache.delete_many(key) == [key]
        for write in (lambda: cache.set(key, 1), lambda: cache.add(key, 1), lambda: cache.inc(key)):
            with pytest.raises(InvalidSessionId, match="1 to 255 ASCII characters"):
                write()
        if not isinstance(key, list):
            with pytest.raises(InvalidSessionId):
                cache.set_many(dict.fromkeys(["a", key], 1))


# -- values


@pytest.mark.parametrize(
    ("value", "error", "problem"),
    [
        ({"user_id": "42"}, InvalidField, "column 'user_id'"),
        ({"device": "x" * 51}, InvalidField, "column 'device'"),
        ({"sid": 1}, InvalidField, "column 'sid'"),
        ({"user_id": 1, "thing": object()}, UnserializableValue, "key 'thing'"),
        (object(), UnserializableValue, "key '<value>'"),
        ("x" * 70_000, SessionTooLarge, "max_size"),
    ],
    ids=["type", "length", "base column", "object in a dict", "object", "too large"],
)
# `ignore_errors` is about failures of the database only.
@pytest.mark.parametrize("ignore_errors", [False, True])
def test_a_value_that_cannot_be_stored_is_a_typed_error_and_the_old_value_stays(
    store, value, error, problem, ignore_errors
):
    cache = SchemaCache(store, ignore_errors=ignore_errors)
    cache.set_many({"a": {"user_id": 1}, "b": 2})
    before = stored_rows(store)

    for write in (
        lambda: cache.set("a", value),
        lambda: cache.add("c", value),
        lambda: cache.set_many({"b": 3, "a": value}),
    ):
        with pytest.raises(error, match=problem):
            write()
    assert stored_rows(store) == before


@pytest.mark.parametrize("prefix", ["é", "a\0", "x" * 255], ids=ascii)
def test_an_impossible_prefix_is_refused(store, prefix):
    with pytest.raises(ConfigurationError, match="prefix"):
        SchemaCache(store, key_prefix=prefix)


def test_an_argument_that_is_no_store_is_refused():
    with pytest.raises(ConfigurationError, match="takes a SessionStore, not str"):
        SchemaCache("sqlite://")  # type: ignore[arg-type]


# -- a database that fails


CALLS = {
    "get": (lambda cache: cache.get("a"), None),
    "has": (lambda cache: cache.has("a"), False),
    "set": (lambda cache: cache.set("a", 1), False),
    "add": (lambda cache: cache.add("a", 1), False),
    "delete": (lambda cache: cache.delete("a"), False),
    "inc": (lambda cache: cache.inc("a"), None),
    "dec": (lambda cache: cache.dec("a"), None),
    "get_many": (lambda cache: cache.get_many("a", "b"), [None, None]),
    "get_dict": (lambda cache: cache.get_dict("a", "b"), {"a": None, "b": None}),
    "set_many": (lambda cache: cache.set_many({"a": 1}), []),
    "delete_many": (lambda cache: cache.delete_many("a"), []),
    "clear": (lambda cache: cache.clear(), False),
}


@pytest.mark.parametrize(("call", "quietly"), CALLS.values(), ids=CALLS)
def test_a_failing_database_is_an_error_unless_ignore_errors_is_set(down, call, quietly, caplog):
    with pytest.raises(StoreUnavailable):
        call(SchemaCache(down))
    assert caplog.records == []

    assert call(SchemaCache(down, ignore_errors=True)) == quietly
    assert "cannot connect" in caplog.text


def test_a_quiet_delete_many_can_be_made_to_raise_as_cachelib_says(down):
    cache = SchemaCache(down, ignore_errors=True, ignore_delete_many_errors=False)

    with pytest.raises(RuntimeError, match="could not be deleted"):
        cache.delete_many("a")


def test_ignored_errors_include_a_login_that_the_database_refuses(make_store, monkeypatch):
    store = make_store()
    cache = SchemaCache(store, ignore_errors=True)

    def deny(*_arguments):
        raise AccessDenied("wrong password", code=None)

    monkeypatch.setattr(store._database, "run", deny)

    assert cache.get("a") is None
    assert cache.set("a", 1) is False
