"""The page of devices below any path of each host, and in a host's own request."""

from __future__ import annotations

from urllib.parse import quote

import flask
import pytest
import zope.sqlalchemy
from devices_calls import post
from devices_site import SITES
from pyramid.config import Configurator
from pyramid.events import ContextFound
from sqlalchemy import create_engine
from sqlalchemy.orm import Session as OrmSession
from webtest import TestApp

from schema_session_backend import ConfigurationError


def user(request):
    return request.session.get("user_id")


@pytest.mark.parametrize("path", ["/devices", "/devices/"])
def test_the_page_is_found_with_or_without_a_final_slash(browser, path):
    page = browser(42).get(path)
    page = page.follow() if page.status_int == 308 else page

    assert page.html.find("h1").text == "Your devices"


@pytest.mark.parametrize("path", ["devices", "/devices/", "/a/b", "/ger\u00e4te", "/with blank"])
def test_links_of_the_page_lead_to_where_the_page_is_mounted(host, store, path):
    client = TestApp(SITES[host](store, path=path))
    client.get("/sign-in?user=42")
    store.set("other", {"user_id": 42})
    where = quote(f"/{path.strip('/')}")

    page = client.get(f"{where}/")
    client.get(page.html.find("link")["href"])
    answer = page.forms[0].submit()

    assert answer.location.endswith(f"{where}/?done=one")
    assert answer.follow().html.find("h1").text == "Your devices"
    assert store.count() == 1


@pytest.mark.parametrize("path", ["", "/", None])
def test_the_page_cannot_be_the_whole_site(host, store, path):
    with pytest.raises(ConfigurationError, match="such as '/devices'"):
        SITES[host](store, path=path)


def test_the_page_is_below_pyramids_route_prefix(store):
    config = Configurator(settings={"schema_session.store": store, "schema_session.cookie_secure": "false"})
    config.include("pyramid_schema_session")
    config.include(lambda config: config.add_devices_page(user=user), route_prefix="{tenant}/app")
    store.set_many({"this": {"user_id": 42}, "other": {"user_id": 42}})
    client = TestApp(config.make_wsgi_app(), extra_environ={"HTTP_COOKIE": "session=this"})

    page = client.get("/acme/app/devices/")
    assert client.get(page.html.find("link")["href"])
    assert page.forms[0].submit().location.endswith("/acme/app/devices/?done=one")


def test_a_form_that_flask_has_read_before_is_accepted(store):
    app = SITES["flask"](store)
    app.before_request(lambda: flask.request.form.get("x") and None)
    client = TestApp(app)
    client.get("/sign-in?user=42")
    store.set("other", {"user_id": 42})

    assert client.get("/devices/").forms[0].submit().status_int == 303
    assert post(client, "/sign-out-others").status_int == 303
    assert store.count() == 1


@pytest.mark.parametrize("commits", [True, False])
def test_sessions_are_ended_in_pyramids_transaction(store, url, commits):
    """SQLite has one writer at a time: a revocation on another connection would wait for this request."""
    engine = create_engine(url)
    store.wait_for_sync()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (text TEXT)")

    def dbsession(request):
        session = OrmSession(engine)
        zope.sqlalchemy.register(session, transaction_manager=request.tm)
        return session

    def write(event):
        request = event.request
        request.dbsession.connection().exec_driver_sql("INSERT INTO notes VALUES ('seen')")
        if not commits:
            request.tm.doom()

    settings = {"store": store, "cookie_secure": "false", "transactional": "true"}
    config = Configurator(settings={f"schema_session.{name}": value for name, value in settings.items()})
    config.include("pyramid_tm")
    config.include("pyramid_schema_session")
    config.add_request_method(dbsession, "dbsession", reify=True)
    config.add_devices_page(user=user)
    config.add_subscriber(write, ContextFound)
    store.set_many({"this": {"user_id": 42}, "other": {"user_id": 42}})
    client = TestApp(config.make_wsgi_app(), extra_environ={"HTTP_COOKIE": "session=this"})

    assert post(client, "/sign-out", handle=store.handle("other")).status_int == 303
    assert store.has("other") is not commits
    engine.dispose()
