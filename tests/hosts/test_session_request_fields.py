"""`request_fields` through each host: what a session tells of the request that wrote it last."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import flask
import pytest
from beaker_site import open_beaker_site
from browsing import LOGIN, in_flight
from flask_site import FlaskSite
from paste.deploy import loadapp
from pyramid.config import Configurator
from pyramid.response import Response
from values import stored_rows
from webtest import TestApp

import schema_session_backend.beaker.requests
from schema_session_backend import ConfigurationError
from schema_session_backend.beaker import RequestMiddleware
from schema_session_backend.cachelib import SchemaCache
from test_request_fields import FIREFOX, IPHONE

if TYPE_CHECKING:
    from conftest import MakeStore
    from schema_session_backend import SessionStore

HOME, TRAIN = "198.51.100.7", "203.0.113.80"
SCHEMAS = "user_id Integer index; device String(50); ip String(45); user_agent String(300)"
FIELDS = {"ip": HOME, "user_agent": FIREFOX, "device": "Firefox on Windows"}


@pytest.fixture
def store(make_store: MakeStore) -> SessionStore:
    """A store that asks for everything."""
    return make_store(schemas=SCHEMAS, request_fields="ip user_agent device")


class From:
    """Middleware that says where the requests come from."""

    def __init__(self, application):
        self.application = application
        self.environ = {"REMOTE_ADDR": HOME, "HTTP_USER_AGENT": FIREFOX}

    def __call__(self, environ, start_response):
        return self.application(environ | self.environ, start_response)


@pytest.fixture
def site(open_site, host):
    """A site whose visitors are at home, until `site.application.environ` says something else."""
    site = open_site()
    if host in {"beaker", "SchemaSession"}:
        site.application = RequestMiddleware(site.application)
    site.application = From(site.application)
    return site


def test_a_login_stores_where_it_comes_from(site, browser, store):
    [record] = store.find(user_id=42)

    assert FIELDS.items() <= record.data.items()
    assert store.count(ip=HOME) == 1
    assert browser.data() == {**LOGIN, **FIELDS}


def test_a_change_of_the_session_stores_the_new_address(site, browser, store):
    site.application.environ = {"REMOTE_ADDR": TRAIN, "HTTP_USER_AGENT": IPHONE}
    browser.visit(site.saving(cart=[2]))

    [record] = store.find(user_id=42)
    assert (record.data["ip"], record.data["device"]) == (TRAIN, "Safari on iPhone")


def test_what_a_request_does_not_tell_stays_as_it_was(site, browser, store):
    site.application.environ = {"REMOTE_ADDR": "", "HTTP_USER_AGENT": ""}
    browser.visit(site.saving(cart=[2]))

    assert FIELDS.items() <= store.find(user_id=42)[0].data.items()


def test_a_new_address_alone_is_no_change(site, browser, store):
    before = stored_rows(store)
    site.application.environ = {"REMOTE_ADDR": TRAIN, "HTTP_USER_AGENT": IPHONE}
    browser.data()
    browser.visit(site.saving(user_id=42, cart=[1]))

    assert stored_rows(store) == before


def test_a_visitor_whose_session_nobody_writes_has_none(site, store):
    visitor = site.browser()
    visitor.data()
    visitor.visit(lambda session: "user_id" in session)

    assert store.count() == 0


def test_a_login_that_renews_the_id_stores_it_too(site, store):
    browser = site.browser()
    browser.visit(site.saving(cart=[1]))
    site.application.environ = {"REMOTE_ADDR": TRAIN, "HTTP_USER_AGENT": FIREFOX}
    browser.visit(site.renewing(user_id=42))

    assert store.find(user_id=42)[0].data["ip"] == TRAIN


def test_an_unknown_cookie_keeps_nobody_from_a_login(site, store):
    site.browser("a" * 32).log_in()

    assert store.find(user_id=42)[0].data["ip"] == HOME


def test_it_merges_with_what_another_request_writes(site, browser, store):
    other = site.browser(browser.cookie)
    with in_flight(browser, site.saving(mine=1)):
        other.visit(site.saving(theirs=2))

    [record] = store.find(user_id=42)
    assert {**LOGIN, **FIELDS, "mine": 1, "theirs": 2}.items() <= record.data.items()


def test_it_brings_no_revoked_session_back(site, browser, store):
    with in_flight(browser, site.saving(mine=1)):
        store.revoke_where(user_id=42)

    assert stored_rows(store) == []


def test_p9_it_costs_no_statement(counted, counter, open_site, host):
    store = counted(schemas=SCHEMAS, request_fields="ip user_agent device")
    store.count()
    site = open_site(store=store, timeout=3600)
    if host in {"beaker", "SchemaSession"}:
        site.application = RequestMiddleware(site.application)
    site.application = From(site.application)
    browser = site.browser()
    with counter.expect(0):
        browser.data()
    with counter.expect(1):
        browser.log_in()
    with counter.expect(2):
        browser.visit(site.saving(cart=[2]))
    with counter.expect(2):
        browser.visit(lambda session: [site.saving(cart=[3])(session), site.save(session)])
    site.application.environ = {"REMOTE_ADDR": TRAIN, "HTTP_USER_AGENT": FIREFOX}
    with counter.expect(1):
        browser.data()


# -- each host's settings


@pytest.fixture
def settings(url, table_name):
    """A store's settings, as text."""
    return {"url": url, "table_name": table_name, "schemas": SCHEMAS, "request_fields": "ip/24/48 device"}


AT_HOME = {"REMOTE_ADDR": HOME, "HTTP_USER_AGENT": FIREFOX}
CUT = {"ip": "198.51.100.0/24", "device": "Firefox on Windows"}


def beaker_page(environ, start_response):
    """A page of an application, named in its ini file."""
    environ["beaker.session"]["user_id"] = 42
    environ["beaker.session"].save()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]


def beaker_generator(environ, start_response):
    """The same page, which runs as its body is sent."""
    yield from beaker_page(environ, start_response)


def make_beaker_page(_global_conf, page):
    """The page, for PasteDeploy."""
    return {"list": beaker_page, "generator": beaker_generator}[page]


@pytest.mark.parametrize("page", ["list", "generator"])
def test_an_ini_file_is_enough_for_beaker(settings, make_store, tmp_path, page):
    lines = "\n".join(f"session.{name} = {value}" for name, value in settings.items())
    ini = tmp_path / "site.ini"
    ini.write_text(
        textwrap.dedent(f"""
        [app:page]
        paste.app_factory = {__name__}:make_beaker_page
        page = {page}

        [filter:request]
        paste.filter_app_factory = schema_session_backend.beaker:RequestMiddleware

        [pipeline:main]
        pipeline = request sessions page

        [filter:sessions]
        use = egg:Beaker#beaker_session
        session.type = schema
        """)
        + lines
    )
    TestApp(loadapp(f"config:{ini}")).get("/", extra_environ=AT_HOME)

    assert CUT.items() <= make_store(schemas=SCHEMAS).find(user_id=42)[0].data.items()


def test_without_its_middleware_beaker_stores_none_and_a_warning_says_so(store, caplog):
    schema_session_backend.beaker.requests.warn_of_unknown_requests.cache_clear()
    browser = open_beaker_site(store=store).browser()
    browser.log_in()
    browser.visit(lambda session: [session.update(cart=[2]), session.save()])

    assert browser.data() == {**LOGIN, "cart": [2]}
    assert caplog.text.count("put RequestMiddleware of schema_session_backend.beaker around") == 1


def test_after_a_request_there_is_none(store):
    site = open_beaker_site(store=store)
    RequestMiddleware(From(lambda environ, start_response: [])).__call__({}, None)
    site.browser().log_in()

    assert "ip" not in store.find(user_id=42)[0].data


def test_settings_are_enough_for_pyramid(settings, make_store):
    def page(request):
        request.session["user_id"] = 42
        return Response("done")

    lines = {f"schema_session.{name}": value for name, value in settings.items()}
    with Configurator(settings={**lines, "schema_session.cookie_secure": "false"}) as config:
        config.include("pyramid_schema_session")
        config.add_route("page", "/")
        config.add_view(page, route_name="page")
    TestApp(config.make_wsgi_app()).get("/", extra_environ=AT_HOME)

    assert CUT.items() <= make_store(schemas=SCHEMAS).find(user_id=42)[0].data.items()


def test_settings_are_enough_for_a_cache(settings, make_store):
    site = FlaskSite(store=make_store(), session_cachelib=SchemaCache(**settings))
    site.application.wsgi_app = From(site.application.wsgi_app)
    site.browser().log_in()

    assert CUT.items() <= make_store(schemas=SCHEMAS).find(user_id=42)[0].data.items()


def test_a_cache_fills_nothing_but_the_visitors_session(store):
    site = FlaskSite(store=store)
    with site.application.test_request_context(environ_base=AT_HOME):
        flask.session["user_id"] = 42
        for rate in (1, 2):
            site.cache.set("rates", {"EUR": rate})
            assert site.cache.get("rates") == {"EUR": rate}


def test_a_page_that_only_caches_does_not_depend_on_the_visitor(store):
    site = FlaskSite(store=store, session_refresh_each_request=False)
    site.application.add_url_rule("/rates", view_func=lambda: str(site.cache.set("rates", {"EUR": 1})))
    browser = site.browser()
    browser.log_in()
    client = site.application.test_client()
    client.set_cookie("session", browser.cookie)

    assert "Vary" not in client.get("/rates").headers


def test_a_column_that_is_missing_is_an_error_at_start(settings):
    wrong = {f"schema_session.{name}": value for name, value in {**settings, "schemas": "ip Text"}.items()}
    with pytest.raises(
        ConfigurationError, match="'device' is no declared column; add it to schemas: device Str"
    ):
        Configurator(settings=wrong).include("pyramid_schema_session")
