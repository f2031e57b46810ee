"""What `SchemaCache` gives beyond cachelib's contract: columns, single statements, shared tables."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections import OrderedDict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import create_engine
from values import SESSIONS, VALUES, identical, stored_columns, stored_rows, write_row
from werkzeug.datastructures import MultiDict

from clocks import A_MOMENT
from schema_session_backend import SessionStore, UnserializableValue
from schema_session_backend.cachelib import SchemaCache

MINUTE = 60


@pytest.fixture
def cache(store) -> SchemaCache:
    return SchemaCache(store)


# -- columns


def test_a_dict_is_split_into_the_declared_columns(cache, store):
    cache.set("a", {"user_id": 42, "device": "phone", "cart": [1]})

    assert stored_columns(store, "user_id", "device", "additional") == [(42, "phone", '{"cart":[1]}')]
    assert [record.data for record in store.find(user_id=42)] == [cache.get("a")]


def test_a_dict_of_a_subclass_is_split_too_and_comes_back_as_a_dict(cache, store):
    cache.set("a", OrderedDict(user_id=42, cart=[1]))

    assert identical(cache.get("a"), {"user_id": 42, "cart": [1]})
    assert stored_columns(store, "user_id") == [(42,)]


def test_a_dict_with_several_values_of_a_key_is_refused(cache):
    with pytest.raises(UnserializableValue, match=r"store value\.to_dict\(flat=False\)"):
        cache.set("a", MultiDict([("tag", "a"), ("tag", "b")]))

    assert cache.get("a") is None


def test_with_strict_types_a_dict_of_a_subclass_is_refused(make_store):
    cache = SchemaCache(make_store(strict_types=True))

    with pytest.raises(UnserializableValue, match="a session is a dict, not OrderedDict"):
        cache.set("a", OrderedDict(user_id=42))


@pytest.mark.parametrize("value", [3, None, [1], "text"], ids=repr)
def test_a_value_that_is_no_dict_is_not_split_into_columns(cache, store, value):
    cache.set("a", value)

    [(user_id, additional)] = stored_columns(store, "user_id", "additional")
    assert user_id is None
    assert additional.startswith('{"<value>":')


@pytest.mark.parametrize(
    "value",
    [
        {"<value>": 3},
        {"<value>": {"<value>": 3}},
        {"<value>": 3, "b": 4},
        {"$set": [1]},
        2**70,
        Decimal("1.50"),
        [(1, {2})],
    ],
    ids=repr,
)
def test_p1_any_value_comes_back_equal_and_of_the_same_types(cache, value):
    assert cache.set("a", value)

    assert identical(cache.get("a"), value)
    assert identical(cache.get_many("a"), [value])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=VALUES.filter(lambda value: type(value) is not dict) | SESSIONS)
def test_p1_a_value_may_be_anything_that_a_session_may_hold(cache, value):
    cache.set("a", value)

    assert identical(cache.get("a"), value)


def test_a_store_can_be_asked_for_a_value_by_its_key(cache, store):
    cache.set("a", {"user_id": 42})

    assert store.get("a") == {"user_id": 42}


# -- one statement each


def test_each_call_is_one_round_trip(counted, counter):
    cache = SchemaCache(counted())
    cache.set_many({"a": {"user_id": 1}, "b": 2, "c": 3, "d": 4})

    for call in (
        lambda: cache.get("a"),
        lambda: cache.get("nobody"),
        lambda: cache.has("a"),
        lambda: cache.set("a", {"user_id": 2}),
        lambda: cache.add("e", 1),
        lambda: cache.delete("e"),
        lambda: cache.get_many(*"abcd", "nobody"),
        lambda: cache.get_dict(*"abcd"),
        lambda: cache.set_many({key: {"user_id": 5} for key in "abcd"}, 0),
        lambda: cache.delete_many(*"abcd", "nobody"),
        cache.clear,
    ):
        with counter.expect(1):
            call()


# -- timeouts


def test_a_float_is_rounded_up_to_whole_seconds(moved_store, clock):
    clock.now = A_MOMENT
    cache = SchemaCache(moved_store())
    seconds: Any = 1.5
    cache.set("a", 1, seconds)

    clock.now = A_MOMENT + 1_999
    assert cache.get("a") == 1
    clock.now = A_MOMENT + 2_000
    assert cache.get("a") is None


@pytest.mark.parametrize(
    "timeout", [10**9, 10**30, 10**400, dt.timedelta.max], ids=lambda value: str(value)[:9]
)
def test_a_timeout_may_be_very_long(cache, timeout):
    cache.set("a", 1, timeout)

    assert cache.get("a") == 1


# -- keys


def test_keys_that_differ_in_case_or_trailing_blanks_are_different_keys(cache):
    keys = ["a", "A", "a ", " a"]
    cache.set_many({key: number for number, key in enumerate(keys)})

    assert cache.get_many(*keys) == [0, 1, 2, 3]


# -- several caches in one table


@pytest.mark.parametrize("hash_sid", [True, False])
def test_caches_with_different_prefixes_share_a_table_and_nothing_else(make_store, hash_sid):
    store = make_store(hash_sid=hash_sid)
    shop, blog = SchemaCache(store, key_prefix="shop:"), SchemaCache(store, key_prefix="Shop:")
    for number, cache in enumerate((shop, blog)):
        cache.set_many({"a": {"user_id": number}, "b": number})
    store.set("a", {"user_id": 3})
    assert (shop.get("a"), blog.get("a"), store.get("a")) == ({"user_id": 0}, {"user_id": 1}, {"user_id": 3})

    assert shop.clear()

    assert shop.get_many("a", "b") == [None, None]
    assert blog.get_many("a", "b") == [{"user_id": 1}, 1]
    assert store.get("a") == {"user_id": 3}
    assert (shop.store.count(), blog.store.count(), store.count()) == (0, 2, 3)


def test_clear_removes_expired_rows(moved_store, clock):
    store = moved_store(gc_interval=None)
    cache = SchemaCache(store, key_prefix="shop:")
    cache.set("a", 1, MINUTE)
    clock.advance(2 * MINUTE)
    cache.clear()

    assert stored_rows(store) == []


# -- the rest


def test_p8_a_corrupt_row_is_absent_and_can_be_set_again(cache, store):
    cache.set_many({"a": {"user_id": 1}, "b": 2})
    write_row(store, "a", additional="{")

    assert cache.get_many("a", "b") == [None, 2]
    cache.set("a", 3)
    assert cache.get("a") == 3


def test_p7_the_table_holds_no_key(store):
    cache = SchemaCache(store, key_prefix="shop:")
    cache.set("the key of a session", {"user_id": 1})

    assert "the key" not in str(stored_rows(store))
    assert "shop:" not in str(stored_rows(store))


def test_outside_of_flask_there_is_no_current_session(cache):
    assert cache.current_sid() is None
    assert cache.current_handle() is None


def test_a_cache_works_where_flask_is_not_installed(tmp_path):
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['flask', 'flask_session', 'werkzeug']))\n"
        "from schema_session_backend import SessionStore\n"
        "from schema_session_backend.cachelib import SchemaCache\n"
        f"store = SessionStore('sqlite:///{tmp_path}/a.db')\n"
        "cache = SchemaCache(store)\n"
        "cache.set('a', 1)\n"
        "assert cache.inc('a') == cache.get('a') == 2 and cache.current_sid() is None\n"
        "store.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_cache_works_on_the_applications_engine(url, table_name):
    engine = create_engine(url)
    store = SessionStore(engine, schemas="user_id Integer", table_name=table_name)
    cache = SchemaCache(store)
    cache.set("a", 1)

    assert cache.inc("a") == 2
    assert cache.add("a", 1) is False
    store.close()
    engine.dispose()
