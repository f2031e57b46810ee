"""The application that `flask fab create-app` makes, as far as it is more than models and views."""

from __future__ import annotations

import os

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class
from flask_session import Session

from schema_session_backend import SessionStore
from schema_session_backend.cachelib import SchemaCache


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_mapping(
        SECRET_KEY="only for this trial",
        SQLALCHEMY_DATABASE_URI="sqlite:///appbuilder.db",
        FAB_PASSWORD_HASH_METHOD="pbkdf2:sha256:1000",
    )
    store = SessionStore(
        os.environ["SESSIONS"],
        schemas="user_id Integer index from _user_id",
        table_name="sessions_of_flask_appbuilder",
        timestamps=True,
    )
    app.config.from_mapping(
        SESSION_TYPE="cachelib",
        SESSION_CACHELIB=SchemaCache(store),
        SESSION_KEY_PREFIX="",
        PERMANENT_SESSION_LIFETIME=2592000,
    )
    Session(app)
    db = get_sqla_class()()
    db.init_app(app)
    with app.app_context():
        AppBuilder(app, db.session)
    return app
