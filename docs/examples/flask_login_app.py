"""A Flask application with Flask-Login, where a device that was signed out on the devices page stays out.

Run it with `python flask_login_app.py`.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Flask, abort, redirect, render_template_string, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user, user_logged_in
from flask_session import Session

from schema_session_backend import SessionStore
from schema_session_backend.cachelib import SchemaCache
from schema_session_backend.devices.flask import add_devices

if TYPE_CHECKING:
    from werkzeug import Response

SCHEMAS = "user_id Integer index from _user_id; device String(50)"
PAGE = """
<!doctype html>
<html lang="en">
<title>Flask-Login</title>
{% if current_user.is_authenticated %}
  <h1>User {{ current_user.id }}</h1>
  <a href="/devices/">Your devices</a>
  <form method="post" action="/sign-out"><button>Sign out</button></form>
{% else %}
  <form method="post" action="/sign-in">
    <label>User number <input name="user" type="number" required></label>
    <label><input name="remember" type="checkbox" value="1"> Remember me</label>
    <button>Sign in</button>
  </form>
{% endif %}
"""


class User(UserMixin):
    def __init__(self, user_id: int) -> None:
        self.id = user_id


def create_app(database: str) -> Flask:
    store = SessionStore(database, schemas=SCHEMAS, timestamps=True)
    cache = SchemaCache(store)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=os.environ.get("SECRET_KEY", secrets.token_hex()),
        SESSION_TYPE="cachelib",
        SESSION_CACHELIB=cache,
        SESSION_KEY_PREFIX="",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_PERMANENT=False,  # the cookie lives until the browser is closed, except with "remember me"
        PERMANENT_SESSION_LIFETIME=timedelta(days=365),
    )
    Session(app)
    logins = LoginManager(app)
    add_devices(app, cache)

    @logins.user_loader
    def load_user(user_id: str) -> User:
        return User(int(user_id))

    @user_logged_in.connect_via(app)
    def keep_login_in_session(app: Flask, **_: object) -> None:
        # Flask-Login sets its remember cookie at the end of a request whose session has this key.
        if session.pop("_remember", None) == "set":
            session.permanent = True
        app.session_interface.regenerate(session)  # type: ignore[attr-defined]
        session["device"] = request.user_agent.string[:50]

    @app.get("/")
    def index() -> str:
        return render_template_string(PAGE, current_user=current_user)

    @app.post("/sign-in")
    def sign_in() -> Response:
        # A real site checks a password here.
        user_id = request.form.get("user", type=int)
        if user_id is None or not 0 < user_id < 2**31:
            abort(400)
        login_user(User(user_id), remember="remember" in request.form)
        return redirect("/")

    @app.post("/sign-out")
    def sign_out() -> Response:
        logout_user()
        session.clear()
        return redirect("/")

    return app


if __name__ == "__main__":
    create_app(os.environ.get("DATABASE_URL", "sqlite:///sessions.db")).run()
