"""`cache.type = schema`: Beaker's caches in a table."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import beaker.container
import pytest
from beaker.cache import Cache, CacheManager
from beaker.middleware import CacheMiddleware
from beaker.util import parse_cache_config_options
from values import identical
from webtest import TestApp

from schema_session_backend import ConfigurationError, SessionTooLarge, UnserializableValue, WrongArgument
from schema_session_backend._shared import shared_store
from schema_session_backend.beaker.cache import CACHE_SCHEMAS, CACHE_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_session_backend import SessionStore

MINUTE = 60
HOUR = 60 * MINUTE


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
def store(settings) -> SessionStore:
    """The store that `settings` describe."""
    ours = {name.partition(".")[2]: value for name, value in settings.items() if name != "cache.type"}
    return shared_store({**ours, "schemas": CACHE_SCHEMAS}, prefix="cache.")


@pytest.fixture
def let_pass(store, clock, monkeypatch) -> Callable[[float], None]:
    """Moves Beaker's clock and that of the database."""
    store.wait_for_sync()
    clock.install(store)
    monkeypatch.setattr(beaker.container, "time", SimpleNamespace(time=clock.time))
    return clock.advance


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


def test_an_expired_value_is_served_while_one_caller_makes_it_anew(settings, let_pass, tmp_path):
    for lock_dir in ({}, {"cache.lock_dir": str(tmp_path)}):
        cache = CacheManager(**parse_cache_config_options(settings | lock_dir)).get_cache("p", expire=HOUR)
        cache.put("tea", "old")
        let_pass(HOUR + MINUTE)
        making, go_on = threading.Event(), threading.Event()

        def make(making=making, go_on=go_on) -> str:
            making.set()
            assert go_on.wait(30)
            return "new"

        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(cache.get, "tea", createfunc=make)
            try:
                assert making.wait(30), first.exception(0)
                assert pool.submit(cache.get, "tea", createfunc=make).result(30) == "old"
            finally:
                go_on.set()
            assert first.result(30) == "new"
        assert cache.get("tea", createfunc=make) == "new"


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


def test_a_region_without_its_own_url_is_told_so(settings):
    """Beaker gives a region none of the settings of the caches beside it."""
    regions = {
        "cache.regions": "short, long",
        "cache.short.url": "sqlite://",
        "cache.long.expire": "60",
        "cache.long.lock_dir": "/tmp",
    }
    manager = CacheManager(**parse_cache_config_options(settings | regions))

    with pytest.raises(
        ConfigurationError, match=r"^cache\.long\.url is missing: .* or cache\.long\.store to"
    ):
        manager.get_cache_region("prices", "long").get("tea")


def test_a_misspelt_setting_of_a_region_is_refused_with_the_regions_name():
    regions = {
        "cache.regions": "short",
        "cache.short.type": "schema",
        "cache.short.url": "sqlite://",
        "cache.short.tabel_name": "x",
    }
    manager = CacheManager(**parse_cache_config_options(regions))

    with pytest.raises(
        ConfigurationError, match=r"no setting cache\.short\.tabel_name: did you mean 'table_"
    ):
        manager.get_cache_region("prices", "short").get("tea")


def test_the_default_table_is_that_of_no_back_end_of_beakers():
    modules = (importlib.import_module(f"beaker.ext.{name}") for name in ("database", "sqla"))

    assert not any(f"'{CACHE_TABLE}'" in inspect.getsource(module) for module in modules)


@pytest.mark.parametrize("prefix", ["", "cache.", "beaker.cache."], ids=ascii)
def test_settings_may_be_keyword_arguments_of_beakers_middleware(settings, prefix):
    settings = {f"{prefix}{name.removeprefix('cache.')}": value for name, value in settings.items()}
    middleware = CacheMiddleware(None, **settings)

    assert middleware.cache_manager.get_cache("prices").get("tea", createfunc=lambda: 3) == 3


def test_beakers_middleware_gives_the_cache_to_an_application(settings):
    def application(environ, start_response):
        cache = environ["beaker.cache"].get_cache("prices")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(cache.get("visits", createfunc=lambda: environ["QUERY_STRING"])).encode()]

    site = TestApp(CacheMiddleware(application, settings))

    assert (site.get("/?first").text, site.get("/?second").text) == ("first", "first")


def test_expired_values_are_collected_an_hour_later(store, cache, manager, let_pass):
    cache.put("tea", 2)
    short = manager.get_cache("short", expire=MINUTE)
    short.put("tea", 1)
    let_pass(HOUR)
    assert "tea" not in short
    assert store.gc() == 0
    let_pass(2 * MINUTE)

    assert store.gc() == 1
    assert store.count() == 1
    assert cache.get("tea") == 2


# -- what is refused


def test_a_value_that_cannot_be_stored_is_an_error_and_the_old_value_stays(cache):
    cache.put("tea", 3)
    with pytest.raises(
        UnserializableValue, match=r"^the value for the cache: a value of type .*object"
    ) as wrong:
        cache.put("tea", object())
    with pytest.raises(SessionTooLarge) as large:
        cache.put("tea", "x" * 70_000)

    assert cache.get("tea") == 3
    assert "session" not in str(wrong.value)
    assert re.fullmatch(
        r"the value for the cache takes 70\d\d\d bytes and max_size allows 65536:"
        r" store less, or raise max_size",
        str(large.value),
    )


@pytest.mark.parametrize("key", [5, None, ("tea", 3)], ids=repr)
def test_a_key_that_is_neither_text_nor_bytes_is_refused(cache, key):
    for use in (cache.get, cache.remove_value, partial(cache.put, value=3)):
        with pytest.raises(WrongArgument, match=f"a cache key is text or bytes, not {type(key).__name__}"):
            use(key)


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
        ({"cache.timeout": "60"}, r"no setting cache\.timeout: did you mean 'expire'\?"),
        ({"cache.expires": "60"}, r"no setting cache\.expires: did you mean 'expire'\?"),
        ({"cache.max_age": "60"}, r"cache\.max_age: cache\.expire says how long .* leave it out"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(settings, more, problem):
    manager = CacheManager(**parse_cache_config_options(settings | more))

    with pytest.raises(ConfigurationError, match=problem):
        manager.get_cache("prices").put("tea", 3)


def test_a_store_without_the_columns_of_a_cache_is_refused(make_store):
    manager = CacheManager(
        **parse_cache_config_options({"cache.type": "schema", "cache.store": make_store()})
    )

    with pytest.raises(ConfigurationError, match=r"cache\.store: a cache needs a store with schemas="):
        manager.get_cache("prices").put("tea", 3)
