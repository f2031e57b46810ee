"""With Flask-Login, the page of devices asks Flask-Login who the visitor is."""

from __future__ import annotations

from http.cookiejar import CookieJar

import flask
import flask_login
import pytest
from devices_calls import handles, sessions
from devices_site import flask_app
from webtest import TestApp

from schema_session_backend import ConfigurationError
from schema_session_backend.devices.flask import add_devices
from test_request_fields import FIREFOX, IPHONE

PATHS = ("/devices/", "/devices/sessions", "/devices/admin")
FORMS = ("/devices/sign-out", "/devices/sign-out-others", "/devices/admin/sign-out")


class User(flask_login.UserMixin):
    """Found by Flask-Login until the account is closed; it may be deactivated too."""

    closed: frozenset[str] = frozenset()
    inactive: frozenset[str] = frozenset()

    def __init__(self, name):
        self.id = name

    @property
    def is_active(self):
        return self.id not in self.inactive

    @classmethod
    def load(cls, name):
        return None if name in cls.closed else cls(name)


class AlwaysAuthenticated(User):
    """A user class of an application's own, which tells only by `is_active` that it is deactivated."""

    is_authenticated = True


@pytest.fixture
def store(make_store):
    """A store that copies Flask-Login's user into a column."""
    return make_store(schemas="user_id Integer index from _user_id; device String(50)", timestamps=True)


@pytest.fixture
def open_app(store):
    """Makes an application with Flask-Login, and the page of devices by its default."""

    def open_app(protection="strong", users=User, *, permanent=False, **options):
        app, cache = flask_app(store, SESSION_PERMANENT=permanent, SECRET_KEY="test")
        manager = flask_login.LoginManager(app)
        manager.session_protection = protection
        manager.user_loader(users.load)
        app.add_url_rule("/sign-in", view_func=lambda: sign_in(users))
        add_devices(app, cache, **{"administers": lambda: True, **options})
        return app

    def sign_in(users):
        remember = "remember" in flask.request.args
        return str(flask_login.login_user(users(flask.request.args["user"]), remember=remember))

    return open_app


def browser(app, user=None, *, user_agent=FIREFOX, address="203.0.113.9", cookies=()):
    """A browser, signed in if a user is given, or with stolen cookies."""
    jar = CookieJar()
    for cookie in cookies:
        jar.set_cookie(cookie)
    environ = {"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": address}
    client = TestApp(app, extra_environ=environ, cookiejar=jar)
    if user is not None:
        client.get(f"/sign-in?user={user}")
    return client


def assert_sees_and_ends_nothing(client, store, token=""):
    handles = [record.handle for record in store.find(limit=100)]
    for path in PATHS:
        answer = client.get(path, status=401)
        assert not any(handle in answer.text for handle in handles)
    for path in FORMS:
        for handle in handles:
            client.post(path, {"handle": handle, "csrf_token": token}, status=401)


def test_a_visitor_who_is_signed_in_sees_and_ends_the_users_devices(open_app, store):
    app = open_app()
    this, other, stranger = browser(app, 42), browser(app, 42, user_agent=IPHONE), browser(app, 43)

    assert len(sessions(this)["sessions"]) == 2
    fields = {"handle": handles(this)[0], "csrf_token": sessions(this)["csrf_token"]}
    assert this.post("/devices/sign-out", fields, status=303)
    assert_sees_and_ends_nothing(other, store)
    assert len(sessions(stranger)["sessions"]) == 1


# Flask-Login takes "strong" for "basic" if the session is permanent, as Flask-Session's are by default.
@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize("protection", ["basic", "strong"])
@pytest.mark.parametrize(
    "elsewhere", [{"user_agent": IPHONE}, {"address": "198.51.100.7"}], ids=["user agent", "address"]
)
def test_a_stolen_cookie_sees_and_ends_nothing(open_app, store, protection, permanent, elsewhere):
    app = open_app(protection, permanent=permanent)
    owner, other = browser(app, 42), browser(app, 42)
    token = sessions(owner)["csrf_token"]

    thief = browser(app, cookies=owner.cookiejar, **elsewhere)

    assert_sees_and_ends_nothing(thief, store, token)
    assert other.get("/devices/", status=200)


@pytest.mark.parametrize("set_of", ["closed", "inactive"])
@pytest.mark.parametrize("users", [User, AlwaysAuthenticated])
def test_a_deactivated_user_sees_and_ends_nothing(open_app, store, monkeypatch, users, set_of):
    app = open_app(users=users)
    this, _ = browser(app, 42), browser(app, 42)
    token = sessions(this)["csrf_token"]

    monkeypatch.setattr(users, set_of, frozenset({"42"}))

    assert_sees_and_ends_nothing(this, store, token)
    assert store.count() == 2


def test_a_remembered_login_has_to_sign_in_again(open_app, store):
    app = open_app(sign_in_url="/login")
    this = browser(app)
    this.get("/sign-in?user=42&remember")
    assert this.get("/devices/", status=200)
    remembered = [cookie for cookie in this.cookiejar if cookie.name == "remember_token"]

    later = browser(app, cookies=remembered)

    assert later.get("/devices/", status=303).location.endswith("/login")
    assert later.get("/sign-in?user=42").text == "True"
    assert later.get("/devices/", status=200)


def test_an_application_can_take_remembered_logins_by_name(open_app, store):
    def user():
        return flask_login.current_user.get_id()  # type: ignore[attr-defined]

    app = open_app("basic", user=user)
    this = browser(app)
    this.get("/sign-in?user=42&remember")
    later = browser(app, cookies=[one for one in this.cookiejar if one.name == "remember_token"])

    assert later.get("/devices/", status=200)
    assert len(sessions(later)["sessions"]) == 2


def test_a_session_of_another_user_than_flask_logins_is_nobodys(make_store, caplog):
    store = make_store(schemas="user_id Integer index")
    app, cache = flask_app(store, SECRET_KEY="test")
    flask_login.LoginManager(app).user_loader(User.load)
    add_devices(app, cache)

    @app.route("/sign-in/<int:user_id>")
    def sign_in(user_id):
        flask_login.login_user(User("42"))
        flask.session["user_id"] = user_id
        return "done"

    same, other = browser(app), browser(app)
    same.get("/sign-in/42")
    other.get("/sign-in/654321")

    assert len(sessions(same)["sessions"]) == 1
    assert_sees_and_ends_nothing(other, store)
    assert "names another user than the session" in caplog.text
    assert "654321" not in caplog.text


def test_without_flask_login_the_page_has_to_be_told_who_is_asking(store):
    app, cache = flask_app(store)

    with pytest.raises(ConfigurationError, match="initialise Flask-Login before, or pass user="):
        add_devices(app, cache)
