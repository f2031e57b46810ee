"""The floor, which is a driver and a statement written by hand, and SQLAlchemy Core as usually written.

Both keep a session as one text of JSON, with nothing that could be searched, checked or merged.
"""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

import psycopg
import pymysql
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import make_url

from ..sessions import DECLARED, MAX_AGE, session, sid
from .base import Contender, drop, fill

SQL = {
    "read": "SELECT data FROM bench_{name} WHERE sid = ? AND expire_at > ?",
    "touch": "UPDATE bench_{name} SET expire_at = ? WHERE sid = ?",
    "delete": "DELETE FROM bench_{name} WHERE sid = ?",
    "write": "INSERT INTO bench_{name} (sid, data, expire_at) VALUES (?, ?, ?) {conflict}",
}
CONFLICT = "ON CONFLICT (sid) DO UPDATE SET data = excluded.data, expire_at = excluded.expire_at"
CONFLICT_MARIADB = "ON DUPLICATE KEY UPDATE data = VALUES(data), expire_at = VALUES(expire_at)"


def table(name: str) -> Table:
    """The table of either."""
    return Table(
        f"bench_{name}",
        MetaData(),
        Column("sid", String(255), primary_key=True),
        Column("data", Text, nullable=False),
        Column("expire_at", BigInteger, nullable=False, index=True),
    )


def now() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def prepare(url: str, name: str, count: int) -> None:
    """Make the table anew, with sessions."""
    drop(url, f"bench_{name}")
    engine = create_engine(url)
    made = table(name)
    made.create(engine)

    def row(number: int) -> dict[str, Any]:
        return {"sid": sid(number), "data": json.dumps(session(number)), "expire_at": now() + MAX_AGE * 1000}

    fill(engine, made, row, count)
    engine.dispose()


class Floor(Contender):
    """The bare driver."""

    name = "floor"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parsed = make_url(url)
        self._mark = "?" if parsed.get_backend_name() == "sqlite" else "%s"
        self._conflict = CONFLICT
        if parsed.get_backend_name() == "sqlite":
            self._connection: Any = sqlite3.connect(parsed.database or "", isolation_level=None, timeout=5)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        elif parsed.get_backend_name() == "postgresql":
            address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
            self._connection = psycopg.connect(address, autocommit=True, prepare_threshold=0)
        else:
            self._connection = pymysql.connect(
                host=parsed.host or "",
                port=parsed.port or 3306,
                user=parsed.username,
                password=parsed.password or "",
                database=parsed.database,
                autocommit=True,
                **parsed.query,
            )
            self._conflict = CONFLICT_MARIADB
        self._sql = {
            operation: sql.format(name=self.name, conflict=self._conflict).replace("?", self._mark)
            for operation, sql in SQL.items()
        }

    def preload(self, count: int) -> None:
        prepare(self.url, self.name, count)

    def read(self, number: int) -> None:
        assert self._load(number)["user_id"] is not None

    def write(self, number: int) -> None:
        self._store(number, session(number))

    def rmw(self, number: int) -> None:
        data = self._load(number)
        data["visits"] = data["visits"] + 1
        self._store(number, data)

    create = write

    def touch(self, number: int) -> None:
        self._run("touch", now() + MAX_AGE * 1000, sid(number)).close()

    def delete(self, number: int) -> None:
        self._run("delete", sid(number)).close()

    def close(self) -> None:
        self._connection.close()

    def _load(self, number: int) -> Any:
        cursor = self._run("read", sid(number), now())
        (data,) = cursor.fetchone()
        cursor.close()
        return json.loads(data)

    def _store(self, number: int, data: dict[str, Any]) -> None:
        self._run("write", sid(number), json.dumps(data), now() + MAX_AGE * 1000).close()

    def _run(self, operation: str, *values: Any) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(self._sql[operation], values)
        return cursor


class FloorWithColumns(Floor):
    """The bare driver with a table that can be searched, as somebody would write it by hand."""

    name = "floor, columns"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        names = [*DECLARED, "data", "expire_at"]
        if make_url(url).get_backend_name() in {"sqlite", "postgresql"}:
            changes = ", ".join(f"{name} = excluded.{name}" for name in names)
            conflict = f"ON CONFLICT (sid) DO UPDATE SET {changes}"
        else:
            changes = ", ".join(f"{name} = VALUES({name})" for name in names)
            conflict = f"ON DUPLICATE KEY UPDATE {changes}"
        columns = ", ".join(DECLARED)
        self._sql = {
            "read": f"SELECT {columns}, data FROM bench_floor_columns WHERE sid = ? AND expire_at > ?",
            "touch": "UPDATE bench_floor_columns SET expire_at = ? WHERE sid = ?",
            "delete": "DELETE FROM bench_floor_columns WHERE sid = ?",
            "write": f"INSERT INTO bench_floor_columns (sid, {columns}, data, expire_at)"
            f" VALUES (?, ?, ?, ?, ?, ?) {conflict}",
        }
        self._sql = {operation: sql.replace("?", self._mark) for operation, sql in self._sql.items()}

    def preload(self, count: int) -> None:
        drop(self.url, "bench_floor_columns")
        engine = create_engine(self.url)
        made = table("floor_columns")
        made.append_column(Column("user_id", Integer, index=True))
        made.append_column(Column("device", String(50)))
        made.append_column(Column("ip", String(45)))
        made.create(engine)

        def row(number: int) -> dict[str, Any]:
            rest = session(number)
            columns = {name: rest.pop(name) for name in DECLARED}
            expire_at = now() + MAX_AGE * 1000
            return {"sid": sid(number), "data": json.dumps(rest), "expire_at": expire_at, **columns}

        fill(engine, made, row, count)
        engine.dispose()

    def _load(self, number: int) -> Any:
        cursor = self._run("read", sid(number), now())
        *columns, data = cursor.fetchone()
        cursor.close()
        return {**json.loads(data), **dict(zip(DECLARED, columns, strict=True))}

    def _store(self, number: int, data: dict[str, Any]) -> None:
        rest = dict(data)
        columns = [rest.pop(name) for name in DECLARED]
        self._run("write", sid(number), *columns, json.dumps(rest), now() + MAX_AGE * 1000).close()


class Core(Contender):
    """SQLAlchemy Core, as usually written."""

    name = "SQLAlchemy Core"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._engine = create_engine(url)
        self._table = table("core")
        self._insert = {"sqlite": sqlite, "postgresql": postgresql}.get(
            self._engine.dialect.name, mysql
        ).insert

    def preload(self, count: int) -> None:
        prepare(self.url, "core", count)

    def read(self, number: int) -> None:
        with self._engine.connect() as connection:
            assert self._load(connection, number)["user_id"] is not None

    def write(self, number: int) -> None:
        self._store(number, session(number))

    def rmw(self, number: int) -> None:
        with self._engine.connect() as connection:
            data = self._load(connection, number)
        data["visits"] = data["visits"] + 1
        self._store(number, data)

    create = write

    def touch(self, number: int) -> None:
        with self._engine.begin() as connection:
            values = {"expire_at": now() + MAX_AGE * 1000}
            connection.execute(update(self._table).where(self._table.c.sid == sid(number)).values(values))

    def delete(self, number: int) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(self._table).where(self._table.c.sid == sid(number)))

    def close(self) -> None:
        self._engine.dispose()

    def _load(self, connection: Any, number: int) -> Any:
        columns = self._table.c
        query = select(columns.data).where(columns.sid == sid(number), columns.expire_at > now())
        return json.loads(connection.execute(query).scalar_one())

    def _store(self, number: int, data: dict[str, Any]) -> None:
        values = {"data": json.dumps(data), "expire_at": now() + MAX_AGE * 1000}
        statement: Any = self._insert(self._table).values(sid=sid(number), **values)
        if self._engine.dialect.name in {"sqlite", "postgresql"}:
            statement = statement.on_conflict_do_update(index_elements=["sid"], set_=values)
        else:
            statement = statement.on_duplicate_key_update(**values)
        with self._engine.begin() as connection:
            connection.execute(statement)
