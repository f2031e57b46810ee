"""P3 for types that only some databases keep exactly, and for an application's own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from mismatches import run
from sqlalchemy import (
    ARRAY,
    BLOB,
    CLOB,
    JSON,
    REAL,
    UUID,
    VARBINARY,
    BigInteger,
    Column,
    DateTime,
    Enum,
    Float,
    Integer,
    Interval,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Time,
    inspect,
    make_url,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator
from values import database_of

from schema_session_backend import ConfigurationError, InvalidField, SessionMixin

# -- types that only some databases keep exactly


def test_an_interval_is_kept_by_sqlite_and_postgresql_and_refused_on_mariadb(make_store, url):
    columns: list[Any] = [Column("lasts", Interval())]
    if database_of(url) == "mariadb":
        with pytest.raises(ConfigurationError, match=r"column 'lasts' of table .*BigInteger of microseconds"):
            make_store(schemas=columns)
        return
    store = make_store(schemas=columns)
    longest = dt.timedelta(days=700_000)
    microsecond = dt.timedelta(microseconds=1)
    for right in (
        dt.timedelta(0),
        microsecond,
        -microsecond,
        dt.timedelta(days=40, hours=25),
        longest,
        -longest,
    ):
        store.set("a", {"lasts": right})
        assert store.get("a") == {"lasts": right}
    for wrong, message in ((longest + microsecond, "at most 700000 days"), (60, "timedelta, not int")):
        with pytest.raises(InvalidField, match=message):
            store.set("a", {"lasts": wrong})


def test_more_than_15_digits_are_kept_by_servers_and_refused_on_sqlite(make_store, url):
    columns = [Column("total", Numeric(30, 2))]
    if database_of(url) == "sqlite":
        with pytest.raises(ConfigurationError, match=r"column 'total' of table .*keeps 15 digits exactly"):
            make_store(schemas=columns)
        return
    store = make_store(schemas=columns)
    for right in (Decimal("1234567890123456789012345678.99"), Decimal("-0.01")):
        store.set("a", {"total": right})
        assert store.get("a") == {"total": right}


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (Numeric(), "say how many digits"),
        (Numeric(12, 2, asdecimal=False), "say how many digits"),
        (Float(asdecimal=True), "declare it Double"),
        (Time(timezone=True), "declare Time without"),
        (Enum(), "an Enum needs its values"),
    ],
    ids=repr,
)
def test_a_type_that_keeps_nothing_exactly_cannot_be_declared(make_store, kind, problem):
    with pytest.raises(ConfigurationError, match=f"column 'field' of table .*{problem}"):
        make_store(schemas=[Column("field", kind)])


def name_of(value: object) -> str:
    return value if isinstance(value, str) else type(value).__name__


REFUSED: list[Any] = [
    ("sqlite", UUID(), "SQLite takes the digits of a UUID for a number; declare it Uuid"),
    ("sqlite", ARRAY(Integer), "ARRAY makes no column on sqlite"),
    *(
        ("postgresql", kind(), f"{kind.__name__} may give a value back in another form")
        for kind in (postgresql.JSONPATH, postgresql.MONEY, postgresql.REGCLASS, postgresql.TSVECTOR)
    ),
    ("mariadb", VARBINARY(), "VARBINARY makes no column on mariadb"),
]
if hasattr(sqlite, "JSONB"):  # since SQLAlchemy 2.1
    REFUSED.append(("sqlite", sqlite.JSONB(), "not every SQLite has JSONB; declare it JSON"))


@pytest.mark.parametrize(("url", "kind", "problem"), REFUSED, indirect=["url"], ids=name_of)
def test_a_type_of_which_a_database_makes_no_exact_column_cannot_be_declared(make_store, kind, problem):
    with pytest.raises(ConfigurationError, match=f"column 'field' of table .*{problem}"):
        make_store(schemas=[Column("field", kind)])


@pytest.mark.parametrize(
    ("url", "kind"), [("postgresql", BLOB()), ("postgresql", Text(9)), ("mariadb", CLOB())], indirect=["url"]
)
def test_a_type_that_a_database_does_not_know_is_a_configuration_error(make_store, kind):
    with pytest.raises(ConfigurationError, match=r"could not be created .*check the types of its columns"):
        make_store(schemas=[Column("field", kind)]).wait_for_sync()


DAY, MOMENT = dt.date(2026, 11, 25), dt.datetime(2026, 11, 25, 8)  # noqa: DTZ001
AWARE = MOMENT.replace(tzinfo=dt.UTC)
NATIVE: list[Any] = [
    ("postgresql", postgresql.MACADDR(), "08:00:2b:01:02:03", ["08-00-2b-01-02-03", "08:00:2B:01:02:03"]),
    ("postgresql", postgresql.INT4RANGE(), Range(1, 5), [(1, 5)]),
    ("postgresql", postgresql.INT4RANGE(), Range(1, 4, bounds="[]"), []),
    ("postgresql", postgresql.NUMRANGE(), Range(Decimal(1), Decimal(5)), [Range(1, 5)]),
    ("postgresql", postgresql.DATERANGE(), Range(DAY), [Range(MOMENT), Range(DAY, MOMENT)]),
    ("postgresql", postgresql.TSRANGE(), Range(MOMENT), [Range(DAY), Range(AWARE)]),
    ("postgresql", postgresql.TSTZRANGE(), Range(AWARE), [Range(MOMENT)]),
    ("postgresql", postgresql.OID(), 2**32 - 1, [2**32, "1"]),
    ("postgresql", postgresql.DOMAIN("ssb_p3", Integer()), 5, ["5", 2**31]),
    ("mariadb", mysql.YEAR(), 2026, [1900, 2156, "2026"]),
    ("mariadb", mysql.BIT(3), 7, [8, -1, True]),
    ("mariadb", mysql.SET("a", "b"), {"a", "b"}, [{"c"}, "a"]),
    ("mariadb", mysql.SET("a", "b"), set(), []),
    ("mariadb", mysql.NVARCHAR(9), "😀", [5]),
]


@pytest.mark.parametrize(("url", "kind", "right", "wrong"), NATIVE, indirect=["url"], ids=name_of)
def test_a_column_of_a_type_that_one_database_has_takes_what_comes_back_equal(
    make_store, url, table_name, kind, right, wrong
):
    store = make_store(schemas=[Column("field", kind)])
    try:
        store.set("a", {"field": right})
        for value in wrong:
            with pytest.raises(InvalidField):
                store.set("a", {"field": value})

        assert store.get("a") == {"field": right}
    finally:
        if isinstance(kind, postgresql.DOMAIN):
            run(url, f"DROP TABLE IF EXISTS {table_name}", "DROP DOMAIN IF EXISTS ssb_p3")


ADDRESSES: list[Any] = [
    (postgresql.INET(), ip_address("10.0.0.1"), ip_interface("10.0.0.1/32")),
    (postgresql.INET(), ip_interface("10.0.0.1/8"), ip_interface("::1/128")),
    (postgresql.CIDR(), ip_network("::/8"), ip_address("::")),
]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("kind", "right", "wrong"), ADDRESSES, ids=name_of)
def test_an_address_is_an_object_with_psycopg_and_its_usual_text_with_another_driver(
    make_store, url, kind, right, wrong
):
    plain, other = (
        (str, lambda value: value)
        if make_url(url).get_driver_name() == "psycopg2"
        else (lambda value: value, str)
    )
    store = make_store(schemas=[Column("field", kind)])
    store.set("a", {"field": plain(right)})
    for value in (other(right), plain(wrong), wrong):
        with pytest.raises(InvalidField):
            store.set("a", {"field": value})

    assert store.get("a") == {"field": plain(right)}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_multirange_is_kept_or_cannot_be_declared(make_store, url):
    columns = [Column("field", postgresql.INT4MULTIRANGE())]
    if make_url(url).get_driver_name() == "psycopg2":
        with pytest.raises(ConfigurationError, match="psycopg2 has no INT4MULTIRANGE; use psycopg"):
            make_store(schemas=columns)
        return
    store = make_store(schemas=columns)
    store.set("a", {"field": [Range(1, 5), Range(7, 9)]})
    for value in (Range(1, 5), [(1, 5)]):
        with pytest.raises(InvalidField):
            store.set("a", {"field": value})

    assert store.get("a") == {"field": [Range(1, 5), Range(7, 9)]}


@pytest.mark.parametrize("kind", [REAL(), Float(24)], ids=repr)
def test_a_float_of_4_bytes_can_be_declared_on_sqlite_only(make_store, url, kind):
    columns: list[Any] = [Column("field", kind)]
    if database_of(url) == "sqlite":
        store = make_store(schemas=columns)
        store.set("a", {"field": 0.1})
        assert store.get("a") == {"field": 0.1}
        return
    with pytest.raises(ConfigurationError, match=r"column 'field' of table .*declare it Double"):
        make_store(schemas=columns)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (mysql.DATETIME(), r"mysql.DATETIME\(fsp=6\)"),
        (mysql.DATETIME(fsp=3), r"mysql.DATETIME\(fsp=6\)"),
        (mysql.TIME(), r"mysql.TIME\(fsp=6\)"),
        (mysql.FLOAT(), "declare it Double"),
    ],
    ids=repr,
)
def test_a_type_of_mariadb_that_cuts_cannot_be_declared_there(url, make_store, kind, problem):
    base: list[Any] = [
        Column("sid", String(64), primary_key=True),
        Column("additional", Text, nullable=False),
    ]
    base += [Column("expire_at", BigInteger), Column("revision", BigInteger, nullable=False)]
    table = Table("own", MetaData(), *base, Column("field", kind))
    if database_of(url) == "mariadb":
        with pytest.raises(ConfigurationError, match=f"column 'field' of table 'own'.*{problem}"):
            make_store(table=table)
    else:
        assert make_store(table=table).fields == ("field",)


def test_an_inexact_type_in_a_mapped_class_is_refused(url, make_store):
    class Base(DeclarativeBase):
        pass

    class Own(SessionMixin, Base):
        __tablename__ = "own"
        total = mapped_column(Numeric)

    with pytest.raises(ConfigurationError, match="column 'total' of table 'own': say how many digits"):
        make_store(table=Own)


def test_deeply_nested_json_is_kept_or_refused_before_sql(make_store):
    """MariaDB's JSON_VALID gives up at 32 levels."""
    store = make_store(schemas=[Column("field", JSON)])
    store.set("a", {"field": 1})
    value: object = 1
    for _ in range(40):
        value = [value]

    try:
        store.set("a", {"field": value})
        expected = value
    except InvalidField:
        expected = 1

    assert store.get("a") == {"field": expected}


@pytest.mark.parametrize(
    "kind", [JSON(), JSON().with_variant(postgresql.JSONB(), "postgresql")], ids=["JSON", "JSONB"]
)
def test_a_number_in_json_comes_back_as_it_was_or_is_refused(make_store, kind):
    """SQLite reads JSON text of digits as a number; JSONB has no exponents, so 1e22 comes back as an int."""
    store = make_store(schemas=[Column("field", kind)])
    for value in (1.0, 1, -0.5, 1e22, 1e-7, 10**17, 2**63, 2**70, [1.0], [1e22], [2**70], {"a": 1e300}):
        store.set("a", {"field": "old"})
        try:
            store.set("a", {"field": value})
            expected: object = value
        except InvalidField:
            expected = "old"
        back = store.get("a")["field"]
        assert (back, repr(back)) == (expected, repr(expected))


def test_an_aware_datetime_that_occurs_twice_comes_back_equal_or_is_refused(make_store):
    """In Python a local time in the hour that occurs twice is unequal to any moment in another zone."""
    store = make_store(schemas="at DateTime(timezone=True)")
    twice = dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    for moment in (twice, twice.replace(fold=1)):
        try:
            store.set("a", {"at": moment})
        except InvalidField:
            continue
        assert store.get("a") == {"at": moment}


def test_a_column_that_is_exact_on_mariadb_already_is_taken_as_it_is(make_store):
    """The store makes a plain `DateTime` exact on MariaDB; an application may choose that type itself."""
    store = make_store(
        schemas=[Column("at", DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"))]
    )
    moment = dt.datetime(2024, 1, 1, 1, 2, 3, 456_789)  # noqa: DTZ001
    store.set("a", {"at": moment})

    assert store.get("a") == {"at": moment}


def test_a_variant_that_the_application_chose_for_a_database_is_kept(make_store, url):
    store = make_store(schemas=[Column("prefs", JSON().with_variant(postgresql.JSONB(), "postgresql"))])
    store.set("a", {"prefs": {"b": 1}})

    assert store.get("a") == {"prefs": {"b": 1}}
    columns = inspect(store.engine).get_columns(store.repo().name)
    [kind] = [type(column["type"]).__name__ for column in columns if column["name"] == "prefs"]
    assert kind == {"sqlite": "JSON", "postgresql": "JSONB", "mariadb": "LONGTEXT"}[database_of(url)]


# -- an application's own types


class Reversed(TypeDecorator):
    impl = String(5)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else value[::-1]

    def process_result_value(self, value, dialect):
        return None if value is None else value[::-1]


class Lower(Reversed):
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else value.lower()[::-1]


def test_a_custom_type_takes_the_values_that_it_gives_back(make_store):
    store = make_store(schemas=[Column("field", Reversed())])
    store.set("a", {"field": "abc"})

    assert store.get("a") == {"field": "abc"}
    assert store.count(field="abc") == 1
    with pytest.raises(InvalidField, match="takes at most 5 characters, this has 6"):
        store.set("a", {"field": "abcdef"})
    with pytest.raises(InvalidField, match="its type Reversed refuses the value"):
        store.set("a", {"field": 5})


def test_a_value_that_a_custom_type_changes_is_refused(make_store):
    store = make_store(schemas=[Column("field", Lower())])
    store.set("a", {"field": "abc"})

    with pytest.raises(InvalidField, match="its type Lower would not give the value back equal"):
        store.set("a", {"field": "Abc"})

    assert store.get("a") == {"field": "abc"}
