"""Sessions in the application's own table, or under names of its choice."""

from __future__ import annotations

from typing import Any

import pytest
from applications import users_and_sessions
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Computed,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from values import database_of

from schema_session_backend import (
    ConfigurationError,
    ConstraintViolated,
    InvalidField,
    Outcome,
    SessionMixin,
    TimestampedSessionMixin,
)
from sealed import new_key

# -- the application's own table


@pytest.mark.parametrize("mixin", [SessionMixin, TimestampedSessionMixin], ids=lambda one: one.__name__)
def test_a_mapped_class_can_be_the_table(engine, make_store, base, mixin):
    user, session_class = users_and_sessions(base, mixin)
    base.metadata.create_all(engine)
    timestamps = mixin is TimestampedSessionMixin
    store = make_store(engine, table=session_class, timestamps=timestamps)
    with Session(engine) as own, own.begin():
        own.add_all([user(id=1, name="Ann"), user(id=2, name="Bob")])

    store.set_many({"a": {"user_id": 1, "device": "phone", "cart": [1]}, "b": {"user_id": 2}})

    assert store.fields == ("user_id", "device")
    assert store.repo() is session_class.__table__
    assert store.get("a") == {"user_id": 1, "device": "phone", "cart": [1]}
    [record] = store.find(user_id=1)
    assert (record.created_at is not None) is timestamps
    with Session(engine) as own:
        query = select(user.name).join(session_class, session_class.user_id == user.id)
        assert own.scalars(query.where(session_class.device == "phone")).all() == ["Ann"]


@pytest.mark.parametrize("mixin", [SessionMixin, TimestampedSessionMixin], ids=lambda one: one.__name__)
def test_deleting_the_user_ends_the_sessions(engine, make_store, base, mixin):
    user, session_class = users_and_sessions(base, mixin)
    base.metadata.create_all(engine)
    store = make_store(engine, table=session_class)
    with Session(engine) as own, own.begin():
        own.add_all([user(id=1, name="Ann"), user(id=2, name="Bob")])
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}, "c": {"user_id": 2}, "d": {}})
    running = store.load("a")

    with Session(engine) as own, own.begin():
        own.delete(own.get(user, 1))

    assert sorted(store.get_many("abcd")) == ["c", "d"]
    assert store.save(running, {"user_id": 1, "late": 1}).outcome is Outcome.GONE
    assert store.get("a") is None


def test_a_session_of_an_unknown_user_is_refused(url, engine, make_store, base):
    _, session_class = users_and_sessions(base, SessionMixin)
    base.metadata.create_all(engine)

    # A store made from a URL enforces foreign keys on SQLite, which does not by itself.
    for store in (make_store(engine, table=session_class), make_store(url, table=session_class)):
        with pytest.raises(ConstraintViolated):
            store.set("a", {"user_id": 77})
        assert store.get("a") is None


def test_a_mapped_table_is_created_by_the_store_where_it_is_missing(engine, make_store, base):
    user, session_class = users_and_sessions(base, SessionMixin)
    user.__table__.create(engine)
    store = make_store(engine, table=session_class)
    store.set("a", {"device": "phone"})

    assert store.find(device="phone")[0].data == {"device": "phone"}
    keys = inspect(engine).get_foreign_keys(store.repo().name)
    assert [key["options"].get("ondelete") for key in keys] == ["CASCADE"]


def test_a_plain_table_can_be_the_table_and_what_the_database_computes_is_no_session_key(
    engine, make_store, metadata, table_name
):
    own = Table(
        f"{table_name}_s",
        metadata,
        *(column._copy() for column in make_store().repo().c if column.name != "device"),
        Column("twice", Integer, Computed("user_id * 2", persisted=True)),
    )
    metadata.create_all(engine)
    store = make_store(engine, table=own)
    store.set("a", {"user_id": 4, "device": "phone"})

    assert store.repo() is own
    assert store.fields == ("user_id", "ip")
    assert store.get("a") == {"user_id": 4, "device": "phone"}
    assert len(store.find(own.c.twice == 8)) == 1
    with pytest.raises(InvalidField, match="'twice'"):
        store.set("a", {"twice": 8})


def test_an_own_table_needs_the_base_columns(make_store, metadata, table_name):
    own = Table(f"{table_name}_s", metadata, Column("sid", String(64), primary_key=True))

    with pytest.raises(ConfigurationError, match="'additional'"):
        make_store("sqlite://", table=own)


# -- names


def test_every_base_column_can_have_another_name(make_store, engine):
    store = make_store(
        sid_name="session_id",
        expire_at_name="expires",
        additional_name="rest",
        revision_name="version",
        timestamps=True,
    )
    store.set("a", {"sid": 1, "additional": 2, "expire_at": 3, "revision": 4, "user_id": 5})
    mine, theirs = store.load("a"), store.load("a")
    store.save(theirs, theirs.data | {"theirs": 1})
    store.save(mine, mine.data | {"mine": 1})

    columns = {column["name"] for column in inspect(engine).get_columns(store.repo().name)}
    assert {"session_id", "expires", "rest", "version"} < columns
    assert columns.isdisjoint({"sid", "expire_at", "additional", "revision"})
    assert store.get("a") == {
        "sid": 1, "additional": 2, "expire_at": 3, "revision": 4, "user_id": 5, "theirs": 1, "mine": 1,
    }  # fmt: skip
    assert store.touch("a")
    assert store.rotate("a", "b")
    assert store.keep_newest(1, user_id=5) == 0
    assert store.destroy("b")
    assert store.gc() == 0


def test_the_table_is_put_into_the_applications_metadata(make_store, metadata, engine, table_name):
    users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    users.create(engine)
    user_id: Column[int] = Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), index=True)
    store = make_store(engine, metadata=metadata, schemas=[user_id])
    with engine.begin() as connection:
        connection.execute(users.insert().values(id=1))
    store.set("a", {"user_id": 1})

    assert metadata.tables[table_name] is store.repo()
    assert store.get("a") == {"user_id": 1}
    with pytest.raises(ConstraintViolated):
        store.set("b", {"user_id": 2})
    with engine.begin() as connection:
        connection.execute(users.delete())
    assert store.get("a") is None


def test_a_text_schema_can_reference_a_table_of_the_applications_metadata(
    make_store, metadata, engine, table_name
):
    users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    users.create(engine)
    with engine.begin() as connection:
        connection.execute(users.insert().values(id=1))
    store = make_store(
        engine, metadata=metadata, schemas=f"user_id Integer index references {table_name}_users.id"
    )
    store.set("a", {"user_id": 1})
    store.set("b", {})

    assert [record.data for record in store.find(user_id=1)] == [{"user_id": 1}]
    with pytest.raises(ConstraintViolated):
        store.set("c", {"user_id": 2})


def test_a_table_can_be_outside_of_the_default_schema(make_store, engine, url, table_name):
    schema = {"sqlite": "main", "postgresql": table_name, "mariadb": make_url(url).database}[database_of(url)]
    with engine.begin() as connection:
        if schema == table_name:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        store = make_store(table_name=f"{schema}.{table_name}", timestamps=True)
        store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}})
        store.save(store.load("a"), {"user_id": 1, "cart": [1]})

        assert (store.repo().schema, store.repo().name) == (schema, table_name)
        assert inspect(engine).has_table(table_name, schema=schema)
        assert store.get("a") == {"user_id": 1, "cart": [1]}
        assert store.keep_newest(1, user_id=1) == 1
        assert store.gc() == 0
        # A second process finds the table.
        assert make_store(table_name=f"{schema}.{table_name}", timestamps=True).count() == 1
    finally:
        with engine.begin() as connection:
            if schema == table_name:
                connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))


def test_one_list_of_columns_serves_two_stores(make_store, table_name):
    schemas: list[Column[Any]] = [
        Column("user_id", Integer, index=True),
        Column("device", String(9), unique=True),
    ]
    one = make_store(schemas=schemas)
    two = make_store(schemas=schemas, table_name=f"{table_name}_b")
    one.set("a", {"user_id": 1, "device": "x"})
    two.set("a", {"user_id": 2, "device": "x"})

    assert (one.get("a")["user_id"], two.get("a")["user_id"]) == (1, 2)
    assert all(column.table is None for column in schemas)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_prefix_finds_its_sessions_however_the_column_sorts(make_store, metadata, table_name):
    table = Table(
        table_name,
        metadata,
        Column("sid", String(255, collation="en-x-icu"), primary_key=True),
        Column("additional", Text, nullable=False),
        Column("expire_at", BigInteger),
        Column("revision", BigInteger, nullable=False),
    )
    store = make_store(table=table, hash_sid=False)
    metadata.create_all(store.engine)
    for prefix in ("session:", "AZ", "~"):
        store.prefixed(prefix).set_many({f"s{number}": {} for number in range(3)})

        assert store.prefixed(prefix).count() == 3
        assert store.prefixed(prefix).clear() == 3


@pytest.mark.parametrize("keys", [[], [new_key()]], ids=["unsealed", "sealed"])
def test_the_text_of_a_session_may_stand_in_a_json_column(make_store, metadata, table_name, keys):
    table = Table(
        table_name,
        metadata,
        Column("sid", String(64), primary_key=True),
        Column("additional", JSON, nullable=False),
        Column("expire_at", BigInteger, index=True),
        Column("revision", BigInteger, nullable=False),
    )
    make_store(table=table, encryption_keys=keys).set("a", {"cart": [1]})

    assert make_store(table=table, encryption_keys=keys).get("a") == {"cart": [1]}


def test_a_column_with_a_percent_sign_is_refused(make_store, metadata, table_name):
    columns: list[Any] = [
        Column("sid", String(64), primary_key=True),
        Column("additional", Text, nullable=False),
        Column("expire_at", BigInteger),
        Column("revision", BigInteger, nullable=False),
        Column("a%s", Integer),
    ]

    with pytest.raises(ConfigurationError, match="needs a name without %"):
        make_store(table=Table(table_name, metadata, *columns))
