"""A table that does not match is told with every difference and the DDL that mends it."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Enum,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    Uuid,
    create_engine,
    inspect,
)
from sqlalchemy.schema import DropIndex
from values import database_of, stored_rows

from schema_session_backend import SchemaMismatch, SessionStore


def _run(url: str, *statements: str) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def _mismatch(store: SessionStore) -> SchemaMismatch:
    with pytest.raises(SchemaMismatch) as caught:
        store.wait_for_sync()
    error = caught.value
    assert error.table == store.repo().name
    for said in (*error.differences, *error.ddl):
        assert said in str(error)
    return error


def _mend(store: SessionStore, url: str, session: dict) -> None:
    """What the error says mends it does: the same store works then, and a new one too."""
    _run(url, *_mismatch(store).ddl)
    store.wait_for_sync()
    store.set("mended", session)
    assert store.get("mended") == session


def test_several_differences_are_mended_together(make_store, url):
    """SQLite, which changes no column, gets a new table once."""
    make_store(schemas="a Integer; b Integer index").set("old", {"a": 1})

    store = make_store(schemas="a String(50); b String(50) index; c Integer; d Integer not null")

    assert len(_mismatch(store).differences) == 4
    _mend(store, url, {"a": "x", "b": "y", "c": 1, "d": 2})


NEW: dict[str, Any] = {
    "Integer": (Integer, 5),
    "SmallInteger": (SmallInteger, 5),
    "String": (String(9), "x"),
    "Text": (Text, "x"),
    "Boolean": (Boolean, True),
    "Double": (Double, 1.5),
    "Numeric": (Numeric(9, 2), Decimal(5)),
    "DateTime": (DateTime, dt.datetime(2024, 1, 1)),  # noqa: DTZ001
    "Date": (Date, dt.date(2024, 1, 1)),
    "Time": (Time, dt.time(1)),
    "LargeBinary": (LargeBinary, b"x"),
    "Uuid": (Uuid, UUID(int=5)),
}


@pytest.mark.parametrize("name", NEW)
def test_a_missing_column_that_is_not_null_is_reported_and_its_ddl_adds_it(make_store, url, name):
    kind, value = NEW[name]
    make_store(schemas="user_id Integer").set("old", {"user_id": 1})

    store = make_store(schemas=[Column("user_id", Integer), Column("level", kind, nullable=False)])

    assert _mismatch(store).differences == ("it lacks the column 'level'",)
    _mend(store, url, {"user_id": 2, "level": value})
    assert store.get("old")["user_id"] == 1


@pytest.mark.parametrize(
    ("there", "declared", "value"),
    [
        ("field String(20)", "field Integer", 5),
        ("field Integer", "field String(20)", "five"),
        ("field String(20)", "field String(50)", "x" * 50),
        ("field String(20)", "field Text", "x" * 500),
        ("field Integer", "field BigInteger", 2**40),
        ("field SmallInteger", "field Integer", 2**20),
        ("field DateTime", "field Date", dt.date(2024, 1, 1)),
        ("field LargeBinary", "field String(20)", "x"),
    ],
)
def test_another_type_is_reported_and_its_ddl_mends_it(make_store, url, there, declared, value):
    make_store(schemas=there).set("old", {"cart": [1]})
    store = make_store(schemas=declared)

    [difference] = _mismatch(store).differences
    assert difference.startswith("column 'field' is ")
    assert ", not " in difference
    _mend(store, url, {"field": value})


def test_a_column_that_is_not_null_there_is_reported_when_sessions_may_lack_it(make_store, url):
    make_store(schemas="level Integer not null").set("old", {"level": 1})
    store = make_store(schemas="level Integer")

    assert _mismatch(store).differences == ("column 'level' is NOT NULL, and not every session has one",)
    _mend(store, url, {"cart": [1]})


def test_a_surplus_column_that_is_not_null_is_reported(make_store, url):
    make_store(schemas="user_id Integer; level Integer not null").set("old", {"level": 1})
    store = make_store(schemas="user_id Integer")

    assert _mismatch(store).differences == (
        "column 'level' is NOT NULL without a default, and it is not declared",
    )
    _mend(store, url, {"user_id": 1})


def test_a_surplus_column_that_needs_no_value_is_left_alone(make_store, url, table_name):
    make_store(schemas="user_id Integer; level Integer").set("old", {"user_id": 1, "level": 7})
    store = make_store(schemas="user_id Integer")

    store.wait_for_sync()
    store.set("new", {"user_id": 2})

    assert store.get("old") == {"user_id": 1}
    assert make_store(schemas="user_id Integer; level Integer").get("old") == {"user_id": 1, "level": 7}


def test_a_table_without_revision_is_reported(make_store, url, table_name):
    """As the original's table, or one from before."""
    _run(
        url,
        f"CREATE TABLE {table_name} (sid VARCHAR(64) NOT NULL PRIMARY KEY,"
        " additional TEXT NOT NULL, expire_at BIGINT)",
    )
    store = make_store(schemas="")

    assert "it lacks the column 'revision'" in _mismatch(store).differences
    _mend(store, url, {"cart": [1]})


@pytest.mark.parametrize("key", [None, "id", "sid, id"])
def test_another_primary_key_is_reported(make_store, url, table_name, key):
    long = "LONGTEXT" if database_of(url) == "mariadb" else "TEXT"
    primary = "" if key is None else f", PRIMARY KEY ({key})"
    _run(
        url,
        f"CREATE TABLE {table_name} (sid VARCHAR(64) NOT NULL, id INTEGER DEFAULT 0 NOT NULL,"
        f" additional {long} NOT NULL, expire_at BIGINT, revision BIGINT NOT NULL{primary})",
    )
    store = make_store(schemas="")

    error = _mismatch(store)
    [difference] = error.differences
    assert difference.startswith("its primary key is ")
    assert difference.endswith(", not 'sid' alone")
    if key is None or database_of(url) == "sqlite":
        _mend(store, url, {"cart": [1]})
    else:
        assert error.ddl == ()  # what refers to that key, only its owner knows


def test_every_difference_is_reported_at_once(make_store, url):
    make_store(schemas="user_id String(9); level Integer not null").wait_for_sync()
    store = make_store(schemas="user_id Integer; ip String(45) not null; device String(50)")

    differences = _mismatch(store).differences
    assert len(differences) == 4
    for expected in (
        "'user_id' is",
        "lacks the column 'ip'",
        "lacks the column 'device'",
        "'level' is NOT NULL",
    ):
        assert any(expected in difference for difference in differences)


def test_a_table_that_does_not_match_is_not_touched(make_store, url):
    """Neither are the columns added that could be."""
    old = make_store(schemas="user_id String(9)")
    old.set("a", {"user_id": "x", "cart": [1]})
    before = stored_rows(old)
    columns = [column["name"] for column in inspect(old.engine).get_columns(old.repo().name)]
    store = make_store(schemas="user_id Integer; device String(50)")

    for operation in (lambda: store.get("a"), lambda: store.set("a", {}), store.clear):
        with pytest.raises(SchemaMismatch):
            operation()

    assert stored_rows(old) == before
    assert [column["name"] for column in inspect(old.engine).get_columns(old.repo().name)] == columns


def test_missing_nullable_columns_are_added_with_their_index(make_store, url, table_name):
    make_store(schemas="user_id Integer").set("old", {"user_id": 1, "device": "phone"})
    store = make_store(schemas="user_id Integer; device String(50) index; ip String(45)", timestamps=True)

    store.wait_for_sync()

    inspector = inspect(store.engine)
    assert {"device", "ip", "created_at", "updated_at"} <= {
        column["name"] for column in inspector.get_columns(table_name)
    }
    assert ["device"] in [index["column_names"] for index in inspector.get_indexes(table_name)]
    assert store.get("old") == {"user_id": 1, "device": "phone"}
    store.set("new", {"ip": "::1"})
    assert store.get("new") == {"ip": "::1"}


def test_an_added_column_with_a_foreign_key_has_it(make_store, url, table_name):
    make_store(schemas="device String(50)").set("old", {"device": "phone"})
    metadata = MetaData()
    users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    _run(url, f"CREATE TABLE {users.name} (id INTEGER NOT NULL PRIMARY KEY)")
    declared = [Column("device", String(50)), Column("user_id", Integer, ForeignKey(users.c.id), index=True)]

    make_store(schemas=declared, metadata=metadata).wait_for_sync()

    engine = create_engine(url)
    keys = inspect(engine).get_foreign_keys(table_name)
    engine.dispose()
    _run(url, f"DROP TABLE {table_name}")  # first, because it refers to the other one
    assert [(key["constrained_columns"], key["referred_table"]) for key in keys] == [
        (["user_id"], users.name)
    ]


def test_without_sync_a_missing_table_is_reported_with_its_ddl(make_store, url, table_name):
    store = make_store(schemas="user_id Integer index", timestamps=True, sync=False)

    error = _mismatch(store)
    assert error.differences == (f"there is no table {table_name!r}",)
    assert error.ddl[0].startswith("CREATE TABLE")
    assert not inspect(store.engine).has_table(table_name)
    _mend(store, url, {"user_id": 1, "cart": [1]})


def test_without_sync_a_missing_nullable_column_is_reported_with_its_ddl(make_store, url):
    make_store(schemas="user_id Integer").set("old", {"user_id": 1})
    store = make_store(schemas="user_id Integer; device String(50) index", sync=False)

    assert _mismatch(store).differences == ("it lacks the column 'device'",)
    _mend(store, url, {"device": "phone"})


@pytest.mark.parametrize(
    ("there", "declared", "value"),
    [
        ("BigInteger", "Integer", 5),
        ("Integer", "SmallInteger", 5),
        ("String(100)", "String(50)", "x"),
        ("Text", "String(50)", "x"),
        ("Numeric(14, 4)", "Numeric(12, 2)", None),
        ("Double", "Float", 0.1),
        ("LargeBinary", "LargeBinary(9)", b"x"),
    ],
)
def test_a_wider_column_is_fine(make_store, there, declared, value):
    make_store(schemas=f"field {there}").set("old", {"cart": [1]})
    store = make_store(schemas=f"field {declared}")

    store.wait_for_sync()
    store.set("a", {"field": value})

    assert store.get("a") == {"field": value}


@pytest.mark.parametrize("kind", [*NEW, "JSON", "Enum", "Uuid as text", "DateTime with time zone", "Float"])
def test_a_table_of_our_own_making_matches_always(make_store, kind, caplog):
    """Also seen by a store that did not make it."""
    others: dict[str, Any] = {
        "JSON": JSON(),
        "Enum": Enum("a", "b", native_enum=False),
        "Uuid as text": Uuid(as_uuid=False),
        "DateTime with time zone": DateTime(timezone=True),
        "Float": Float(),
    }
    columns = [Column("field", NEW[kind][0] if kind in NEW else others[kind], unique=kind == "Integer")]
    for _ in range(2):
        make_store(schemas=columns, timestamps=True, hash_sid=False).wait_for_sync()

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_missing_index_is_a_warning_with_its_ddl(make_store, url, table_name, caplog):
    store = make_store(schemas="user_id Integer index")
    store.wait_for_sync()
    [index] = [index for index in store.repo().indexes if "user_id" in index.columns]
    with store.engine.begin() as connection:
        connection.execute(DropIndex(index))

    with caplog.at_level(logging.WARNING, "schema_session_backend"):
        make_store(schemas="user_id Integer index").wait_for_sync()

    [record] = caplog.records
    assert f"table {table_name!r} has no index on ['user_id']" in record.getMessage()
    _run(url, record.getMessage().partition("add it with: ")[2])
    caplog.clear()
    make_store(schemas="user_id Integer index").wait_for_sync()
    assert caplog.records == []
