"""Flask-Caching on a `SchemaCache`, by configuration alone."""

from __future__ import annotations

import flask
import pytest
from flask_caching import Cache
from sqlalchemy import inspect

from databases import DATABASES
from schema_session_backend import ConfigurationError

SCHEMA_CACHE = "schema_session_backend.cachelib.SchemaCache"


@pytest.fixture
def host():
    """The host of the sessions that the cache shares a table with."""
    return "flask"


@pytest.fixture
def settings(url, table_name):
    """What Flask's configuration has to say."""
    options = {"url": url, "table_name": table_name, "gc_interval": None}
    return {"CACHE_TYPE": SCHEMA_CACHE, "CACHE_OPTIONS": options}


def open_cache(settings, **more):
    """Flask-Caching's cache in an application of its own."""
    application = flask.Flask(__name__)
    application.config.update(settings, **more)
    return Cache(application)


def test_a_view_is_computed_once(settings):
    application = flask.Flask(__name__)
    application.config.update(settings)
    cache, computed = Cache(application), []

    @application.get("/prices")
    @cache.cached(timeout=60)
    def prices():
        computed.append(1)
        return {"tea": 3}

    answers = [application.test_client().get("/prices").json for _ in range(3)]
    assert answers == [{"tea": 3}] * 3
    assert len(computed) == 1


def test_a_memoized_function_can_be_forgotten(settings):
    cache, computed = open_cache(settings), []

    @cache.memoize()
    def double(number):
        computed.append(number)
        return 2 * number

    assert [double(1), double(1), double(2)] == [2, 2, 4]
    cache.delete_memoized(double, 1)
    assert [double(1), double(2)] == [2, 4]
    assert computed == [1, 2, 1]


def test_applications_with_the_same_settings_share_values(settings):
    cache, again = open_cache(settings), open_cache(settings)
    cache.set("a", ("any", b"value"))

    assert again.get("a") == ("any", b"value")
    assert again.cache.store.engine is cache.cache.store.engine


def test_the_default_timeout_is_flask_cachings(settings):
    assert open_cache(settings, CACHE_DEFAULT_TIMEOUT=7).cache.default_timeout == 7


def test_the_default_table_is_not_that_of_sessions(tmp_path):
    cache = open_cache({"CACHE_TYPE": SCHEMA_CACHE, "CACHE_OPTIONS": {"url": DATABASES["sqlite"](tmp_path)}})
    cache.set("a", 1)

    assert inspect(cache.cache.store.engine).get_table_names() == ["cache"]


# -- the key prefix


def in_the_applications_config(settings, prefix):
    return open_cache(settings, CACHE_KEY_PREFIX=prefix)


def in_the_caches_config(settings, prefix):
    return Cache(flask.Flask(__name__), config=settings | {"CACHE_KEY_PREFIX": prefix})


def in_init_app(settings, prefix):
    cache = Cache()
    cache.init_app(flask.Flask(__name__), config=settings | {"CACHE_KEY_PREFIX": prefix})
    return cache


def in_the_options(settings, prefix):
    options = settings["CACHE_OPTIONS"] | {"key_prefix": prefix}
    return open_cache(settings, CACHE_OPTIONS=options, CACHE_KEY_PREFIX="not this one:")


@pytest.mark.parametrize(
    "open_with_prefix", [in_the_applications_config, in_the_caches_config, in_init_app, in_the_options]
)
def test_caches_with_different_key_prefixes_share_a_table_and_nothing_else(settings, open_with_prefix):
    shop, blog = (open_with_prefix(settings, prefix) for prefix in ("shop:", "blog:"))
    shop.set("a", 1)
    blog.set("a", 2)
    assert open_cache(settings, CACHE_KEY_PREFIX="shop:").get("a") == 1

    shop.clear()

    assert (shop.get("a"), blog.get("a")) == (None, 2)


# -- the sessions' table


@pytest.mark.parametrize("how", ["url", "store", "positional store"])
def test_clear_leaves_sessions_in_the_same_table_alone(site, browser, store, url, table_name, how):
    options = {"url": {"url": url, "table_name": table_name, "timestamps": True}, "store": {"store": store}}
    cache = open_cache(
        {"CACHE_TYPE": SCHEMA_CACHE},
        CACHE_ARGS=[store] if how == "positional store" else [],
        CACHE_OPTIONS=options.get(how),
    )
    cache.set("a", 1)
    cache.clear()

    assert cache.get("a") is None
    assert browser.data() != {}


@pytest.mark.parametrize("prefix", ["", None])
def test_an_empty_prefix_is_refused(settings, prefix):
    with pytest.raises(ConfigurationError, match="CACHE_KEY_PREFIX is empty"):
        open_cache(settings, CACHE_KEY_PREFIX=prefix)


# -- settings that cannot work


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "url is missing: set it to the database's URL, or store to a SessionStore"),
        ({"url": "sqlite://", "tabel_name": "a"}, "there is no setting tabel_name.*table_name"),
        ({"url": "sqlite://", "ignore_error": True}, "there is no setting ignore_error.*ignore_errors"),
        ({"store": "sqlite://"}, "takes a SessionStore, not str; a URL is the setting url="),
    ],
    ids=["nothing", "misspelt option", "misspelt option of the cache", "no store"],
)
def test_settings_that_cannot_work_are_an_error_at_start(options, problem):
    with pytest.raises(ConfigurationError, match=problem):
        open_cache({"CACHE_TYPE": SCHEMA_CACHE, "CACHE_OPTIONS": options})
