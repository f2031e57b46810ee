"""P14: a ticket beside the session keeps a device in whose session was ended, and a warning says so.

These set-ups are what docs/howto/kicked_out.md warns of. Whoever is signed in is user 42.
"""

from __future__ import annotations

from datetime import timedelta

import flask
import flask_login
import pytest
from beaker.middleware import SessionMiddleware
from flask_session import Session
from pyramid.authentication import (
    AuthTktAuthenticationPolicy,
    AuthTktCookieHelper,
    RepozeWho1AuthenticationPolicy,
    SessionAuthenticationHelper,
    SessionAuthenticationPolicy,
)
from pyramid.authorization import ACLAuthorizationPolicy
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.security import remember
from repoze.who.classifiers import default_challenge_decider, default_request_classifier
from repoze.who.middleware import PluggableAuthenticationMiddleware
from repoze.who.plugins.auth_tkt import AuthTktCookiePlugin
from webtest import TestApp

from schema_session_backend.beaker import SchemaSession
from schema_session_backend.cachelib import SchemaCache


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "schema_session_backend"]


# -- Flask-Login


@pytest.fixture
def flask_store(make_store):
    return make_store(schemas="user_id Integer index from _user_id")


@pytest.fixture
def flask_app(flask_store):
    """Signs in at /sign-in, with a remember cookie at /sign-in?remember=1."""
    app = flask.Flask(__name__)
    app.config.update(
        SECRET_KEY="secret",
        SESSION_TYPE="cachelib",
        SESSION_CACHELIB=SchemaCache(flask_store),
        SESSION_PERMANENT=False,
    )
    Session(app)
    logins = flask_login.LoginManager(app)

    class User(flask_login.UserMixin):
        def __init__(self, user_id):
            self.id = user_id

    logins.user_loader(User)

    @app.get("/sign-in")
    def sign_in():
        flask_login.login_user(User("42"), remember="remember" in flask.request.args)
        flask.session.permanent = "permanent" in flask.request.args
        return ""

    @app.get("/")
    def index():
        return f"user {getattr(flask_login.current_user, 'id', None)}"

    return app


def test_flask_logins_remember_cookie_signs_in_a_device_whose_session_was_ended(flask_app, flask_store):
    phone = flask_app.test_client()
    phone.get("/sign-in?remember=1")
    flask_store.revoke_where(user_id=42)

    assert phone.get("/").text == "user 42"


def test_a_visitor_with_flask_logins_remember_cookie_is_a_warning_once(flask_app, caplog):
    for _ in range(2):
        phone = flask_app.test_client()
        phone.get("/sign-in?remember=1")
        phone.get("/")
        phone.get("/")

    [warning] = warnings(caplog)
    assert "a visitor has the cookie 'remember_token'" in warning
    assert "docs/howto/kicked_out.md" in warning


@pytest.mark.parametrize(
    "setting",
    [{"REMEMBER_COOKIE_DURATION": timedelta(days=31)}, {"REMEMBER_COOKIE_REFRESH_EACH_REQUEST": True}],
)
def test_a_setting_of_flask_logins_remember_cookie_is_a_warning(flask_app, setting, caplog):
    flask_app.config.update(setting)
    phone = flask_app.test_client()
    phone.get("/sign-in")
    phone.get("/")

    [warning] = warnings(caplog)
    assert f"{next(iter(setting))} is set" in warning


def test_a_remember_cookie_with_another_name_is_found(flask_app, caplog):
    flask_app.config["REMEMBER_COOKIE_NAME"] = "stay"
    phone = flask_app.test_client()
    phone.get("/sign-in?remember=1")
    phone.get("/")

    assert "a visitor has the cookie 'stay'" in warnings(caplog)[0]


def test_a_remember_cookie_is_ignored_after_a_change_of_its_name(flask_app, flask_store, caplog):
    phone = flask_app.test_client()
    phone.get("/sign-in?remember=1")
    flask_app.config["REMEMBER_COOKIE_NAME"] = "ignored"
    flask_store.revoke_where(user_id=42)

    assert phone.get("/").text == "user None"
    assert warnings(caplog) == []


def test_logins_without_a_remember_cookie_are_no_warning(flask_app, caplog):
    phone = flask_app.test_client()
    phone.get("/sign-in?permanent=1")
    phone.get("/")

    assert warnings(caplog) == []


def test_a_cookie_of_that_name_is_no_warning_without_flask_login(flask_app, caplog):
    del flask_app.login_manager
    flask_app.add_url_rule("/visit", view_func=lambda: str(flask.session.setdefault("first", "visit")))
    phone = flask_app.test_client()
    phone.set_cookie("remember_token", "of another application")
    phone.get("/visit")
    phone.get("/visit")

    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("query", "protection", "shown"),
    [("", "strong", "user None"), ("?permanent=1", "strong", "user 42"), ("", "basic", "user 42")],
)
def test_strong_protection_signs_out_a_stolen_cookie_only_without_permanent(
    flask_app, query, protection, shown
):
    flask_app.config["SESSION_PROTECTION"] = protection
    phone, thief = flask_app.test_client(), flask_app.test_client()
    phone.get(f"/sign-in{query}", headers={"User-Agent": "Safari"})
    thief.set_cookie("session", phone.get_cookie("session").value)

    assert thief.get("/", headers={"User-Agent": "curl"}).text == shown


# -- Pyramid


class Policy:
    """A security policy around a helper of Pyramid."""

    def __init__(self, helper):
        self.helper = helper

    def authenticated_userid(self, request):
        if isinstance(self.helper, SessionAuthenticationHelper):
            return self.helper.authenticated_userid(request)
        return (self.helper.identify(request) or {}).get("userid")

    def remember(self, request, userid, **options):
        return self.helper.remember(request, userid, **options)


class PolicyOfAClass(Policy):
    """The same, with the helper as an attribute of the class."""

    helper = AuthTktCookieHelper("secret", hashalg="sha512")

    def __init__(self):
        pass


def ticket():
    return AuthTktCookieHelper("secret", hashalg="sha512")


def pyramid_site(store, policy):
    """Signs in at /sign-in, and keeps the user in the session too."""

    def sign_in(request):
        request.session["auth.userid"] = 42
        response = Response("")
        response.headerlist.extend(remember(request, "42"))
        return response

    def index(request):
        return Response(f"user {request.authenticated_userid}")

    settings = {"schema_session.store": store, "schema_session.cookie_secure": "false"}
    with Configurator(settings=settings) as config:
        config.include("pyramid_schema_session")
        if hasattr(policy, "effective_principals"):
            config.set_authorization_policy(ACLAuthorizationPolicy())
            config.set_authentication_policy(policy)
        elif policy is not None:
            config.set_security_policy(policy)
        for path, view in (("/", index), ("/sign-in", sign_in)):
            config.add_route(path, path)
            config.add_view(view, route_name=path)
        return config.make_wsgi_app()


@pytest.fixture
def pyramid_store(make_store):
    return make_store(schemas='user_id Integer index from "auth.userid"')


def test_pyramids_ticket_keeps_a_device_in_whose_session_was_ended(pyramid_store):
    phone = TestApp(pyramid_site(pyramid_store, Policy(ticket())))
    phone.get("/sign-in")
    assert pyramid_store.revoke_where(user_id=42) == 1

    assert phone.get("/").text == "user 42"


def test_a_ticket_that_needs_the_session_too_does_not(pyramid_store):
    class Both(Policy):
        def authenticated_userid(self, request):
            user_id = super().authenticated_userid(request)
            return user_id if user_id == str(request.session.get("auth.userid")) else None

    phone = TestApp(pyramid_site(pyramid_store, Both(ticket())))
    phone.get("/sign-in")
    assert phone.get("/").text == "user 42"
    pyramid_store.revoke_where(user_id=42)

    assert phone.get("/").text == "user None"


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        (Policy(ticket()), "test_kicked_out_tickets.Policy"),
        (PolicyOfAClass(), "test_kicked_out_tickets.PolicyOfAClass"),
        (
            AuthTktAuthenticationPolicy("secret", hashalg="sha512"),
            "pyramid.authentication.AuthTktAuthenticationPolicy",
        ),
        (RepozeWho1AuthenticationPolicy(), "pyramid.authentication.RepozeWho1AuthenticationPolicy"),
    ],
    ids=["SecurityPolicy", "its class", "AuthTktAuthenticationPolicy", "RepozeWho1AuthenticationPolicy"],
)
@pytest.mark.filterwarnings("ignore:Authentication and authorization policies have been deprecated")
def test_a_policy_with_a_ticket_is_a_warning_at_start(pyramid_store, policy, name, caplog):
    pyramid_site(pyramid_store, policy)

    [warning] = warnings(caplog)
    assert name in warning
    assert "docs/howto/kicked_out.md" in warning


@pytest.mark.parametrize(
    "policy",
    [None, Policy(SessionAuthenticationHelper()), SessionAuthenticationPolicy()],
    ids=["none", "SecurityPolicy", "SessionAuthenticationPolicy"],
)
@pytest.mark.filterwarnings("ignore:Authentication and authorization policies have been deprecated")
def test_a_policy_on_the_session_is_no_warning(pyramid_store, policy, caplog):
    pyramid_site(pyramid_store, policy)

    assert warnings(caplog) == []


# -- repoze.who, as in TurboGears


def test_repoze_whos_ticket_keeps_a_device_in_whose_session_was_ended(make_store):
    store = make_store()

    def site(environ, start_response):
        identity = environ.get("repoze.who.identity", {})
        if environ["PATH_INFO"] == "/sign-in":
            environ["repoze.who.identity"] = identity = {"repoze.who.userid": 42, "identifier": tickets}
            environ["beaker.session"]["user_id"] = 42
            environ["beaker.session"].save()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"user {identity.get('repoze.who.userid')}".encode()]

    tickets = AuthTktCookiePlugin("secret")
    who = PluggableAuthenticationMiddleware(
        site,
        [("tickets", tickets)],
        [("tickets", tickets)],
        [],
        [],
        default_request_classifier,
        default_challenge_decider,
    )
    settings = {"session.type": "schema", "session.store": store, "session.session_class": SchemaSession}
    phone = TestApp(SessionMiddleware(who, settings))
    phone.get("/sign-in")
    assert store.revoke_where(user_id=42) == 1

    assert phone.get("/").text == "user 42"
