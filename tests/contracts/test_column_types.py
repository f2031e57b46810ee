"""Column types that the store accepts, because they hold the same values, and types that it reports."""

from __future__ import annotations

import enum
import logging
import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from mismatches import BY_HAND, columns_of, mend, mend_or_by_hand, mismatch, run, undecided
from sqlalchemy import (
    ARRAY,
    BINARY,
    CHAR,
    CLOB,
    DOUBLE_PRECISION,
    JSON,
    NCHAR,
    NVARCHAR,
    TIMESTAMP,
    UUID,
    VARBINARY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Enum,
    Float,
    ForeignKey,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    Unicode,
    UnicodeText,
    Uuid,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeDecorator, UserDefinedType
from values import database_of, sqlalchemy_knows

from databases import DATABASES
from schema_session_backend import ConstraintViolated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# PostgreSQL has these types beside the tables, and tests may run in several processes.
OURS = f"Ssb_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}"


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Shouted(TypeDecorator[str]):
    impl = String(9)
    cache_ok = True


class Point(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "POINT"


class Place(TypeDecorator[Any]):
    impl = Point
    cache_ok = True


GENERIC = [
    BigInteger(), Boolean(), Boolean(create_constraint=True, name=f"{OURS}_ck"), CHAR(), CHAR(5), Date(),
    DateTime(), DateTime(timezone=True), Double(), Enum("a", "bb", native_enum=False),
    Enum("a", "b,'c)", name=f"{OURS}_enum"), Enum("a\\b", name=f"{OURS}_backslash"),
    Enum(Color, name=f"{OURS}_color"), Enum("a", name=f"{OURS} Quoted"), Float(), Integer(),
    JSON(), LargeBinary(), LargeBinary(9),
    LargeBinary(70_000), NCHAR(5), Numeric(12), Numeric(12, 2), SmallInteger(), String(20), Text(), Time(),
    Unicode(9), UnicodeText(), Uuid(), Uuid(as_uuid=False), Uuid(native_uuid=False), Shouted(), Point(),
    Place(),
]  # fmt: skip
NATIVE: dict[str, list[Any]] = {
    "sqlite": [
        BINARY(5), CLOB(), DOUBLE_PRECISION(), Interval(), NVARCHAR(6), String(), Text(9), TIMESTAMP(),
        VARBINARY(8),
    ],
    "postgresql": [
        ARRAY(Integer), ARRAY(Integer, dimensions=2), ARRAY(String(5)),
        ARRAY(Enum("x", "y", name=f"{OURS}_item")), DOUBLE_PRECISION(53), Interval(), String(), TIMESTAMP(),
        UUID(), postgresql.BIT(3), postgresql.BIT(varying=True), postgresql.CIDR(),
        postgresql.DOMAIN(f"{OURS}_domain", Integer()), postgresql.ENUM("a", "b", name=f"{OURS}_native"),
        postgresql.INET(), postgresql.INT4RANGE(),
        postgresql.INTERVAL(fields="DAY TO SECOND", precision=3), postgresql.JSONB(),
        postgresql.MACADDR(), postgresql.TIME(precision=2),
        postgresql.TIMESTAMP(timezone=True, precision=3),
    ],
    "mariadb": [
        BINARY(5), NVARCHAR(6), Text(100), Text(70_000), UUID(), VARBINARY(8), mysql.BIGINT(unsigned=True),
        mysql.BIT(), mysql.BIT(3), mysql.DECIMAL(10, 2, unsigned=True),
        mysql.DOUBLE(10, 2, asdecimal=False), mysql.DOUBLE(unsigned=True, asdecimal=False),
        mysql.ENUM("a", "it's", "x,y)"), mysql.INTEGER(5), mysql.INTEGER(unsigned=True),
        mysql.INTEGER(unsigned=True, zerofill=True), mysql.LONGBLOB(), mysql.LONGTEXT(), mysql.MEDIUMINT(),
        mysql.SET("a", "b"), mysql.SMALLINT(unsigned=True), mysql.TIMESTAMP(fsp=6), mysql.TINYINT(),
        mysql.TINYINT(1), mysql.TINYINT(unsigned=True), mysql.TINYTEXT(),
        mysql.VARCHAR(9, charset="latin1"), mysql.YEAR(),
    ],
}  # fmt: skip
NAMED = ("_enum", "_backslash", "_color", " Quoted", "_item", "_native")


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (name, kind)
        for name in DATABASES
        for kind in [*GENERIC, *NATIVE[name]]
        if sqlalchemy_knows(name, repr(kind))
    ],
    indirect=["url"],
    ids=lambda value: value if isinstance(value, str) else repr(value).replace(OURS, "ours"),
)
def test_the_store_accepts_the_columns_that_it_created(make_store, url, table_name, kind, caplog):
    """A second store, which did not create the table, accepts them as well."""
    columns = [Column("field", kind)]
    try:
        for _ in range(2):
            make_store(schemas=columns, timestamps=True, hash_sid=False).wait_for_sync()
    finally:
        if database_of(url) == "postgresql":
            run(url, f"DROP TABLE IF EXISTS {table_name}", f'DROP DOMAIN IF EXISTS "{OURS}_domain"')
            run(url, *(f'DROP TYPE IF EXISTS "{OURS}{name}"' for name in NAMED))

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


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


SQL: dict[str, list[tuple[str, Any]]] = {
    "sqlite": [("VARCHAR", Text()), ("CHAR(9)", String(9)), ("DOUBLE PRECISION", Double())],
    "postgresql": [
        ("VARCHAR", Text()),
        ("VARCHAR(9)", CHAR(5)),
        ("NUMERIC", Numeric(12, 2)),
        ("TIMESTAMP WITH TIME ZONE", DateTime(timezone=True)),
    ],
    "mariadb": [
        ("VARCHAR(9)", CHAR(5)),
        ("INTEGER UNSIGNED", SmallInteger().with_variant(mysql.SMALLINT(unsigned=True), "mariadb")),
        ("BIGINT", Integer().with_variant(mysql.INTEGER(unsigned=True), "mariadb")),
        ("MEDIUMTEXT", Text()),
        ("LONGTEXT", JSON()),
        ("TINYINT", Boolean()),
        ("SMALLINT", Boolean()),
    ],
}


def test_a_type_of_another_name_that_holds_the_same_values_is_fine(make_store, url, table_name):
    for there, declared in SQL[database_of(url)]:
        make_store(schemas="").wait_for_sync()
        run(url, f"ALTER TABLE {table_name} ADD COLUMN field {there}")

        make_store(schemas=[Column("field", declared)]).wait_for_sync()

        run(url, f"DROP TABLE {table_name}")


CUTS: dict[str, list[tuple[str, Any]]] = {
    "sqlite": [("BLOB", Text())],
    "postgresql": [
        ("CHAR(9)", CHAR(5)),
        ("REAL", Double()),
        ("TIMESTAMP(0)", DateTime()),
        ("TIMESTAMP WITH TIME ZONE", DateTime()),
        ("POINT", Integer()),
        ("JSONB", JSON()),
    ],
    "mariadb": [
        ("CHAR(9)", CHAR(5)),
        ("FLOAT", Double()),
        ("DOUBLE(10, 2)", Double()),
        ("DATETIME", DateTime()),
        ("DATETIME(3)", DateTime()),
        ("TIMESTAMP(6) NULL", DateTime()),
        ("INTEGER", Integer().with_variant(mysql.INTEGER(unsigned=True), "mariadb")),
        ("INTEGER UNSIGNED", Integer()),
        ("TINYTEXT", Text()),
        ("TEXT", JSON()),
        ("POINT", Integer()),
    ],
}


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_a_column_that_would_change_values_is_reported(make_store, url, table_name):
    for there, declared in CUTS[database_of(url)]:
        make_store(schemas="").wait_for_sync()
        run(url, f"ALTER TABLE {table_name} ADD COLUMN field {there}")

        [difference] = mismatch(make_store(schemas=[Column("field", declared)])).differences

        assert difference.startswith("column 'field' is "), there
        run(url, f"DROP TABLE {table_name}")


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
@pytest.mark.parametrize(("there", "declared"), [("INTEGER UNSIGNED", Integer()), ("FLOAT", Double())])
def test_a_type_that_only_looks_wider_needs_a_decision(make_store, url, table_name, there, declared):
    make_store(schemas="").wait_for_sync()
    run(url, f"ALTER TABLE {table_name} ADD COLUMN field {there}")

    undecided(make_store(schemas=[Column("field", declared)]), "decide what becomes of values that ")


UNSIGNED = mysql.INTEGER(unsigned=True)


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
@pytest.mark.parametrize(
    ("key", "declare"),
    [
        (UNSIGNED, lambda users: [Column("user_id", UNSIGNED, ForeignKey(users.c.id), index=True)]),
        (UNSIGNED, lambda users: f"user_id Integer index references {users.name}.id"),
        (mysql.BIGINT(unsigned=True), lambda users: f"user_id BigInteger references {users.name}.id"),
        (mysql.MEDIUMINT(unsigned=True), lambda users: f"user_id Integer references {users.name}.id"),
    ],
    ids=["a Column", "Integer", "BigInteger", "MEDIUMINT"],
)
def test_a_foreign_key_may_refer_to_an_unsigned_number(make_store, url, table_name, key, declare, caplog):
    metadata = MetaData()
    users = Table(f"{table_name}_users", metadata, Column("id", key, primary_key=True))
    run(url, f"CREATE TABLE {users.name} (id {key.compile(dialect=mysql.dialect())} PRIMARY KEY)")
    run(url, f"INSERT INTO {users.name} VALUES (42)")
    schemas = declare(users)

    make_store(schemas=schemas, metadata=metadata).set("a", {"user_id": 42})
    other = MetaData()
    users.to_metadata(other)
    store = make_store(schemas=schemas, metadata=other)

    assert store.get("a") == {"user_id": 42}
    assert [record.handle for record in store.find(user_id=42)] == [store.handle("a")]
    with pytest.raises(ConstraintViolated):
        store.set("b", {"user_id": 43})
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    run(url, f"DROP TABLE {table_name}")  # first, because its foreign key refers to the other table


# -- those that hold less


@pytest.mark.parametrize(
    ("there", "declared", "value"),
    [
        ("field String(20)", "field String(50)", "x" * 50),
        ("field String(20)", "field Text", "x" * 500),
        ("field Integer", "field BigInteger", 2**40),
        ("field SmallInteger", "field Integer", 2**20),
        ("field Numeric(9, 2)", "field Numeric(12, 4)", Decimal("12345678.1234")),
    ],
)
def test_a_narrower_column_is_reported_with_ddl_that_widens_it(make_store, url, there, declared, value):
    make_store(schemas=f"{there}; device String(9) index").set("old", {"cart": [1], "device": "phone"})
    store = make_store(schemas=f"{declared}; device String(9) index")

    [difference] = mismatch(store).differences
    assert difference.startswith("column 'field' is ")
    assert ", not " in difference
    mend_or_by_hand(store, url, {"field": value})


def test_an_indexed_column_is_widened_with_its_index(make_store, url):
    make_store(schemas="field String(20) index; number Integer unique").set(
        "old", {"field": "x", "number": 1}
    )
    store = make_store(schemas="field String(50) index; number BigInteger unique")

    mend_or_by_hand(store, url, {"field": "x" * 50, "number": 2**40})


@pytest.mark.parametrize(
    ("there", "declared"),
    [
        ("field String(20)", "field Integer"),
        ("field Integer", "field String(20)"),
        ("field DateTime", "field Date"),
        ("field LargeBinary", "field String(20)"),
        ("field Numeric(12, 2)", "field Numeric(12, 4)"),
        ("field Text", "field Integer"),
    ],
)
def test_a_type_that_does_not_keep_all_values_needs_a_decision(make_store, there, declared):
    make_store(schemas=there).set("old", {"cart": [1]})
    store = make_store(schemas=declared)

    error = undecided(store, "decide what becomes of values that ")

    [difference] = error.differences
    assert difference.startswith("column 'field' is ")
    assert ", not " in difference


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_widening_a_column_keeps_its_collation_default_and_comment(make_store, url, table_name):
    definition = {
        "postgresql": """VARCHAR(20) COLLATE "C" DEFAULT 'a' NOT NULL""",
        "mariadb": "VARCHAR(20) COLLATE latin1_bin DEFAULT 'a' NOT NULL COMMENT 'is NOT NULL'",
    }
    make_store(schemas="").wait_for_sync()
    run(url, f"ALTER TABLE {table_name} ADD COLUMN field {definition[database_of(url)]}")
    before = columns_of(url, table_name)["field"]

    mend(make_store(schemas="field String(50) not null"), url, {"field": "x" * 50})

    after = columns_of(url, table_name)["field"]
    assert after["type"].length == 50
    assert after["type"].collation == before["type"].collation
    for key in ("default", "nullable", "comment"):
        assert after[key] == before[key]


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_a_column_with_dependents_is_changed_by_hand(make_store, url, table_name):
    database = database_of(url)
    make_store(schemas="user_id Integer").wait_for_sync()
    if database == "postgresql":
        run(url, f"CREATE VIEW {table_name}_v AS SELECT user_id FROM {table_name}")
        because = "PostgreSQL changes no column on which a view"
        undo = [f"DROP VIEW {table_name}_v"]
    else:
        run(
            url,
            f"CREATE TABLE {table_name}_users (id INTEGER PRIMARY KEY)",
            f"ALTER TABLE {table_name} ADD FOREIGN KEY (user_id) REFERENCES {table_name}_users (id)",
        )
        because = "MariaDB changes no column of a foreign key"
        undo = [f"ALTER TABLE {table_name} DROP FOREIGN KEY {table_name}_ibfk_1"]
    store = make_store(schemas="user_id BigInteger")

    undecided(store, BY_HAND + because)
    run(url, *undo)
    mend(store, url, {"user_id": 2**40})


def test_an_index_keeps_mariadb_from_making_its_column_too_long(make_store, url):
    make_store(schemas="field String(20) index").set("old", {"field": "x"})
    store = make_store(schemas="field Text")

    if database_of(url) == "mariadb":
        undecided(store, "lengthens none beyond what its index takes")
    else:
        mend_or_by_hand(store, url, {"field": "x" * 500})


@pytest.fixture
def role(table_name, url) -> Iterator[Callable[..., Column]]:
    """Makes a column for an Enum of these values."""
    name = f"{table_name}_role"
    yield lambda *values: Column("role", Enum(*values, name=name))
    if database_of(url) == "postgresql":
        run(url, f"DROP TABLE IF EXISTS {table_name}", f"DROP TYPE IF EXISTS {name}")


def test_missing_values_of_an_enum_are_added(make_store, url, role):
    make_store(schemas=[role("admin", "it's")]).set("old", {"role": "it's"})
    store = make_store(schemas=[role("admin", "it's", "a\\b")])

    if database_of(url) == "sqlite":
        store.wait_for_sync()  # there it is a text
    else:
        [difference] = mismatch(store).differences
        assert difference.startswith("column 'role' is ")
        mend(store, url, {"role": "a\\b"})
    assert store.get("old") == {"role": "it's"}


def test_undeclared_values_of_an_enum_stay(make_store, url, role):
    make_store(schemas=[role("admin", "guest")]).set("old", {"role": "guest"})
    store = make_store(schemas=[role("admin", "owner")])

    if database_of(url) != "sqlite":
        mend(store, url, {"role": "owner"})
    store.wait_for_sync()

    assert make_store(schemas=[role("admin", "guest", "owner")]).get("old") == {"role": "guest"}
