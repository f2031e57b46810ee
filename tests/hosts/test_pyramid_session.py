"""Pyramid's sessions: its `ISession` whole, laziness, cookies, and what happens when something fails."""

from __future__ import annotations

import time

import pytest
from browsing import LOGIN, in_flight
from pyramid import testing
from pyramid.config import Configurator
from pyramid.csrf import SessionCSRFStoragePolicy
from pyramid.httpexceptions import HTTPBadRequest
from pyramid.interfaces import ISession, ISessionFactory
from pyramid.response import Response
from pyramid_schema_session import SchemaSessionFactory
from values import no_sql, stored_rows
from webtest import TestApp
from zope.interface.verify import verifyObject

from schema_session_backend import (
    ConfigurationError,
    InvalidField,
    SessionStore,
    StoreUnavailable,
    UnserializableValue,
)

HOUR = 3600


@pytest.fixture
def host():
    """The one that this file is about."""
    return "pyramid"


@pytest.fixture
def browser(site):
    """A browser that is signed in."""
    browser = site.browser()
    browser.log_in()
    return browser


def answer(store, do=lambda request: None, cookie=None, configure=lambda config: None, **options):
    """What an application answers to one request over HTTPS."""
    factory = SchemaSessionFactory(store, **options)
    config = Configurator(session_factory=factory)
    config.add_request_method(factory.sessions, "schema_sessions", reify=True)
    configure(config)
    config.add_route("page", "/")
    config.add_view(lambda request: (do(request) and None) or Response("done"), route_name="page")
    client = TestApp(config.make_wsgi_app(), extra_environ={"wsgi.url_scheme": "https"})
    headers = {} if cookie is None else {"Cookie": cookie}
    return client.get("/", headers=headers, status="*")


# -- ISession


def test_it_is_an_isession_from_an_isessionfactory(store):
    factory = SchemaSessionFactory(store)
    session = factory(testing.DummyRequest())  # type: ignore[arg-type]

    assert verifyObject(ISessionFactory, factory)
    assert verifyObject(ISession, session)


def test_it_has_the_methods_of_a_dict(site):
    browser = site.browser()

    def do(session):
        session["a"] = 1
        session.update({"b": 2}, c=3)
        assert session.setdefault("d", 4) == session["d"] == 4
        assert session.get("nothing") is None
        assert session.get("nothing", 5) == 5
        assert (len(session), "a" in session, "nothing" in session) == (4, True, False)
        assert list(session) == list(session.keys()) == ["a", "b", "c", "d"]
        assert list(session.values()) == [1, 2, 3, 4]
        assert dict(session.items()) == dict(session) == {"a": 1, "b": 2, "c": 3, "d": 4}
        assert session.pop("a") == 1
        assert session.pop("a", None) is None
        del session["b"]
        assert session.popitem() in {("c", 3), ("d", 4)}
        with pytest.raises(KeyError):
            session["a"]

    browser.visit(do)
    assert len(browser.data()) == 1
    browser.visit(lambda session: session.clear())
    assert browser.data() == {}


@pytest.mark.parametrize("timestamps", [True, False])
def test_it_tells_when_it_was_created_and_whether_it_is_new(make_store, open_site, timestamps):
    site = open_site(store=make_store(timestamps=timestamps))
    browser = site.browser()
    created = browser.visit(lambda session: [session.new, session.update(LOGIN), session.created])[2]
    assert type(created) is int
    assert created == pytest.approx(time.time(), abs=10)

    assert browser.visit(lambda session: session.new) is False
    assert browser.visit(lambda session: session.created) == pytest.approx(created, abs=1)
    assert dict(browser.data()) == LOGIN
    assert site.browser().visit(lambda session: session.new) is True


@pytest.mark.parametrize("timestamps", [True, False])
def test_when_it_was_created_stays_through_later_changes(make_store, open_site, timestamps, monkeypatch):
    browser = open_site(store=make_store(timestamps=timestamps)).browser()
    browser.log_in()
    created = browser.visit(lambda session: session.created)

    later = time.time() + HOUR
    monkeypatch.setattr("pyramid_schema_session.session.time.time", lambda: later)
    browser.visit(lambda session: session.update(more=1))

    assert browser.visit(lambda session: session.created) == created


def test_a_session_that_something_else_stored_is_not_written_by_a_request_that_looks(site, store):
    store.set("an-id", LOGIN)
    before = stored_rows(store)

    assert site.browser("an-id").data() == LOGIN
    assert stored_rows(store) == before


def test_a_session_from_before_timestamps_keeps_its_creation_time_out_of_sight(
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
def test_a_key_of_the_applications_that_sounds_like_ours_stays_its_own(make_store, open_site, timestamps):
    browser = open_site(store=make_store(timestamps=timestamps)).browser()
    browser.visit(lambda session: session.update(_created="by hand", created="yesterday"))

    assert browser.visit(dict) == {"_created": "by hand", "created": "yesterday"}


@pytest.mark.parametrize("call", [lambda session: session.changed(), lambda session: None])
def test_a_change_deep_inside_is_saved_with_changed_and_without(browser, call):
    browser.visit(lambda session: [session["cart"].append(2), call(session)])

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


def test_it_makes_and_keeps_csrf_tokens(site):
    browser = site.browser()
    token = browser.visit(lambda session: session.get_csrf_token())

    assert browser.visit(lambda session: session.get_csrf_token()) == token
    other = browser.visit(lambda session: session.new_csrf_token())
    assert browser.visit(lambda session: session.get_csrf_token()) == other != token
    assert site.browser().visit(lambda session: session.get_csrf_token()) not in {token, other}


@pytest.mark.parametrize("policy", [None, SessionCSRFStoragePolicy()], ids=["default", "session"])
def test_pyramids_csrf_check_works_on_it(store, policy):
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


# -- laziness


def test_a_request_that_never_looks_at_its_session_costs_nothing(store):
    store.wait_for_sync()
    with no_sql(store):
        headers = answer(store, lambda request: repr(request.session), "__Host-session=" + "a" * 43).headers

    assert not {"Set-Cookie", "Vary", "Cache-Control"} & set(headers)


LOOKS = {
    "get": lambda session: session.get("user_id"),
    "in": lambda session: "user_id" in session,
    "len": len,
    "iteration": list,
    "items": lambda session: list(session.items()),
    "new": lambda session: session.new,
    "created": lambda session: session.created,
    "changed": lambda session: session.changed(),
    "peek_flash": lambda session: session.peek_flash(),
    "handle": lambda session: session.handle,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_any_look_makes_the_answer_depend_on_the_cookie_and_stores_nothing(store, look):
    store.wait_for_sync()
    headers = answer(store, lambda request: [look(request.session)]).headers

    assert headers["Vary"] == "Cookie"
    assert "no-store" in headers["Cache-Control"]
    assert "Set-Cookie" not in headers
    assert stored_rows(store) == []


def test_what_the_application_says_about_caching_stays(store):
    def do(request):
        request.add_response_callback(lambda request, response: setattr(response, "vary", ("Accept",)))
        request.session.get("user_id")

    assert {*answer(store, do).headers["Vary"].split(", ")} == {"Accept", "Cookie"}


# -- cookies


def test_the_cookie_is_safe_by_default(store):
    cookie = answer(store, lambda request: request.session.update(LOGIN)).headers["Set-Cookie"]
    value, *attributes = cookie.split("; ")

    assert value.startswith("__Host-session=")
    assert len(value.partition("=")[2]) == 43
    assert {one.lower() for one in attributes} == {"path=/", "secure", "httponly", "samesite=lax"}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"cookie_path": "/shop"}, "__Secure-session"),
        ({"cookie_domain": "example.org"}, "__Secure-session"),
        ({"cookie_secure": False}, "session"),
        ({"cookie_name": "site"}, "site"),
    ],
)
def test_its_name_says_what_holds(store, options, name):
    headers = answer(store, lambda request: request.session.update(LOGIN), **options).headers

    assert headers["Set-Cookie"].startswith(f"{name}=")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"cookie_samesite": "lux"}, "Lax, Strict or None"),
        ({"cookie_samesite": "None", "cookie_secure": False}, "needs cookie_secure"),
        ({"cookie_name": "__Host-a", "cookie_domain": "a.b"}, "no cookie_domain"),
        ({"cookie_name": "__Secure-a", "cookie_secure": False}, "needs cookie_secure"),
        ({"cookie_max_age": 0}, "cookie_max_age takes whole seconds"),
        ({"cookie_secure": "false"}, "cookie_secure takes True or False"),
        ({"transactional": 1}, "transactional takes True or False"),
        ({"timeout": -1}, "timeout takes seconds"),
        ({"cookie_name": "my session"}, "cookie_name takes letters"),
        ({"cookie_name": "grün"}, "cookie_name takes letters"),
        ({"cookie_name": 5}, "cookie_name takes letters"),
        ({"cookie_name": "__host-a", "cookie_secure": False}, "needs cookie_secure"),
        ({"cookie_path": "shop"}, "cookie_path takes a path"),
        ({"cookie_path": ""}, "cookie_path takes a path"),
        ({"cookie_domain": "a.b; Secure"}, "cookie_domain takes the name of a host"),
        ({"cookie_max_age": 10**12}, "cookie_max_age takes whole seconds"),
        ({"dbsession": 5}, "dbsession takes the name of a request's attribute"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(store, options, problem):
    with pytest.raises(ConfigurationError, match=problem):
        SchemaSessionFactory(store, **options)


@pytest.mark.parametrize("max_age", [None, HOUR])
def test_a_cookie_that_lasts_is_sent_with_each_answer(store, max_age):
    store.set("an-id", {"user_id": 42})
    sent = answer(
        store,
        lambda request: request.session.get("user_id"),
        "__Host-session=an-id",
        cookie_max_age=max_age,
    ).headers.get("Set-Cookie", "")

    assert ("__Host-session=an-id" in sent) is (max_age is not None)


@pytest.mark.parametrize("rotate", [True, False])
def test_a_session_that_was_revoked_meanwhile_is_sent_no_cookie(store, rotate):
    store.set("an-id", {"user_id": 42})

    def do(request):
        request.session["cart"] = [1]
        if rotate:
            request.session.rotate()
        store.destroy("an-id")

    sent = answer(store, do, "__Host-session=an-id", cookie_max_age=HOUR)

    assert "Set-Cookie" not in sent.headers
    assert store.count() == 0


JUNK = {
    "empty": b"",
    "NUL": b'"\\000abc"',
    "not UTF-8": b'"\\377\\376"',
    "raw bytes": b"\xff\xfe",
    "10 KB": b"a" * 10_000,
    "quotes": b'"\\"; DROP TABLE sessions; --"',
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_a_broken_cookie_is_an_ordinary_new_visitor(site, store, junk):
    store.wait_for_sync()

    assert site.browser().send(b"session=" + junk) == {}
    assert stored_rows(store) == []


@pytest.mark.parametrize("other", [b'other="caf\\351"', b"other=caf\xe9", b"other", b'other="'])
def test_a_broken_cookie_of_somebody_elses_signs_nobody_out(site, browser, other):
    cookie = f"session={browser.cookie}; ".encode()

    assert site.browser().send(cookie + other) == LOGIN


@pytest.mark.parametrize("end", ["unknown", "destroyed", "expired"])
def test_a_dead_id_is_never_adopted(moved_store, let_pass, open_site, end):
    store = moved_store(max_age=600)
    site = open_site(store=store)
    browser = site.browser("a" * 43)
    if end != "unknown":
        browser.log_in()
    sent = browser.cookie
    if end == "destroyed":
        store.destroy(sent)
    if end == "expired":
        let_pass(601)
    browser.log_in()

    assert browser.cookie != sent
    assert not store.has(sent)
    assert browser.data() == LOGIN


# -- ending and a new id


def test_invalidate_ends_the_row_at_once_and_a_later_write_starts_a_new_id(site, browser, store):
    old = browser.cookie

    def do(session):
        session.invalidate()
        assert stored_rows(store) == []
        assert (dict(session), session.new, session.handle) == ({}, True, None)
        session["user_id"] = 43

    browser.visit(do)

    assert browser.cookie != old
    assert browser.data() == {"user_id": 43}
    assert store.count() == 1


def test_invalidate_alone_removes_the_cookie(site, browser):
    browser.log_out()

    assert browser.cookie == ""
    assert browser.data() == {}


@pytest.mark.parametrize("timestamps", [True, False])
def test_rotate_keeps_the_data_and_the_creation_time_under_a_new_id(make_store, open_site, timestamps):
    store = make_store(timestamps=timestamps)
    browser = open_site(store=store).browser()
    browser.log_in()
    old, created = browser.cookie, browser.visit(lambda session: session.created)
    browser.visit(lambda session: [session.rotate(), session.update(cart=[2])])

    assert browser.cookie != old
    assert not store.has(old)
    assert browser.data() == LOGIN | {"cart": [2]}
    assert browser.visit(lambda session: session.created) == created


def test_a_login_that_fails_leaves_the_visitor_the_session_of_before(browser, store):
    before = stored_rows(store)

    with pytest.raises(InvalidField):
        browser.visit(lambda session: [session.rotate(), session.update(user_id="43")])

    assert stored_rows(store) == before
    assert browser.data() == LOGIN


def test_of_two_logins_at_once_one_counts_and_the_browser_keeps_its_cookie(site, browser, store):
    slower = site.browser(browser.cookie)
    old = browser.cookie
    with in_flight(slower, lambda session: session.rotate()):
        browser.visit(lambda session: [session.rotate(), session.update(user_id=43)])

    assert slower.cookie == old
    assert browser.data() == LOGIN | {"user_id": 43}
    assert store.count() == 1


# -- what fails


@pytest.mark.parametrize(
    ("change", "error"),
    [({"user_id": "42"}, InvalidField), ({"thing": object()}, UnserializableValue)],
    ids=["column", "object"],
)
def test_what_cannot_be_stored_is_an_error_and_the_old_session_stays(site, browser, store, change, error):
    with pytest.raises(error):
        browser.visit(lambda session: session.update(change))
    assert browser.data() == LOGIN

    visitor = site.browser()
    with pytest.raises(error):
        visitor.visit(lambda session: session.update(change))
    assert visitor.cookie == ""
    assert store.count() == 1


@pytest.fixture
def down():
    """A store whose database cannot be reached."""
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", sync_timeout=0.05)
    yield store
    store.close()


def test_an_outage_is_an_error_and_no_cookie_without_a_row(open_site, down):
    visitor = open_site(store=down).browser()
    with pytest.raises(StoreUnavailable):
        visitor.log_in()
    assert visitor.cookie == ""
    visitor.cookie = "a" * 43
    with pytest.raises(StoreUnavailable):
        visitor.data()


def test_an_unhandled_exception_saves_nothing(browser, store):
    before = stored_rows(store)

    def do(session):
        session["cart"] = [2]
        raise LookupError

    with pytest.raises(LookupError):
        browser.visit(do)
    assert stored_rows(store) == before


@pytest.mark.parametrize("set_on_exception", [True, False])
def test_set_on_exception_says_whether_an_exception_views_session_is_saved(store, set_on_exception):
    def do(request):
        request.session.update(LOGIN)
        raise HTTPBadRequest

    headers = answer(store, do, set_on_exception=set_on_exception).headers

    assert ("Set-Cookie" in headers) is set_on_exception
    assert store.count() == int(set_on_exception)
    assert headers["Vary"] == "Cookie"


# -- request.schema_sessions


def test_a_view_lists_and_revokes_its_users_sessions(store):
    for sid, user_id in (("phone", 42), ("laptop", 42), ("bobs", 43)):
        store.set(sid, {"user_id": user_id, "device": sid})
    handle = store.handle

    def ask(what):
        found = []
        answer(store, lambda request: found.append(what(request.schema_sessions)), "__Host-session=phone")
        return found[0]

    assert {record.data["device"] for record in ask(lambda own: own.list())} == {"phone", "laptop"}
    assert ask(lambda own: own.current) == handle("phone")
    assert ask(lambda own: own.revoke(handle("bobs"))) is False
    assert ask(lambda own: own.revoke("made up")) is False
    assert ask(lambda own: own.revoke(handle("laptop"))) is True
    store.set("tablet", {"user_id": 42})
    assert ask(lambda own: own.revoke_others()) == 1
    assert (store.has("phone"), store.has("bobs"), store.count()) == (True, True, 2)
    assert ask(lambda own: own.revoke(handle("phone"))) is True
    assert store.count() == 1


def test_who_revokes_the_session_of_the_request_itself_is_signed_out(store):
    store.set("phone", {"user_id": 42})

    def do(request):
        assert request.schema_sessions.revoke(request.schema_sessions.current)
        request.session.flash("Goodbye")

    sent = answer(store, do, "__Host-session=phone", cookie_max_age=HOUR)

    assert "__Host-session=phone" not in sent.headers["Set-Cookie"]
    [record] = store.find(limit=1000)
    assert record.data["_f_"] == ["Goodbye"]


def test_a_record_of_the_listing_can_be_revoked(store):
    for sid in ("phone", "laptop"):
        store.set(sid, {"user_id": 42, "device": sid})

    def do(request):
        [laptop] = [one for one in request.schema_sessions.list() if one.data["device"] == "laptop"]
        assert request.schema_sessions.revoke(laptop)

    answer(store, do, "__Host-session=phone")

    assert (store.has("phone"), store.has("laptop")) == (True, False)


def test_a_login_that_is_not_saved_yet_stays_when_another_session_is_revoked(store):
    store.set("laptop", {"user_id": 42})

    def do(request):
        request.session["user_id"] = 42
        assert request.schema_sessions.revoke(store.handle("laptop"))

    answer(store, do)

    assert (store.has("laptop"), store.count(user_id=42)) == (False, 1)


def test_listings_have_nothing_but_what_the_application_stored(make_store):
    store = make_store(timestamps=False)
    for _ in range(2):
        answer(store, lambda request: request.session.update(user_id=42))
    found: list[dict] = []

    def do(request):
        request.session["user_id"] = 42
        found.extend(record.data for record in request.schema_sessions.list())

    answer(store, do)

    assert found == [{"user_id": 42}] * 2


def test_what_other_callbacks_write_is_saved_too(store):
    def do(request):
        request.session["user_id"] = 42
        request.add_response_callback(lambda request, _response: request.session.flash("late"))

    answer(store, do)

    [record] = store.find(limit=1000)
    assert record.data["_f_"] == ["late"]


def test_after_the_answer_the_session_tells_what_it_is_stored_as(store):
    seen = []

    def do(request):
        request.session.rotate()
        request.session["user_id"] = 42
        request.add_finished_callback(lambda request: seen.append(request.session.handle))

    answer(store, do, "__Host-session=an-id")

    assert seen == [record.handle for record in store.find(limit=1000)]


def test_who_is_not_signed_in_has_no_sessions(store):
    store.set("theirs", {"device": "phone"})

    def do(request):
        own = request.schema_sessions
        assert (own.list(), own.current, own.revoke_others()) == ([], None, 0)
        assert own.revoke(store.handle("theirs")) is False

    answer(store, do)
    assert store.count() == 1


def test_schema_sessions_need_the_users_column(make_store):
    store = make_store(schemas="device String(50)")

    with pytest.raises(ConfigurationError, match="declare one named 'user_id'"):
        answer(store, lambda request: request.schema_sessions.list())


# -- settings


@pytest.fixture
def settings(url, table_name):
    """Settings as they stand in an ini file."""
    return {
        "schema_session.url": url,
        "schema_session.table_name": table_name,
        "schema_session.schemas": "account Integer index",
        "schema_session.timestamps": "true",
        "schema_session.timeout": "3600",
        "schema_session.cookie_secure": "false",
        "schema_session.cookie_max_age": "none",
        "schema_session.user_field": "account",
        "pyramid.default_locale_name": "en",
    }


def test_an_ini_file_and_an_include_are_all_it_takes(settings, make_store):
    with Configurator(settings=settings) as config:
        config.include("pyramid_schema_session")
        config.add_route("page", "/")

        def page(request):
            visits = request.session["visits"] = request.session.get("visits", 0) + 1
            request.session["account"] = 7
            return Response(f"{visits} {len(request.schema_sessions.list())}")

        config.add_view(page, route_name="page")
    client = TestApp(config.make_wsgi_app())

    assert [client.get("/").text for _ in range(3)] == ["1 0", "2 1", "3 1"]


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("cookie_secur", "true", "did you mean 'cookie_secure'"),
        ("timestamp", "true", "did you mean 'timestamps'"),
        ("cookie_secure", "perhaps", "schema_session.cookie_secure: 'perhaps' is not true or false"),
        ("timeout", "soon", "schema_session.timeout: 'soon' is not a number of seconds"),
        ("schemas", "user_id Integr", "position"),
        ("user_field", "user", "user_field: 'user' is no declared column"),
    ],
)
def test_a_wrong_setting_is_an_error_at_start(settings, setting, value, problem):
    config = Configurator(settings={**settings, f"schema_session.{setting}": value})

    with pytest.raises(ConfigurationError, match=problem):
        config.include("pyramid_schema_session")


def test_without_a_store_the_error_says_what_to_set():
    with pytest.raises(ConfigurationError, match=r"schema_session.url is missing"):
        Configurator(settings={}).include("pyramid_schema_session")


# -- Pyramid's surroundings


def test_it_works_with_pyramids_test_helpers(store):
    with testing.testConfig() as config:
        config.set_session_factory(SchemaSessionFactory(store))
        request = testing.DummyRequest()
        session = SchemaSessionFactory(store)(request)  # type: ignore[arg-type]
        session["user_id"] = 42
        response = Response()
        request._process_response_callbacks(response)

    assert "__Host-session=" in response.headers["Set-Cookie"]
    assert store.count(user_id=42) == 1


def test_it_works_with_the_debug_toolbar(store, table_name):
    factory = SchemaSessionFactory(store, cookie_secure=False)
    config = Configurator(session_factory=factory, settings={"debugtoolbar.hosts": "127.0.0.1"})
    config.include("pyramid_debugtoolbar")
    config.add_route("page", "/")
    config.add_view(
        lambda request: [request.session.update(LOGIN)] and Response("<html><body>done</body></html>"),
        route_name="page",
    )
    client = TestApp(config.make_wsgi_app(), extra_environ={"REMOTE_ADDR": "127.0.0.1"})

    assert "done" in client.get("/").text
    assert "pDebug" in client.get("/").text
    assert store.count(user_id=42) == 1


def test_what_is_no_store_is_refused():
    with pytest.raises(ConfigurationError, match="takes a SessionStore, not str"):
        SchemaSessionFactory("sqlite://")  # type: ignore[arg-type]


def test_no_repr_has_a_value_or_an_id(site, browser):
    shown = browser.visit(lambda session: [session.get("user_id"), repr(session)])[1]

    assert "42" not in shown
    assert browser.cookie not in shown
