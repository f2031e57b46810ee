"""Sealed sessions through each host, whose keys are set as any other option."""

from __future__ import annotations

import pytest
from beaker_site import BeakerSite
from browsing import LOGIN
from flask_site import FlaskSite
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid_schema_session import SchemaSessionFactory
from test_session_promises import *  # noqa: F403 - they run here once more, on the store below
from values import stored_columns
from webtest import TestApp
from workers import SCHEMAS

from databases import DATABASES
from schema_session_backend import ConfigurationError
from schema_session_backend.cachelib import SchemaCache
from sealed import new_key

KEYS = [new_key(), new_key()]


@pytest.fixture(params=["sqlite"])
def url(request, tmp_path):
    return DATABASES[request.param](tmp_path)


@pytest.fixture
def store(make_store):
    return make_store(timestamps=True, encryption_keys=KEYS)


def all_sealed(store):
    texts = [text for (text,) in stored_columns(store, "additional")]
    return bool(texts) and all(text.startswith("sealed1:") for text in texts)


def test_the_sessions_of_a_host_are_sealed(browser, store):
    assert browser.data() == LOGIN
    assert store.count(user_id=42) == 1
    assert all_sealed(store)


# In an ini file, a value may go on in further lines.
@pytest.mark.parametrize(
    "keys", [" ".join(KEYS), "\n" + "\n".join(KEYS), KEYS], ids=["blanks", "lines", "list"]
)
def test_keys_in_beakers_settings(url, table_name, store, keys):
    settings = {"type": "schema", "url": url, "table_name": table_name, "schemas": SCHEMAS}
    settings |= {"timestamps": "true"}
    browser = BeakerSite(
        {f"session.{name}": value for name, value in settings.items()} | {"session.encryption_keys": keys}
    ).browser()
    browser.log_in()

    assert browser.data() == LOGIN
    assert store.count(user_id=42) == 1
    assert all_sealed(store)


def test_keys_in_pyramids_settings(url, table_name, store):
    settings = {"url": url, "table_name": table_name, "schemas": SCHEMAS, "timestamps": "true"}
    settings |= {"encryption_keys": "\n" + "\n".join(KEYS), "unsealed": "read", "cookie_secure": "false"}
    with Configurator(
        settings={f"schema_session.{name}": value for name, value in settings.items()}
    ) as config:
        config.include("pyramid_schema_session")
        config.add_route("page", "/")

        def page(request):
            request.session["user_id"] = 42
            visits = request.session["visits"] = request.session.get("visits", 0) + 1
            return Response(f"{visits}")

        config.add_view(page, route_name="page")
    client = TestApp(config.make_wsgi_app())

    assert [client.get("/").text for _ in range(2)] == ["1", "2"]
    assert [record.data for record in store.find(user_id=42)] == [{"user_id": 42, "visits": 2}]
    assert all_sealed(store)


def test_keys_of_a_cache(url, table_name, store):
    cache = SchemaCache(
        url=url, table_name=table_name, schemas=SCHEMAS, timestamps=True, encryption_keys=" ".join(KEYS)
    )
    cache.set("a", {"user_id": 1, "n": 1})
    cache.set("number", 1)
    assert cache.inc("number") == 2

    assert cache.get_dict("a", "number") == {"a": {"user_id": 1, "n": 1}, "number": 2}
    assert all_sealed(store)


def test_keys_of_flask_session(url, table_name, store):
    settings = {"url": url, "table_name": table_name, "schemas": SCHEMAS, "timestamps": True}
    site = FlaskSite(store=SchemaCache(**settings, encryption_keys=KEYS).store)
    browser = site.browser()
    browser.log_in()

    assert browser.data() == LOGIN
    assert all_sealed(store)


@pytest.mark.parametrize("wrong", ["hunter2-the-key", f"{KEYS[0]} {KEYS[0]}"], ids=["no key", "twice"])
def test_a_wrong_key_in_settings_is_an_error_that_does_not_show_it(url, wrong):
    site = BeakerSite({"session.type": "schema", "session.url": url, "session.encryption_keys": wrong})

    with pytest.raises(ConfigurationError, match=r"^encryption_keys: key [12] is") as caught:
        site.browser().log_in()
    assert "hunter2" not in str(caught.value)
    assert KEYS[0].rstrip("=") not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"^encryption_keys: key [12] is"):
        SchemaSessionFactory.from_settings(
            {"schema_session.url": url, "schema_session.encryption_keys": wrong}
        )
