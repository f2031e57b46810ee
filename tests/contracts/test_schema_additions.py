"""Missing columns are added with their indexes, keys and checks, and the rest of the table stays."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from mismatches import mend, mismatch, run, undecided
from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Computed,
    DateTime,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    func,
    inspect,
)
from sqlalchemy.schema import DropIndex
from values import database_of

from schema_session_backend import ConstraintViolated, StatementFailed

if TYPE_CHECKING:
    from schema_session_backend import SessionStore


def own_table(store: SessionStore, name: str, *more: Any) -> Table:
    """A table of the application's own with the columns of a store, without `device`, and more."""
    columns = [column._copy() for column in store.repo().c if column.name != "device"]
    return Table(name, MetaData(), *columns, *more)


# -- columns


def test_missing_nullable_columns_are_added_with_their_index(make_store, engine, table_name):
    make_store(schemas="user_id Integer").set("old", {"user_id": 1, "device": "phone"})
    store = make_store(schemas="user_id Integer; device String(50) index; ip String(45)", timestamps=True)

    store.wait_for_sync()
    store.close()  # which waits for the index

    inspector = inspect(engine)
    assert {"device", "ip", "created_at", "updated_at"} <= {
        column["name"] for column in inspector.get_columns(table_name)
    }
    assert ["device"] in [index["column_names"] for index in inspector.get_indexes(table_name)]
    assert store.get("old") == {"user_id": 1, "device": "phone"}
    store.set("new", {"ip": "::1"})
    assert store.get("new") == {"ip": "::1"}


def test_an_index_on_several_missing_columns_is_added_after_them(make_store, url, engine, table_name):
    old = make_store(schemas="user_id Integer; device String(50)")
    old.wait_for_sync()
    more = [Column("place", String(20)), Column("role", String(20))]
    table = own_table(
        old, table_name, *more, Index("ix_both", "place", "role"), UniqueConstraint("role", "place")
    )
    store = make_store(engine, table=table)

    store.wait_for_sync()

    indexes = inspect(engine).get_indexes(table_name)
    assert ["place", "role"] in [index["column_names"] for index in indexes]
    store.set("a", {"place": "Rome", "role": "admin"})
    with pytest.raises(ConstraintViolated):
        store.set("b", {"place": "Rome", "role": "admin"})


@pytest.mark.parametrize("schemas", ["number Integer unique", "number Integer unique index"])
def test_an_added_column_that_is_unique_is_kept_unique(make_store, schemas):
    make_store(schemas="").set_many({"old": {}, "older": {}})
    store = make_store(schemas=schemas)
    store.set("a", {"number": 1})

    with pytest.raises(ConstraintViolated):
        store.set("b", {"number": 1})

    assert store.get("b") is None


def test_an_added_column_has_its_foreign_key(make_store, url, table_name):
    make_store(schemas="device String(50)").set("old", {"device": "phone"})
    metadata = MetaData()
    users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    run(url, f"CREATE TABLE {users.name} (id INTEGER NOT NULL PRIMARY KEY)")
    declared = [Column("device", String(50)), Column("user_id", Integer, ForeignKey(users.c.id), index=True)]

    make_store(schemas=declared, metadata=metadata).wait_for_sync()

    engine = create_engine(url)
    keys = inspect(engine).get_foreign_keys(table_name)
    engine.dispose()
    run(url, f"DROP TABLE {table_name}")  # first, because its foreign key refers to the other table
    assert [(key["constrained_columns"], key["referred_table"]) for key in keys] == [
        (["user_id"], users.name)
    ]


def test_an_added_foreign_key_has_its_on_delete_rule(make_store, url, engine, table_name):
    make_store(schemas="").set("old", {})
    metadata = MetaData()
    users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    users.create(engine)
    key = ForeignKey(users.c.id, ondelete="CASCADE", name=f"fk_{table_name}")
    store = make_store(schemas=[Column("user_id", Integer, key)], metadata=metadata)
    with engine.begin() as connection:
        connection.execute(users.insert().values(id=1))
    store.set("a", {"user_id": 1})

    with engine.begin() as connection:
        connection.execute(users.delete())

    assert store.get_many(["a", "old"]) == {"old": {}}
    run(url, f"DROP TABLE {table_name}")  # first, because its foreign key refers to the other table


def test_a_foreign_key_of_several_columns_is_added_where_the_database_can(
    make_store, url, engine, table_name
):
    old = make_store(schemas="user_id Integer")
    old.set("old", {"user_id": 1})
    people = Table(
        f"{table_name}_people",
        MetaData(),
        Column("tenant", Integer, primary_key=True, autoincrement=False),
        Column("id", Integer, primary_key=True, autoincrement=False),
    )
    people.create(engine)
    both = ForeignKeyConstraint(["tenant", "user_id"], [people.c.tenant, people.c.id])
    store = make_store(engine, table=own_table(old, table_name, Column("tenant", Integer), both))

    if database_of(url) == "sqlite":
        undecided(store, "add it by hand, because SQLite adds no such column to a table that is there")
    else:
        store.wait_for_sync()
        [key] = inspect(engine).get_foreign_keys(table_name)
        assert key["constrained_columns"] == ["tenant", "user_id"]
    run(url, f"DROP TABLE {table_name}")  # first, because its foreign key refers to the other table


def test_an_added_column_is_of_a_type_that_is_created_with_it(make_store, url, table_name):
    make_store(schemas="").set("old", {"role": "admin"})
    role = Enum("admin", "it's", name=f"{table_name}_role")
    declared: list[Column] = [Column("role", role), Column("first_role", role)]

    store = make_store(schemas=declared, sync=False)
    mend(store, url, {"role": "it's", "first_role": "admin"})

    assert store.get("old") == {"role": "admin"}
    if database_of(url) == "postgresql":
        run(url, f"DROP TABLE {table_name}", f"DROP TYPE {role.name}")


def test_an_added_column_has_the_check_of_its_type(make_store, url, table_name):
    make_store(schemas="").set("old", {})
    role = Enum("admin", "guest", native_enum=False, create_constraint=True, name=f"ck_{table_name}")
    store = make_store(schemas=[Column("role", role), Column("open", Boolean(create_constraint=True))])
    store.set("a", {"role": "admin", "open": True})

    with pytest.raises(Exception, match=r"(?i)constraint"):
        run(url, f"UPDATE {table_name} SET role = 'other'")


def test_an_added_computed_column_computes(make_store, url, engine, table_name):
    old = make_store(schemas="user_id Integer")
    old.set("old", {"user_id": 1})
    twice = Column("twice", Integer, Computed("user_id * 2", persisted=True))
    store = make_store(engine, table=own_table(old, table_name, twice))

    if database_of(url) == "sqlite":
        undecided(store, "add it by hand, because SQLite adds no such column to a table that is there")
    else:
        assert [record.data for record in store.find(store.repo().c.twice == 2)] == [{"user_id": 1}]


# -- defaults


@pytest.mark.parametrize("sync", [True, False])
def test_the_default_of_an_added_column_is_for_new_sessions(make_store, url, sync):
    """Existing sessions may have another value under that key, which the default would hide."""
    make_store(schemas="").set_many({"old": {"plan": "gold"}, "older": {}})
    store = make_store(schemas=[Column("plan", String(9), server_default="50%")], sync=sync)

    if not sync:
        mend(store, url, {"plan": "x"})
    store.set("new", {})

    assert store.get_many(["old", "older", "new"]) == {
        "old": {"plan": "gold"},
        "older": {},
        "new": {"plan": "50%"},
    }


def test_a_default_that_changes_is_added_where_the_database_can(make_store, url):
    make_store(schemas="").set("old", {})
    store = make_store(schemas=[Column("since", DateTime, server_default=func.now())])

    if database_of(url) == "sqlite":
        undecided(store, "add it by hand, because SQLite adds no such column to a table that is there")
    else:
        store.set("new", {})
        assert store.get("old") == {}
        assert store.get("new").keys() == {"since"}


def test_a_table_without_sessions_gets_any_default(make_store):
    make_store(schemas="").wait_for_sync()
    columns = [
        Column("since", DateTime, server_default=func.now()),
        Column("plan", String(9), nullable=False, server_default="free"),
    ]
    store = make_store(schemas=columns)
    store.set("new", {})

    assert store.get("new").keys() == {"since", "plan"}


# -- the table


def test_the_statements_for_a_table_include_what_listeners_add(make_store, url, table_name):
    store = make_store(schemas="user_id Integer", sync=False)
    event.listen(store.repo(), "after_create", DDL(f"CREATE TABLE {table_name}_more (id INTEGER)"))
    event.listen(
        store.repo(),
        "after_create",
        lambda _table, connection, **_: connection.exec_driver_sql(
            f"CREATE TABLE {table_name}_most (id INTEGER)"
        ),
    )

    mend(store, url, {"user_id": 1})

    engine = create_engine(url)
    names = inspect(engine).get_table_names()
    engine.dispose()
    assert {f"{table_name}_more", f"{table_name}_most"} <= set(names)


def test_listeners_take_part_once_when_the_store_creates_the_table(make_store):
    store = make_store(schemas="user_id Integer")
    heard = []
    event.listen(
        store.repo(), "after_create", lambda _table, connection, **_: heard.append(type(connection).__name__)
    )

    store.wait_for_sync()

    assert heard == ["Connection"]


def test_statements_say_a_percent_sign_once(make_store, url, table_name):
    role = Enum("5%", "10%", name=f"{table_name}_role")
    columns = [Column("plan", String(9), server_default="50%"), Column("role", role)]
    store = make_store(schemas=columns, sync=False)

    assert "%%" not in str(mismatch(store))
    mend(store, url, {"plan": "x", "role": "5%"})

    store.set("new", {})
    assert store.get("new") == {"plan": "50%"}
    if database_of(url) == "postgresql":
        run(url, f"DROP TABLE {table_name}", f"DROP TYPE {role.name}")


def test_a_refusal_says_what_to_do_and_where_to_read_on(make_store, url, table_name):
    if database_of(url) == "sqlite":
        columns = [Column("note", String(9, collation="nonesuch"))]
    else:
        columns = [Column("note", Text(collation="nonesuch"))]
    store = make_store(schemas=columns)

    with pytest.raises(StatementFailed) as caught:
        store.wait_for_sync()

    assert f"table {table_name!r} could not be created or added to: " in str(caught.value)
    assert "nonesuch" in str(caught.value)
    assert 'docs/howto/mismatch.md ("When the table differs")' in str(caught.value)
    assert caught.value.code


# -- what a table may lack


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_missing_index_is_a_warning_with_its_ddl(make_store, url, engine, table_name, caplog):
    store = make_store(schemas="user_id Integer index")
    store.wait_for_sync()
    [index] = [index for index in store.repo().indexes if "user_id" in index.columns]
    with engine.begin() as connection:
        connection.execute(DropIndex(index))

    with caplog.at_level(logging.WARNING, "schema_session_backend"):
        make_store(schemas="user_id Integer index", sync=False).wait_for_sync()

    [record] = caplog.records
    assert f"table {table_name!r} has no index on ['user_id']" in record.getMessage()
    run(url, record.getMessage().partition("mend it with: ")[2])
    caplog.clear()
    make_store(schemas="user_id Integer index", sync=False).wait_for_sync()
    assert caplog.records == []


@pytest.mark.parametrize("words", ["unique", "unique index"])
@pytest.mark.parametrize("before", ["", "index"])
def test_a_column_that_is_not_unique_is_a_warning_with_its_ddl(
    make_store, url, table_name, caplog, before, words
):
    make_store(schemas=f"number Integer {before}").wait_for_sync()

    make_store(schemas=f"number Integer {words}").wait_for_sync()

    [said] = warnings(caplog)
    assert f"table {table_name!r} does not keep ['number'] unique" in said
    run(url, said.partition("mend it with: ")[2])
    caplog.clear()
    store = make_store(schemas=f"number Integer {words}")
    store.set("a", {"number": 1})
    with pytest.raises(ConstraintViolated):
        store.set("b", {"number": 1})
    assert warnings(caplog) == []


def test_a_missing_foreign_key_is_a_warning(make_store, url, table_name, caplog):
    def referring() -> SessionStore:
        metadata = MetaData()
        users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
        return make_store(schemas=[Column("user_id", Integer, ForeignKey(users.c.id))], metadata=metadata)

    make_store(schemas="user_id Integer").wait_for_sync()
    run(url, f"CREATE TABLE {table_name}_users (id INTEGER NOT NULL PRIMARY KEY)")

    referring().wait_for_sync()

    [said] = warnings(caplog)
    assert f"table {table_name!r} has no foreign key on ['user_id']" in said
    if database_of(url) == "sqlite":
        assert said.endswith('see docs/howto/mismatch.md ("When the table differs")')
    else:
        run(url, said.partition("mend it with: ")[2])
        caplog.clear()
        referring().wait_for_sync()
        assert warnings(caplog) == []
    run(url, f"DROP TABLE {table_name}")  # first, because its foreign key refers to the other table


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_an_index_on_an_expression_is_taken_on_trust(make_store, url, engine, table_name, caplog):
    old = make_store(schemas="user_id Integer")
    old.wait_for_sync()
    name = Column("name", String(20))
    table = own_table(old, table_name, name, Index(f"ix_{table_name}_lower", func.lower(name)))
    make_store(engine, table=table).wait_for_sync()
    caplog.clear()

    make_store(engine, table=table).wait_for_sync()

    assert warnings(caplog) == []
