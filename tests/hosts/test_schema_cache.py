"""What `SchemaCache` gives beyond cachelib's contract: columns, single statements, counting, and errors."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import create_engine, select
from values import SESSIONS, VALUES, identical, no_sql, stored_rows, write_row
from workers import count_up

from processes import at_once
from schema_session_backend import (
    AccessDenied,
    ConfigurationError,
    InvalidField,
    InvalidSessionId,
    NotAnInteger,
    SessionStore,
    SessionTooLarge,
    StoreUnavailable,
    UnserializableValue,
)
from schema_session_backend.cachelib import SchemaCache

MINUTE = 60


@pytest.fixture
def cache(store) -> SchemaCache:
    return SchemaCache(store)


def columns(store, *names):
    """The values of columns of all rows."""
    with store.engine.begin() as connection:
        return connection.execute(select(*(store.repo().c[name] for name in names))).all()


# -- columns


def test_a_dict_is_split_into_the_declared_columns(cache, store):
    cache.set("a", {"user_id": 42, "device": "phone", "cart": [1]})

    assert columns(store, "user_id", "device", "additional") == [(42, "phone", '{"cart":[1]}')]
    assert [record.data for record in store.find(user_id=42)] == [cache.get("a")]


@pytest.mark.parametrize("value", [3, None, [1], "text"], ids=repr)
def test_any_other_value_is_not(cache, store, value):
    cache.set("a", value)

    [(user_id, additional)] = columns(store, "user_id", "additional")
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
def test_p1_whatever_a_session_may_hold_may_be_a_value_too(cache, value):
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


@pytest.mark.parametrize(
    "timeout", [-1, dt.timedelta(-1), "60", [], True, float("nan"), float("inf")], ids=repr
)
@pytest.mark.filterwarnings("ignore:Float timeouts are deprecated")
def test_what_is_no_timeout_is_refused_before_sql(cache, store, timeout):
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


def test_a_float_is_deprecated_as_cachelib_says(cache):
    with pytest.warns(DeprecationWarning, match="Float timeouts"):
        cache.set("a", 1, 1.5)


@pytest.mark.parametrize(
    "timeout", [10**9, 10**30, 10**400, dt.timedelta.max], ids=lambda value: str(value)[:9]
)
def test_a_very_long_timeout_is_one(cache, timeout):
    cache.set("a", 1, timeout)

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


def test_keys_that_differ_in_case_or_trailing_blanks_are_different_keys(cache):
    keys = ["a", "A", "a ", " a"]
    cache.set_many({key: number for number, key in enumerate(keys)})

    assert cache.get_many(*keys) == [0, 1, 2, 3]


# -- values that cannot be stored


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
# With ignore_errors too: the database did not fail.
@pytest.mark.parametrize("ignore_errors", [False, True])
def test_what_cannot_be_stored_is_a_typed_error_and_the_old_value_stays(
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


# -- counting


@pytest.mark.parametrize("value", [1.5, True, None, "1", [1], {"user_id": 1}], ids=repr)
def test_only_an_int_can_be_counted(cache, store, value):
    cache.set("a", value)
    before = stored_rows(store)

    for call in (cache.inc, cache.dec):
        with pytest.raises(NotAnInteger, match="the value is no int but"):
            call("a")
    with pytest.raises(NotAnInteger, match="delta is no int but"):
        cache.inc("a", value)

    assert stored_rows(store) == before


def test_a_corrupt_counter_is_an_error_and_not_an_endless_loop(cache, store):
    cache.set("a", 1)
    write_row(store, "a", additional="{")

    with pytest.raises(StoreUnavailable, match="a counter is corrupt"):
        cache.inc("a")


def test_counting_leaves_the_expiry_alone(moved_store, clock):
    cache = SchemaCache(moved_store(timestamps=True))
    cache.set("a", 1, MINUTE)
    cache.set("b", 1, 0)
    clock.advance(MINUTE - 20)
    cache.inc("a")
    cache.dec("b")
    clock.advance(30)

    assert cache.get_many("a", "b") == [None, 0]


def test_p11_no_count_of_eight_processes_is_lost(make_store, url, table_name):
    cache = SchemaCache(make_store())
    at_once(count_up, [(url, table_name)] * 8)

    assert cache.get("counter") == 8 * 20
    assert cache.get("other") == 8 * 20 * 2**64


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


def test_clear_removes_expired_rows_too(moved_store, clock):
    store = moved_store(gc_interval=None)
    cache = SchemaCache(store, key_prefix="shop:")
    cache.set("a", 1, MINUTE)
    clock.advance(2 * MINUTE)
    cache.clear()

    assert stored_rows(store) == []


@pytest.mark.parametrize("prefix", ["é", "a\0", "x" * 255], ids=ascii)
def test_an_impossible_prefix_is_refused(store, prefix):
    with pytest.raises(ConfigurationError, match="prefix"):
        SchemaCache(store, key_prefix=prefix)


def test_what_is_no_store_is_refused():
    with pytest.raises(ConfigurationError, match="takes a SessionStore, not str"):
        SchemaCache("sqlite://")  # type: ignore[arg-type]


# -- a database that fails


@pytest.fixture
def down():
    """A store whose database cannot be reached."""
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", sync_timeout=0.05)
    yield store
    store.close()


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
def test_a_failing_database_is_an_error_unless_the_caller_wants_cachelibs_quiet_answer(
    down, call, quietly, caplog
):
    with pytest.raises(StoreUnavailable):
        call(SchemaCache(down))
    assert caplog.records == []

    assert call(SchemaCache(down, ignore_errors=True)) == quietly
    assert "cannot connect" in caplog.text


def test_ignored_errors_include_a_login_that_the_database_refuses(url, make_store, monkeypatch):
    store = make_store()
    cache = SchemaCache(store, ignore_errors=True)

    def deny(*_arguments):
        raise AccessDenied("wrong password", code=None)

    monkeypatch.setattr(store._database, "run", deny)

    assert cache.get("a") is None
    assert cache.set("a", 1) is False


def test_a_quiet_delete_many_can_be_made_to_raise_as_cachelib_says(down):
    cache = SchemaCache(down, ignore_errors=True, ignore_delete_many_errors=False)

    with pytest.raises(RuntimeError, match="could not be deleted"):
        cache.delete_many("a")


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


def test_it_works_where_flask_is_not_installed(tmp_path):
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


def test_two_threads_that_add_one_key_add_it_once(cache):
    ready, added = threading.Barrier(8), []

    def add():
        ready.wait(30)
        added.append(cache.add("a", 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(added) == [False] * 7 + [True]


def test_an_engine_of_the_applications_own_does_too(url, table_name):
    engine = create_engine(url)
    store = SessionStore(engine, schemas="user_id Integer", table_name=table_name)
    cache = SchemaCache(store)
    cache.set("a", 1)

    assert cache.inc("a") == 2
    assert cache.add("a", 1) is False
    store.close()
    engine.dispose()
