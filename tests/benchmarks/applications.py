"""One small application on each host with each session store, for gunicorn: see `web`.

`/read` looks at the session, `/write` changes one key of it; the environment names the database.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import Any

import flask
import psycopg
from beaker.middleware import SessionMiddleware
from flask.sessions import SecureCookieSession, SessionInterface
from flask_session import Session as FlaskSession
from flask_sqlalchemy import SQLAlchemy
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid_beaker import BeakerSessionFactoryConfig
from pyramid_schema_session import SchemaSessionFactory
from redis import Redis

from schema_session_backend import SessionStore
from schema_session_backend.beaker import SchemaSession
from schema_session_backend.cachelib import SchemaCache

from .redis_server import PREFIX, redis_url
from .sessions import MAX_AGE, SCHEMAS, session

URL = os.environ.get("BENCH_URL", "")


def store(table: str) -> SessionStore:
    made = SessionStore(URL, schemas=SCHEMAS, table_name=table, max_age=MAX_AGE)
    made.wait_for_sync()
    return made


def use(found: Any, *, write: bool) -> str:
    """What each application does with its session."""
    if write:
        if "user_id" not in found:
            found.update(session(1))
        found["visits"] = found["visits"] + 1
    return str(found.get("user_id"))


# -- Flask


def flask_application(**settings: Any) -> Any:
    application = flask.Flask(__name__)
    application.config.update(settings)
    application.add_url_rule("/read", "read", lambda: use(flask.session, write=False))
    application.add_url_rule("/write", "write", lambda: use(flask.session, write=True))
    return application


def flask_ours() -> Any:
    application = flask_application(
        SESSION_TYPE="cachelib", SESSION_CACHELIB=SchemaCache(store("bench_web_flask"))
    )
    FlaskSession(application)
    return application


def flask_redis() -> Any:
    application = flask_application(
        SESSION_TYPE="redis",
        SESSION_REDIS=Redis.from_url(redis_url()),
        SESSION_KEY_PREFIX=PREFIX,
    )
    FlaskSession(application)
    return application


def flask_sqlalchemy() -> Any:
    database = SQLAlchemy()
    application = flask_application(
        SQLALCHEMY_DATABASE_URI=URL,
        SESSION_TYPE="sqlalchemy",
        SESSION_SQLALCHEMY=database,
        SESSION_SQLALCHEMY_TABLE="bench_web_flask_sqlalchemy",
    )
    database.init_app(application)
    FlaskSession(application)
    return application


class HandWritten(SessionInterface):
    """A session interface on psycopg, as somebody would write it: one JSON text, written when it changed."""

    def __init__(self) -> None:
        self._connection: Any = None

    def _run(self, sql: str, *values: Any) -> Any:
        if self._connection is None:
            address = URL.replace("+psycopg", "")
            self._connection = psycopg.connect(address, autocommit=True, prepare_threshold=0)
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS bench_web_by_hand"
                " (sid text PRIMARY KEY, data text NOT NULL, expire_at bigint NOT NULL)"
            )
            # Without it, expired sessions could not be removed.
            self._connection.execute(
                "CREATE INDEX IF NOT EXISTS bench_web_by_hand_expire_at ON bench_web_by_hand (expire_at)"
            )
        return self._connection.execute(sql, values)

    def open_session(self, app: Any, request: Any) -> Any:
        sid = request.cookies.get("session")
        row = None
        if sid:
            sql = "SELECT data FROM bench_web_by_hand WHERE sid = %s AND expire_at > %s"
            row = self._run(sql, sid, int(time.time())).fetchone()
        found = SecureCookieSession(json.loads(row[0]) if row else None)
        found.sid = sid if row else secrets.token_urlsafe(32)  # type: ignore[attr-defined]
        return found

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        if not session.modified:
            return
        sql = (
            "INSERT INTO bench_web_by_hand (sid, data, expire_at) VALUES (%s, %s, %s) ON CONFLICT (sid)"
            " DO UPDATE SET data = excluded.data, expire_at = excluded.expire_at"
        )
        self._run(sql, session.sid, json.dumps(dict(session)), int(time.time()) + MAX_AGE)
        response.set_cookie("session", session.sid, httponly=True, samesite="Lax")


def flask_by_hand() -> Any:
    application = flask_application()
    application.session_interface = HandWritten()
    return application


# -- Beaker


def beaker_application(**settings: Any) -> Any:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        found = environ["beaker.session"]
        write = environ["PATH_INFO"] == "/write"
        body = use(found, write=write).encode()
        if write:
            found.save()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    options = {"timeout": MAX_AGE, "data_dir": "/tmp/bench-beaker", **settings}
    return SessionMiddleware(application, {f"session.{name}": value for name, value in options.items()})


def beaker_ours() -> Any:
    return beaker_application(type="schema", store=store("bench_web_beaker"), session_class=SchemaSession)


def beaker_database() -> Any:
    return beaker_application(type="ext:database", url=URL, table_name="bench_web_beaker_database")


# -- Pyramid


def pyramid_application(factory: Any) -> Any:
    config = Configurator(session_factory=factory)
    for name in ("read", "write"):
        config.add_route(name, f"/{name}")
        write = name == "write"
        config.add_view(
            lambda request, write=write: Response(use(request.session, write=write)), route_name=name
        )
    return config.make_wsgi_app()


def pyramid_ours() -> Any:
    return pyramid_application(SchemaSessionFactory(store("bench_web_pyramid"), cookie_secure=False))


def pyramid_beaker() -> Any:
    return pyramid_application(
        BeakerSessionFactoryConfig(
            type="ext:database",
            url=URL,
            table_name="bench_web_pyramid_beaker",
            data_dir="/tmp/bench-beaker",
            timeout=MAX_AGE,
        )
    )
