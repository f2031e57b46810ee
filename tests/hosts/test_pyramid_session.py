"""Pyramid's `ISession` whole: flashed messages, CSRF tokens and its creation time."""

from __future__ import annotations

import time

import pytest
from browsing import LOGIN
from pyramid import testing
from pyramid.config import Configurator
from pyramid.csrf import SessionCSRFStoragePolicy
from pyramid.interfaces import ISession, ISessionFactory
from pyramid.response import Response
from pyramid_schema_session import SchemaSessionFactory
from values import stored_rows
from webtest import TestApp
from zope.interface.verify import verifyObject

HOUR = 3600


@pytest.fixture
def host():
    """The host that this file is about."""
    return "pyramid"


# -- ISession


def test_the_factory_is_an_isessionfactory_and_gives_an_isession(store):
    factory = SchemaSessionFactory(store)
    session = factory(testing.DummyRequest())  # type: ignore[arg-type]

    assert verifyObject(ISessionFactory, factory)
    assert verifyObject(ISession, session)


@pytest.mark.parametrize("timestamps", [True, False])
def test_a_session_knows_its_creation_time_and_whether_it_is_new(make_store, open_site, timestamps):
    site = open_site(store=make_store(timestamps=timestamps))
    browser = site.browser()

    def sign_in(session):
        assert session.new
        session.update(LOGIN)
        return session.created

    created = browser.visit(sign_in)
    assert type(created) is int
    assert created == pytest.approx(time.time(), abs=10)

    assert browser.visit(lambda session: session.new) is False
    assert browser.visit(lambda session: session.created) == pytest.approx(created, abs=1)
    assert dict(browser.data()) == LOGIN
    assert site.browser().visit(lambda session: session.new) is True


@pytest.mark.parametrize("timestamps", [True, False])
def test_the_creation_time_stays_through_later_changes(make_store, open_site, timestamps, monkeypatch):
    browser = open_site(store=make_store(timestamps=timestamps)).browser()
    browser.log_in()
    created = browser.visit(lambda session: session.created)

    later = time.time() + HOUR
    monkeypatch.setattr("pyramid_schema_session.session.time.time", lambda: later)
    browser.visit(lambda session: session.update(more=1))

    assert browser.visit(lambda session: session.created) == created


def test_a_session_that_other_software_stored_is_not_written_by_a_request_that_only_reads(site, store):
    store.set("an-id", LOGIN)
    before = stored_rows(store)

    assert site.browser("an-id").data() == LOGIN
    assert stored_rows(store) == before


def test_a_session_from_before_timestamps_keeps_its_creation_time_outside_of_its_data(
    make_store, open_site, monkeypatch
):
    browser = open_site(store=make_store(timestamps=False)).browser()
    browser.log_in()
    created = browser.visit(lambda session: session.created)

    later = time.time() + HOUR
    monkeypatch.setattr("pyramid_schema_session.session.time.time", lambda: later)
    browser = open_site(store=make_store(timestamps=True)).browser(browser.cookie)
    browser.visit(lambda session: session.update(cart=[2]))

    assert browser.visit(dict) == LOGIN | {"cart": [2]}
    assert browser.visit(lambda session: session.created) == created


@pytest.mark.parametrize("timestamps", [True, False])
def test_a_key_of_the_application_named_created_is_kept_as_any_key(make_store, open_site, timestamps):
    browser = open_site(store=make_store(timestamps=timestamps)).browser()
    browser.visit(lambda session: session.update(_created="by hand", created="yesterday"))

    assert browser.visit(dict) == {"_created": "by hand", "created": "yesterday"}


@pytest.mark.parametrize("call", [lambda session: session.changed(), lambda session: None])
def test_a_change_deep_inside_is_saved_with_or_without_a_call_of_changed(browser, call):
    def change_deep_inside(session):
        session["cart"].append(2)
        call(session)

    browser.visit(change_deep_inside)

    assert browser.data() == LOGIN | {"cart": [1, 2]}


def test_messages_are_flashed_in_queues(site):
    browser = site.browser()

    def do(session):
        session.flash("one")
        session.flash("one")
        session.flash("one", allow_duplicate=False)
        session.flash("two", allow_duplicate=False)
        session.flash("other", "queue")

    browser.visit(do)
    assert browser.visit(lambda session: session.peek_flash()) == ["one", "one", "two"]
    assert browser.visit(lambda session: session.pop_flash()) == ["one", "one", "two"]
    assert browser.visit(lambda session: session.pop_flash()) == []
    assert browser.visit(lambda session: session.peek_flash("queue")) == ["other"]


def test_a_session_makes_and_keeps_csrf_tokens(site):
    browser = site.browser()
    token = browser.visit(lambda session: session.get_csrf_token())

    assert browser.visit(lambda session: session.get_csrf_token()) == token
    other = browser.visit(lambda session: session.new_csrf_token())
    assert browser.visit(lambda session: session.get_csrf_token()) == other != token
    assert site.browser().visit(lambda session: session.get_csrf_token()) not in {token, other}


@pytest.mark.parametrize("policy", [None, SessionCSRFStoragePolicy()], ids=["default", "session"])
def test_pyramids_csrf_check_works(store, policy):
    config = Configurator(session_factory=SchemaSessionFactory(store, cookie_secure=False))
    if policy is not None:
        config.set_csrf_storage_policy(policy)
    config.set_default_csrf_options(require_csrf=True, check_origin=False)
    config.add_route("page", "/")
    from pyramid.csrf import get_csrf_token  # noqa: PLC0415

    config.add_view(lambda request: Response(get_csrf_token(request)), route_name="page")
    client = TestApp(config.make_wsgi_app())
    token = client.get("/").text

    client.post("/", {"csrf_token": token}, status=200)
    client.post("/", {"csrf_token": "another"}, status=400)
    client.post("/", status=400)


# -- Pyramid's surroundings


def test_sessions_work_with_pyramids_test_helpers(store):
    with testing.testConfig() as config:
        config.set_session_factory(SchemaSessionFactory(store))
        request = testing.DummyRequest()
        session = SchemaSessionFactory(store)(request)  # type: ignore[arg-type]
        session["user_id"] = 42
        response = Response()
        request._process_response_callbacks(response)

    assert "__Host-session=" in response.headers["Set-Cookie"]
    assert store.count(user_id=42) == 1


def test_sessions_work_with_the_debug_toolbar(store, table_name):
    factory = SchemaSessionFactory(store, cookie_secure=False)
    config = Configurator(session_factory=factory, settings={"debugtoolbar.hosts": "127.0.0.1"})
    config.include("pyramid_debugtoolbar")
    config.add_route("page", "/")

    def sign_in(request):
        request.session.update(LOGIN)
        return Response("<html><body>done</body></html>")

    config.add_view(sign_in, route_name="page")
    client = TestApp(config.make_wsgi_app(), extra_environ={"REMOTE_ADDR": "127.0.0.1"})

    assert "done" in client.get("/").text
    assert "pDebug" in client.get("/").text
    assert store.count(user_id=42) == 1


def test_no_repr_has_a_value_or_an_id(site, browser):
    def read_and_show(session):
        session.get("user_id")
        return repr(session)

    shown = browser.visit(read_and_show)

    assert "42" not in shown
    assert browser.cookie not in shown
