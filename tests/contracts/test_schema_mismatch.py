"""A table that does not match is an error with every difference, and with statements that mend it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from mismatches import columns_of, mend, mend_or_by_hand, mismatch, run, undecided
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
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
    inspect,
)
from values import database_of, stored_rows

from schema_session_backend import ConfigurationError, SchemaMismatch

# -- a missing table, or column


def test_without_sync_a_missing_table_is_reported_with_its_ddl(make_store, url, engine, table_name):
    store = make_store(schemas="user_id Integer index", timestamps=True, sync=False)

    error = mismatch(store)
    assert error.differences == (f"there is no table {table_name!r}",)
    assert error.ddl[0].startswith("CREATE TABLE")
    assert not inspect(engine).has_table(table_name)
    mend(store, url, {"user_id": 1, "cart": [1]})


def test_without_sync_a_missing_nullable_column_is_reported_with_its_ddl(make_store, url):
    make_store(schemas="user_id Integer").set("old", {"user_id": 1})
    store = make_store(schemas="user_id Integer; device String(50) index", sync=False)

    assert mismatch(store).differences == ("it lacks the column 'device'",)
    mend(store, url, {"device": "phone"})


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
    make_store(schemas="user_id Integer").wait_for_sync()

    store = make_store(schemas=[Column("user_id", Integer), Column("level", kind, nullable=False)])

    assert mismatch(store).differences == ("it lacks the column 'level'",)
    mend(store, url, {"user_id": 2, "level": value})


@pytest.mark.parametrize("default", [{}, {"default": "free"}, {"server_default": "free"}], ids=list)
def test_a_missing_column_that_is_not_null_needs_a_decision_where_there_are_sessions(make_store, default):
    """A default for new sessions would hide the value that an existing session has under that key."""
    make_store(schemas="user_id Integer").set("old", {"user_id": 1, "plan": "gold"})
    store = make_store(schemas=[Column("plan", String(9), nullable=False, **default)])

    error = undecided(
        store, "decide which value the sessions that are there get, or declare the column nullable"
    )

    assert error.differences == ("it lacks the column 'plan'",)


def test_a_table_without_revision_is_reported(make_store, url, table_name):
    """The original's table has no revision."""
    run(
        url,
        f"CREATE TABLE {table_name} (sid VARCHAR(64) NOT NULL PRIMARY KEY,"
        " additional TEXT NOT NULL, expire_at BIGINT)",
    )
    store = make_store(schemas="")

    assert "it lacks the column 'revision'" in mismatch(store).differences
    mend(store, url, {"cart": [1]})


@pytest.mark.parametrize("lacked", ["revision", "additional"])
def test_base_columns_without_meaning_for_existing_sessions_are_added(make_store, url, table_name, lacked):
    store = make_store(schemas="user_id Integer")
    store.set("old", {"user_id": 1})
    run(url, f"ALTER TABLE {table_name} DROP COLUMN {lacked}")
    store = make_store(schemas="user_id Integer")

    assert mismatch(store).differences == (f"it lacks the column {lacked!r}",)
    mend(store, url, {"cart": [1]})
    old = store.load("old")
    assert old.data == {"user_id": 1}
    store.save(old, {"user_id": 2, "cart": [1]})
    assert store.get("old") == {"user_id": 2, "cart": [1]}


def test_existing_sessions_that_would_never_expire_need_a_decision(make_store):
    """A misspelt `expire_at_name` does that."""
    make_store().set("old", {"user_id": 1})
    store = make_store(expire_at_name="expires_at")

    error = undecided(store, "decide when the sessions that are there expire; without a value they never do")

    assert "it lacks the column 'expires_at'" in error.differences


def test_a_referenced_table_has_to_exist_first(make_store, url, table_name):
    metadata = MetaData()
    users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    declared = [Column("user_id", Integer, ForeignKey(users.c.id))]
    store = make_store(schemas=declared, metadata=metadata)
    task = f"create the table {users.name!r} first, because a foreign key refers to it"

    assert undecided(store, task).differences == (f"there is no table {table_name!r}",)
    make_store(schemas="").wait_for_sync()
    assert undecided(store, task).differences == ("it lacks the column 'user_id'",)

    run(url, f"CREATE TABLE {users.name} (id INTEGER NOT NULL PRIMARY KEY)")
    store.wait_for_sync()
    run(url, f"DROP TABLE {table_name}")  # first, because its foreign key refers to the other table


def test_a_schema_has_to_exist_first(make_store, table_name):
    store = make_store(table_name=f"nowhere.{table_name}")

    error = undecided(store, "create the schema 'nowhere' first")

    assert error.differences == (f"there is no table 'nowhere.{table_name}'",)


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_type_that_makes_no_column_is_a_configuration_error_even_if_the_column_exists(make_store, url):
    make_store(schemas="field Text").wait_for_sync()

    with pytest.raises(ConfigurationError, match="VARCHAR requires a length"):
        make_store(schemas="field String").wait_for_sync()


# -- a column that has to have a value


def test_a_column_that_is_not_null_in_the_table_is_reported_when_sessions_may_lack_its_key(make_store, url):
    make_store(schemas="level Integer not null").set("old", {"level": 1})
    store = make_store(schemas="level Integer")

    assert mismatch(store).differences == ("column 'level' is NOT NULL, and not every session has one",)
    mend_or_by_hand(store, url, {"cart": [1]})


def test_a_column_that_is_narrower_and_not_null_is_changed_once(make_store, url):
    make_store(schemas="level SmallInteger not null").set("old", {"level": 1})
    store = make_store(schemas="level Integer")

    [difference] = mismatch(store).differences
    assert difference.endswith(", and is NOT NULL, and not every session has one")
    mend_or_by_hand(store, url, {"cart": [1]})
    if database_of(url) != "sqlite":
        store.set("wide", {"level": 2**20})


def test_a_surplus_column_that_is_not_null_is_reported(make_store, url):
    make_store(schemas="user_id Integer; level Integer not null").set("old", {"level": 1})
    store = make_store(schemas="user_id Integer")

    assert mismatch(store).differences == (
        "column 'level' is NOT NULL without a default, and it is not declared",
    )
    mend_or_by_hand(store, url, {"user_id": 1})


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_a_surplus_column_keeps_all_but_its_not_null(make_store, url, table_name):
    make_store(schemas="").wait_for_sync()
    run(url, f"ALTER TABLE {table_name} ADD COLUMN prefs JSON NOT NULL")

    mend(make_store(schemas=""), url, {"cart": [1]})

    with pytest.raises(Exception, match=r"(?i)constraint|invalid input syntax"):
        run(url, f"UPDATE {table_name} SET prefs = 'no JSON'")


def test_a_surplus_column_that_needs_no_value_is_left_alone(make_store, url, table_name):
    make_store(schemas="user_id Integer; level Integer").set("old", {"user_id": 1, "level": 7})
    store = make_store(schemas="user_id Integer")

    store.wait_for_sync()
    store.set("new", {"user_id": 2})

    assert store.get("old") == {"user_id": 1}
    assert make_store(schemas="user_id Integer; level Integer").get("old") == {"user_id": 1, "level": 7}


# -- another primary key


def table_with_key(url, table_name, key, *rows) -> None:
    long = "LONGTEXT" if database_of(url) == "mariadb" else "TEXT"
    primary = "" if key is None else f", PRIMARY KEY ({key})"
    run(
        url,
        f"CREATE TABLE {table_name} (sid VARCHAR(64), id INTEGER DEFAULT 0 NOT NULL,"
        f" additional {long} NOT NULL, expire_at BIGINT, revision BIGINT NOT NULL{primary})",
        *(f"INSERT INTO {table_name} VALUES ({row}, 0, '{{}}', NULL, 1)" for row in rows),
    )


@pytest.mark.parametrize("key", [None, "id", "sid, id"])
def test_another_primary_key_is_reported(make_store, url, table_name, key):
    table_with_key(url, table_name, key, "'a'")
    store = make_store(schemas="")

    error = mismatch(store)
    [difference] = error.differences
    assert difference.startswith("its primary key is ")
    assert difference.endswith(", not 'sid' alone")
    if key is None and database_of(url) != "sqlite":
        mend(store, url, {"cart": [1]})
    else:
        assert error.ddl == ()  # what refers to that key, only its owner knows


@pytest.mark.parametrize("rows", [["'a'", "'a'"], ["'a'", "NULL"]], ids=["twice", "none"])
def test_rows_that_cannot_have_the_primary_key_need_a_decision(make_store, url, table_name, rows):
    table_with_key(url, table_name, None, *rows)
    store = make_store(schemas="")

    if database_of(url) == "sqlite":
        undecided(store, "add it by hand, because SQLite changes no column of a table that is there")
    else:
        undecided(store, "decide which rows to keep, because some share it or have none")


def test_a_table_of_another_application_is_reported_as_such(make_store, url, table_name):
    """Flask-Session's table has the same default name."""
    run(url, f"CREATE TABLE {table_name} (id INTEGER NOT NULL PRIMARY KEY, session_id VARCHAR(255))")
    store = make_store(schemas="")

    error = undecided(
        store, "decide first whether this is the table of your sessions; table_name= chooses another"
    )

    assert "its primary key is ['id'], not 'sid' alone" in error.differences
    assert "ALTER TABLE" not in str(error)


def test_a_view_is_reported_as_no_table(make_store, url, table_name):
    make_store(schemas="", table_name=f"{table_name}_sessions").wait_for_sync()
    run(url, f"CREATE VIEW {table_name} AS SELECT * FROM {table_name}_sessions")

    undecided(make_store(schemas=""), "decide first whether this is the table of your sessions")

    run(url, f"DROP VIEW {table_name}")


@pytest.mark.parametrize("kind", ["String(5)", "Integer"])
def test_names_that_need_quotes_are_quoted(make_store, url, table_name, kind):
    wider = (
        {"String(5)": "String(9)", "Integer": "BigInteger"}[kind] if database_of(url) != "sqlite" else kind
    )
    options: dict[str, Any] = {"table_name": f"{table_name}_Order"}
    make_store(schemas=f"Group {kind} index", **options).set("old", {"cart": [1]})
    store = make_store(schemas=f"Group {wider} index; Select Integer index unique", sync=False, **options)

    statements = mismatch(store).ddl
    run(url, *statements)

    store.set("new", {"Select": 1})
    assert store.get_many(["old", "new"]) == {"old": {"cart": [1]}, "new": {"Select": 1}}


# -- several differences


def test_several_differences_are_mended_together(make_store, url):
    make_store(schemas="a Integer; b Integer index; c Integer not null").set("old", {"a": 1, "c": 3})

    store = make_store(schemas="a BigInteger; b BigInteger index; c Integer; d Integer")

    assert len(mismatch(store).differences) == 4
    mend_or_by_hand(store, url, {"a": 2**40, "b": 2**40, "d": 2})


def test_statements_that_mend_only_a_part_stand_with_that_part(make_store, url):
    make_store(schemas="user_id Integer").set("old", {"user_id": 1})
    store = make_store(schemas="user_id String(36); device String(50)", sync=False)

    error = undecided(store, "statements mend 1 of these 2; the others need you first")

    lines = [line.strip() for line in str(error).splitlines()]
    there = lines.index("- it lacks the column 'device'")
    assert lines[there + 1] == "to mend this one, without loss, run:"
    assert lines[there + 2].endswith("ADD COLUMN device VARCHAR(50);")


def test_every_difference_is_reported_at_once(make_store, url):
    make_store(schemas="user_id String(9); level Integer not null").wait_for_sync()
    store = make_store(schemas="user_id Integer; ip String(45) not null; device String(50)")

    differences = mismatch(store).differences
    assert len(differences) == 4
    for expected in (
        "'user_id' is",
        "lacks the column 'ip'",
        "lacks the column 'device'",
        "'level' is NOT NULL",
    ):
        assert any(expected in difference for difference in differences)


def test_a_table_that_does_not_match_is_not_touched(make_store, url, table_name):
    """Neither are the columns added that could be."""
    old = make_store(schemas="user_id String(9)")
    old.set("a", {"user_id": "x", "cart": [1]})
    before = stored_rows(old)
    columns = columns_of(url, table_name)
    store = make_store(schemas="user_id Integer; device String(50)")

    for operation in (lambda: store.get("a"), lambda: store.set("a", {}), store.clear):
        with pytest.raises(SchemaMismatch):
            operation()

    assert stored_rows(old) == before
    assert columns_of(url, table_name).keys() == columns.keys()
