"""`cache.type = schema`: Beaker's caches in a table."""

from __future__ import annotations

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import beaker.container
import pytest
from beaker.cache import Cache, CacheManager
from beaker.middleware import CacheMiddleware
from beaker.util import parse_cache_config_options
from values import identical
from webtest import TestApp

from schema_session_backend import ConfigurationError, SessionTooLarge, UnserializableValue
from schema_session_backend._shared import shared_store
from schema_session_backend.beaker import CACHE_SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3600


@pytest.fixture
def settings(url, table_name) -> dict[str, str]:
    """Settings of caches, as in an ini file."""
    return {
        "cache.type": "schema",
        "cache.url": url,
        "cache.table_name": table_name,
        "cache.timestamps": "true",
    }


@pytest.fixture
def manager(settings) -> CacheManager:
    """A manager of caches."""
    return CacheManager(**parse_cache_config_options(settings))


@pytest.fixture
def cache(manager) -> Cache:
    """A cache with the namespace `prices`."""
    return manager.get_cache("prices")


@pytest.fixture
def let_pass(monkeypatch) -> Callable[[float], None]:
    """Moves Beaker's clock."""
    now = SimpleNamespace(time=time.time)
    monkeypatch.setattr(beaker.container, "time", now)

    def let_pass(seconds: float) -> None:
        before = now.time
        now.time = lambda: before() + seconds

    return let_pass


def test_a_value_is_put_got_and_removed(cache):
    cache.put("tea", 3)
    assert cache.get("tea") == 3
    assert cache.has_key("tea")
    assert "tea" in cache
    cache.put("tea", 4)
    assert cache["tea"] == 4
    cache.remove_value("tea")

    assert "tea" not in cache
    with pytest.raises(KeyError):
        cache.get("tea")


def test_keys_and_clear_are_those_of_the_namespace(manager, cache):
    other = manager.get_cache("other")
    cache.put("tea", 3)
    cache.put("é", 4)
    other.put("tea", 5)

    assert set(cache.namespace.keys()) == {b"tea", "é".encode("ascii", "backslashreplace")}
    cache.clear()
    assert cache.namespace.keys() == []
    assert other.get("tea") == 5


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        "",
        (1, [2]),
        {1: {2}},
        b"\x80",
        dt.timedelta(1),
        2**70,
        {"key": 1, "namespace": 2},
        "x" * 60_000,
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_value_comes_back_equal_and_of_the_same_types(cache, value):
    cache.put("key", value)

    assert identical(cache.get("key"), value)


@pytest.mark.parametrize("key", ["a\0b", "\ud800", "\\x00", b"\xff\0", "é", b"\\"], ids=ascii)
def test_a_key_may_have_any_characters(cache, key):
    namespace = cache.namespace
    namespace[key] = 3

    assert namespace[key] == 3
    assert namespace.keys() == [key]


def test_keys_that_are_escaped_alike_are_different_keys(cache):
    keys = ["\\x00", "\0", b"\0", b"\\x00"]
    for number, key in enumerate(keys):
        cache.namespace[key] = number

    assert [cache.namespace[key] for key in keys] == [0, 1, 2, 3]


def test_a_cache_key_may_be_named_like_the_key_of_a_session(cache):
    cache.put("session", 3)

    assert cache.get("session") == 3
    assert cache.namespace.keys() == [b"session"]


def test_the_name_of_a_cache_may_be_long(manager):
    for namespace in ("n" * 300, "n" * 299 + "m"):
        cache = manager.get_cache(namespace)
        for key in ("k" * 300, "k" * 299 + "l"):
            cache.put(key, namespace + key)
    for namespace in ("n" * 300, "n" * 299 + "m"):
        cache = manager.get_cache(namespace)
        assert len(cache.namespace.keys()) == 2
        for key in ("k" * 300, "k" * 299 + "l"):
            assert cache.get(key) == namespace + key


def test_a_value_expires(manager, let_pass):
    cache = manager.get_cache("prices", expire=HOUR)
    made = []

    def make():
        made.append(1)
        return len(made)

    assert cache.get("tea", createfunc=make) == 1
    let_pass(HOUR - 1)
    assert cache.get("tea", createfunc=make) == 1
    let_pass(2)
    assert cache.get("tea", createfunc=make) == 2


def test_a_missing_value_is_created_once_while_other_threads_wait(settings, tmp_path):
    for lock_dir in ({}, {"cache.lock_dir": str(tmp_path)}):
        manager = CacheManager(**parse_cache_config_options(settings | lock_dir))
        cache = manager.get_cache("prices", expire=HOUR)
        cache.clear()
        start = threading.Barrier(8)
        made: list[int] = []

        def get(_: Any, cache=cache, start=start, made=made) -> Any:
            start.wait(30)
            return cache.get("tea", createfunc=lambda: made.append(1) or 3)

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(get, range(8))) == [3] * 8
        assert made == [1]


def test_functions_are_cached_by_the_decorator(manager):
    calls = []

    @manager.cache("sums", expire=HOUR)
    def add(one, other):
        calls.append((one, other))
        return one + other

    assert [add(1, 2), add(1, 2), add(2, 2)] == [3, 3, 4]
    assert calls == [(1, 2), (2, 2)]
    manager.invalidate(add, "sums", 1, 2)
    add(1, 2)
    assert calls == [(1, 2), (2, 2), (1, 2)]


def test_a_region_has_settings_of_its_own(url, table_name):
    manager = CacheManager(
        **parse_cache_config_options(
            {
                "cache.regions": "short",
                "cache.short.type": "schema",
                "cache.short.url": url,
                "cache.short.table_name": table_name,
                "cache.short.expire": "60",
            }
        )
    )
    calls = []

    @manager.region("short", "sums")
    def add(one, other):
        calls.append(1)
        return one + other

    assert (add(1, 2), add(1, 2), calls) == (3, 3, [1])


def test_beakers_middleware_gives_the_cache_to_an_application(settings):
    def application(environ, start_response):
        cache = environ["beaker.cache"].get_cache("prices")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(cache.get("visits", createfunc=lambda: environ["QUERY_STRING"])).encode()]

    site = TestApp(CacheMiddleware(application, settings))

    assert (site.get("/?first").text, site.get("/?second").text) == ("first", "first")


def test_expired_values_are_collected(settings, cache, manager, clock):
    ours = {name.partition(".")[2]: value for name, value in settings.items() if name != "cache.type"}
    store = shared_store({**ours, "schemas": CACHE_SCHEMAS}, prefix="cache.")
    cache.put("tea", 2)
    clock.install(store)
    manager.get_cache("short", expire=60).put("tea", 1)
    clock.advance(61)

    assert store.gc() == 1
    assert store.count() == 1
    assert cache.get("tea") == 2


# -- what is refused


def test_a_value_that_cannot_be_stored_is_an_error_and_the_old_value_stays(cache):
    cache.put("tea", 3)
    with pytest.raises(UnserializableValue, match="session key 'value'"):
        cache.put("tea", object())
    with pytest.raises(SessionTooLarge):
        cache.put("tea", "x" * 70_000)

    assert cache.get("tea") == 3


def test_objects_of_other_classes_need_pickle_by_name(settings):
    cache = CacheManager(**parse_cache_config_options(settings | {"cache.serializer": "pickle"})).get_cache(
        "prices"
    )
    cache.put("tea", SimpleNamespace(price=3))

    assert cache.get("tea") == SimpleNamespace(price=3)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"cache.schemas": "user_id Integer"}, r"cache\.schemas: a cache brings its own columns"),
        ({"cache.tabel_name": "x"}, r"no setting cache\.tabel_name: did you mean 'table_name'\?"),
        ({"cache.tabel_name": "x", "cache.digest_filenames": False}, r"no setting cache\.tabel_name"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(settings, more, problem):
    manager = CacheManager(**parse_cache_config_options(settings | more))

    with pytest.raises(ConfigurationError, match=problem):
        manager.get_cache("prices").put("tea", 3)


def test_a_store_without_the_columns_of_a_cache_is_refused(store):
    manager = CacheManager(**parse_cache_config_options({"cache.type": "schema", "cache.store": store}))

    with pytest.raises(ConfigurationError, match=r"cache\.store: a cache needs a store with schemas="):
        manager.get_cache("prices").put("tea", 3)
