"""Other session stores, set up as their documentation tells."""

from __future__ import annotations

from typing import Any

import django
import redis
from beaker.ext.database import DatabaseNamespaceManager
from beaker.ext.sqla import SqlaNamespaceManager, make_cache_table
from django.conf import settings
from django.db import connections
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, create_engine
from sqlalchemy.engine import make_url

from .. import redis_server
from ..redis_server import redis_url
from ..sessions import MAX_AGE, session, sid
from .base import OpenedContender, clone, drop, sids
from .hosts import BeakerContender, FlaskContender


class BeakerSqla(BeakerContender):
    """Beaker's `ext:sqla`."""

    name = "Beaker ext:sqla"

    def __init__(self, url: str) -> None:
        drop(url, "bench_beaker_sqla")
        SqlaNamespaceManager._init_dependencies()
        self._engine = create_engine(url)
        table = make_cache_table(MetaData(), "bench_beaker_sqla")
        table.create(self._engine)
        super().__init__(url, SqlaNamespaceManager, bind=self._engine, table=table)

    def preload(self, count: int) -> None:
        self.create(0)
        clone(self.url, "bench_beaker_sqla", "namespace", sids(), count)

    def close(self) -> None:
        self._engine.dispose()


class BeakerDatabase(BeakerContender):
    """Beaker's `ext:database`."""

    name = "Beaker ext:database"

    def __init__(self, url: str) -> None:
        drop(url, "bench_beaker_database")
        DatabaseNamespaceManager._init_dependencies()
        # It remembers the tables it has made by the URL, also those that are gone.
        DatabaseNamespaceManager.tables.clear()
        super().__init__(url, DatabaseNamespaceManager, url=url, table_name="bench_beaker_database")

    def preload(self, count: int) -> None:
        self.create(0)
        clone(self.url, "bench_beaker_database", "namespace", sids(), count)


class FlaskSqlAlchemy(FlaskContender):
    """Flask-Session's `sqlalchemy`."""

    name = "Flask-Session SQLAlchemy"

    def __init__(self, url: str) -> None:
        drop(url, "bench_flask_sqlalchemy")
        database = SQLAlchemy()
        super().__init__(
            url,
            database,
            SQLALCHEMY_DATABASE_URI=url,
            SESSION_TYPE="sqlalchemy",
            SESSION_SQLALCHEMY=database,
            SESSION_SQLALCHEMY_TABLE="bench_flask_sqlalchemy",
        )

    def preload(self, count: int) -> None:
        self.write(0)
        clone(self.url, "bench_flask_sqlalchemy", "session_id", sids("session:"), count)


class FlaskRedis(FlaskContender):
    """Flask-Session's `redis`, whatever the database."""

    name = "Flask-Session Redis"

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(redis_url())
        super().__init__(
            url, SESSION_TYPE="redis", SESSION_REDIS=self._redis, SESSION_KEY_PREFIX=redis_server.PREFIX
        )

    def preload(self, count: int) -> None:
        self.write(0)
        stored: Any = self._redis.get(f"{redis_server.PREFIX}{sid(0)}")
        for start in range(0, count, 5_000):
            pipeline = self._redis.pipeline()
            for number in range(start, min(start + 5_000, count)):
                pipeline.set(f"{redis_server.PREFIX}{sid(number)}", stored, ex=MAX_AGE)
            pipeline.execute()

    def close(self) -> None:
        redis_server.forget_sessions(self._redis)


class _Router:
    """Sends Django to the database that is being measured."""

    database = "default"

    def db_for_read(self, *_arguments: Any, **_hints: Any) -> str:
        """Also the name under which it is known."""
        return self.database

    db_for_write = db_for_read


class Django(OpenedContender):
    """Django's `db` sessions."""

    name = "Django db"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parsed = make_url(url)
        kind = parsed.get_backend_name()
        engine = {"mariadb": "mysql", "sqlite": "sqlite3"}.get(kind, kind)
        if kind == "mariadb":
            import pymysql  # noqa: PLC0415 - only here it has to stand in for another driver

            pymysql.install_as_MySQLdb()
        if not settings.configured:
            settings.configure(
                DATABASES={"default": {}},
                INSTALLED_APPS=["django.contrib.sessions"],
                DATABASE_ROUTERS=["benchmarks.contenders.others._Router"],
                SECRET_KEY="for the benchmark",
                SESSION_COOKIE_AGE=MAX_AGE,
                USE_TZ=True,
            )
            django.setup()
        address = {
            "ENGINE": f"django.db.backends.{engine}",
            "NAME": parsed.database,
            "HOST": parsed.host or "",
            "PORT": parsed.port or "",
            "USER": parsed.username or "",
            "PASSWORD": parsed.password or "",
            "OPTIONS": dict(parsed.query),
            "CONN_MAX_AGE": None,
        }
        alias = f"bench-{len(connections.settings)}"
        connections.settings[alias] = address
        connections.configure_settings(connections.settings)
        _Router.database = alias
        self._database = alias
        from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415 - needs the settings
        from django.contrib.sessions.models import Session  # noqa: PLC0415

        self._store = SessionStore
        # Its own name may be that of somebody's table.
        Session._meta.db_table = "bench_django"
        drop(url, "bench_django")
        with connections[alias].schema_editor() as editor:
            editor.create_model(Session)

    def preload(self, count: int) -> None:
        self.create(0)
        clone(self.url, "bench_django", "session_key", lambda number: sid(number)[:40], count)

    def _open(self, number: int) -> Any:
        return self._store(sid(number)[:40])

    def write(self, number: int) -> None:
        opened = self._open(number)
        opened._session_cache = session(number)
        opened.save()

    def create(self, number: int) -> None:
        opened = self._store()
        opened.update(session(number))
        opened.save()

    def touch(self, number: int) -> None:
        opened = self._open(number)
        assert opened["user_id"] is not None
        # What SESSION_SAVE_EVERY_REQUEST does.
        opened.save()

    def close(self) -> None:
        connections[self._database].close()
