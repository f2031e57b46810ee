"""A Flask application with Flask-Security, where a new password and the devices page end sessions for good.

Run it with `python flask_security_app.py`, and sign in as ann@example.com with the password "tea for two".
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from typing import Any

from flask import Flask, render_template_string, request, session
from flask_login import current_user, user_logged_in
from flask_security import Security, SQLAlchemySessionUserDatastore, UserMixin, hash_password
from flask_security.models import sqla
from flask_session import Session
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, scoped_session, sessionmaker

from schema_session_backend import SessionStore
from schema_session_backend.cachelib import SchemaCache
from schema_session_backend.devices.flask import add_devices

SCHEMAS = "fs_uniquifier String(64) index from _user_id; device String(50)"
PAGE = """
<!doctype html>
<html lang="en">
<title>Flask-Security</title>
{% if current_user.is_authenticated %}
  <h1>{{ current_user.email }}</h1>
  <a href="/devices/">Your devices</a> <a href="/change">New password</a>
  <form method="post" action="/logout"><button>Sign out</button></form>
{% else %}
  <a href="/login">Sign in</a>
{% endif %}
"""


class Base(DeclarativeBase):
    pass


sqla.FsModels.set_db_info(base_model=Base)


class Role(sqla.FsRoleMixin, Base):
    __tablename__ = "role"


class User(sqla.FsUserMixin, Base):
    __tablename__ = "user"


class Users(SQLAlchemySessionUserDatastore):
    """Ends the sessions of a user whose `fs_uniquifier` changes, as it does with the password."""

    def __init__(self, db: Any, cache: SchemaCache) -> None:
        super().__init__(db, User, Role)
        self._cache = cache
        self._sessions = cache.store.within(db)

    def set_uniquifier(self, user: UserMixin, uniquifier: str | None = None) -> None:
        old = user.fs_uniquifier
        super().set_uniquifier(user, uniquifier)
        # The current session is about to be that of the changed user.
        others = self._cache.store.repo().c.sid != self._cache.current_handle()
        self._sessions.revoke_where(others, fs_uniquifier=old)


def create_app(database: str) -> Flask:
    engine = create_engine(database)
    db = scoped_session(sessionmaker(engine))
    Base.metadata.create_all(engine)
    store = SessionStore(engine, schemas=SCHEMAS, user_field="fs_uniquifier", timestamps=True)
    store.wait_for_sync()
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
        SECURITY_PASSWORD_HASH="pbkdf2_sha512",  # noqa: S106 - the name of a hash
        SECURITY_PASSWORD_SALT=os.environ.get("PASSWORD_SALT", "for development"),
        SECURITY_CHANGEABLE=True,
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
    )
    Session(app)
    users = Users(db, cache)
    Security(app, users)
    add_devices(app, cache)
    app.teardown_appcontext(lambda _: db.remove())

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

    with app.app_context():
        if users.find_user(email="ann@example.com") is None:
            users.create_user(email="ann@example.com", password=hash_password("tea for two"))
            users.commit()
    return app


if __name__ == "__main__":
    create_app(os.environ.get("DATABASE_URL", "sqlite:///sessions.db")).run()
