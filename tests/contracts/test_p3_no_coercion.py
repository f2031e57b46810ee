"""P3: a value that does not fit its column is an error that names the field, the same on every database."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any

import pytest
from kinds import A_UUID, NEW_YORK, UTC, Level, Point, Role
from sqlalchemy import (
    JSON,
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
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    Unicode,
    Uuid,
)
from values import database_of, no_sql, stored_rows

from schema_session_backend import InvalidField


class Name(str):
    __slots__ = ()


class Large(enum.IntEnum):
    MUCH = 2**40


class Moment(dt.datetime):
    pass


# A type's name, the type, a value that fits, and those that do not, each with the error's text.
MATRIX: dict[str, Any] = {
    "SmallInteger": (SmallInteger(), 1, [
        (2**15, "takes a whole number of 16 bits"),
        (-(2**15) - 1, "takes a whole number of 16 bits"),
        (1.0, "takes int, not float"),
        ("1", "takes int, not str"),
        (True, "takes int, not bool"),
    ]),
    "Integer": (Integer(), 1, [
        (2**31, "takes a whole number of 32 bits"),
        (-(2**31) - 1, "takes a whole number of 32 bits"),
        (2**70, "takes a whole number of 32 bits"),
        (1.0, "takes int, not float"),
        (1.5, "takes int, not float"),
        ("1", "takes int, not str"),
        ("", "takes int, not str"),
        (b"1", "takes int, not bytes"),
        (True, "takes int, not bool"),
        (Decimal(1), "takes int, not Decimal"),
        (Large.MUCH, "takes a whole number of 32 bits"),
        ([1], "takes int, not list"),
    ]),
    "BigInteger": (BigInteger(), 1, [
        (2**63, "takes a whole number of 64 bits"),
        (-(2**63) - 1, "takes a whole number of 64 bits"),
        (1e18, "takes int, not float"),
    ]),
    "String": (String(5), "abc", [
        ("abcdef", "takes at most 5 characters, this has 6; shorten it or widen the column"),
        ("😀" * 6, "takes at most 5 characters, this has 6; shorten it or widen the column"),
        ("abcde ", "takes at most 5 characters, this has 6; shorten it or widen the column"),
        ("a\0b", "takes no NUL character"),
        ("\ud800", "takes no lone surrogate"),
        (5, "takes str, not int"),
        (b"abc", "takes str, not bytes"),
        (Name("abcdef"), "takes at most 5 characters, this has 6; shorten it or widen the column"),
        (Level.LOW, "takes str, not int"),
        (["a"], "takes str, not list"),
    ]),
    "Unicode": (Unicode(2), "é", [
        ("abc", "takes at most 2 characters, this has 3; shorten it or widen the column"),
        (b"a", "takes str, not bytes"),
    ]),
    "Text": (Text(), "abc", [
        ("a" * 65_536, "takes at most 65535 bytes of text, this has 65536; shorten it"),
        ("😀" * 16_384, "takes at most 65535 bytes of text, this has 65536; shorten it"),
        ("a\0b", "takes no NUL character"),
        ("\udfff", "takes no lone surrogate"),
        (1, "takes str, not int"),
    ]),
    "Boolean": (Boolean(), True, [
        (1, "takes bool, not int"),
        (0, "takes bool, not int"),
        ("true", "takes bool, not str"),
        ("", "takes bool, not str"),
        (1.0, "takes bool, not float"),
    ]),
    "Double": (Double(), 1.5, [
        (1, "takes float, not int"),
        (True, "takes float, not bool"),
        ("1.5", "takes float, not str"),
        (Decimal("1.5"), "takes float, not Decimal"),
        (float("nan"), "takes no NaN and no infinity"),
        (float("inf"), "takes no NaN and no infinity"),
        (float("-inf"), "takes no NaN and no infinity"),
    ]),
    "Float": (Float(), 1.5, [
        (1, "takes float, not int"),
        (float("nan"), "takes no NaN and no infinity"),
    ]),
    "Numeric": (Numeric(12, 2), Decimal("1.50"), [
        (Decimal("1.005"), "takes 10 digits before the point and 2 after it"),
        (Decimal("10000000000.00"), "takes 10 digits before the point and 2 after it"),
        (Decimal("1E+10"), "takes 10 digits before the point and 2 after it"),
        (Decimal("1E-3"), "takes 10 digits before the point and 2 after it"),
        (Decimal("1E-999999"), "takes 10 digits before the point and 2 after it"),
        (Decimal("NaN"), "takes no NaN and no infinity"),
        (Decimal("sNaN"), "takes no NaN and no infinity"),
        (Decimal("Infinity"), "takes no NaN and no infinity"),
        (1.5, "takes Decimal, not float"),
        (1, "takes Decimal, not int"),
        ("1.50", "takes Decimal, not str"),
    ]),
    "Date": (Date(), dt.date(2024, 2, 29), [
        (dt.datetime(2024, 2, 29), "takes date, not datetime"),  # noqa: DTZ001
        (dt.date(999, 12, 31), "takes the years 1000 to 9999"),
        ("2024-02-29", "takes date, not str"),
        (0, "takes date, not int"),
    ]),
    "DateTime": (DateTime(), dt.datetime(2024, 2, 29, 12, 30), [  # noqa: DTZ001
        (dt.datetime(2024, 2, 29, tzinfo=UTC), "takes a datetime without a time zone"),
        (dt.datetime(999, 12, 31), "takes the years 1000 to 9999"),  # noqa: DTZ001
        (dt.date(2024, 2, 29), "takes datetime, not date"),
        ("2024-02-29 12:30:00", "takes datetime, not str"),
        (Moment(2024, 2, 29), "takes datetime, not Moment"),
        (1709210000.0, "takes datetime, not float"),
    ]),
    "DateTime with time zone": (DateTime(timezone=True), dt.datetime(2024, 2, 29, 12, 30, tzinfo=UTC), [
        (dt.datetime(2024, 2, 29), "takes a datetime with a time zone"),  # noqa: DTZ001
        (dt.datetime(999, 12, 31, tzinfo=UTC), "takes the years 1000 to 9999"),
        (dt.datetime(9999, 12, 31, 23, tzinfo=NEW_YORK), "takes the years 1000 to 9999"),
        (dt.date(2024, 2, 29), "takes datetime, not date"),
    ]),
    "Time": (Time(), dt.time(12, 30), [
        (dt.time(12, 30, tzinfo=UTC), "takes a time without a time zone"),
        (dt.timedelta(hours=12), "takes time, not timedelta"),
        (dt.datetime(2024, 2, 29), "takes time, not datetime"),  # noqa: DTZ001
        ("12:30", "takes time, not str"),
    ]),
    "LargeBinary": (LargeBinary(), b"abc", [
        (b"\0" * 65_536, "takes at most 65535 bytes, this has 65536; shorten it"),
        ("abc", "takes bytes, not str"),
        (bytearray(b"abc"), "takes bytes, not bytearray"),
        (memoryview(b"abc"), "takes bytes, not memoryview"),
        ([1], "takes bytes, not list"),
    ]),
    "LargeBinary of a length": (LargeBinary(4), b"abcd", [
        (b"abcde", "takes at most 4 bytes, this has 5; shorten it"),
    ]),
    "Uuid": (Uuid(), A_UUID, [
        (str(A_UUID), "takes UUID, not str"),
        (A_UUID.bytes, "takes UUID, not bytes"),
        (A_UUID.int, "takes UUID, not int"),
    ]),
    "Uuid as text": (Uuid(as_uuid=False), str(A_UUID), [
        (A_UUID, "takes UUID as str, not UUID"),
        ("no uuid", "takes a UUID in its usual lower-case form"),
    ]),
    "Enum": (Enum("admin", "guest", name="role", native_enum=False), "admin", [
        ("root", "takes one of the Enum's values"),
        ("Admin", "takes one of the Enum's values"),
        ("admin ", "takes one of the Enum's values"),
        ("", "takes one of the Enum's values"),
        (1, "takes one of the Enum's values"),
        (Name("root"), "takes one of the Enum's values"),
        ([], "takes one of the Enum's values"),
    ]),
    "Enum of a class": (Enum(Role, name="role", native_enum=False), Role.GUEST, [
        ("GUEST", "takes Role, not str"),
        ("guest", "takes Role, not str"),
        (1, "takes Role, not int"),
        (Level.LOW, "takes Role, not int"),
    ]),
    "JSON": (JSON(), {"a": [1]}, [
        ((1, 2), "takes JSON values only, without NUL characters"),
        ({1: "a"}, "takes JSON values only, without NUL characters"),
        ({"a": {"b": (1,)}}, "takes JSON values only, without NUL characters"),
        (["a\0b"], "takes JSON values only, without NUL characters"),
        ([float("nan")], "takes JSON values only, without NUL characters"),
        ([b"a"], "takes JSON values only, without NUL characters"),
        ([dt.date(2024, 1, 1)], "takes JSON values only, without NUL characters"),
        ([Point(1, 2)], "takes JSON values only, without NUL characters"),
        ({"a": "\ud800"}, "takes JSON values only"),
        ([object()], "takes JSON values only"),
        ("a" * 65_534, "takes at most 65535 bytes of JSON; store less"),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRIX)
def test_a_value_that_does_not_fit_is_refused_with_the_same_words_everywhere(make_store, table_name, name):
    kind, right, wrongs = MATRIX[name]
    store = make_store(schemas=[Column("field", kind)])
    store.set("a", {"field": right, "cart": [1]})
    before = stored_rows(store)

    for wrong, message in wrongs:
        with no_sql(store), pytest.raises(InvalidField) as caught:
            store.set("a", {"field": wrong, "cart": []})
        assert str(caught.value) == f"column 'field' of table {table_name!r}: {message}"
        assert (caught.value.field, caught.value.table) == ("field", table_name)

    assert stored_rows(store) == before
    assert store.get("a") == {"field": right, "cart": [1]}


SEARCH_OF_JSON = (
    "is JSON, in which a keyword cannot search; write a condition such as"
    " store.repo().c.field['key'].as_string() == 'value'"
)


@pytest.mark.parametrize("name", MATRIX)
def test_searching_for_a_value_that_does_not_fit_is_refused(make_store, table_name, name):
    kind, right, wrongs = MATRIX[name]
    store = make_store(schemas=[Column("field", kind)])
    store.set("a", {"field": right})

    if name == "JSON":
        wrongs = [(right, SEARCH_OF_JSON)]
    for wrong, message in wrongs:
        for search in (
            store.find,
            store.count,
            store.revoke_where,
            lambda **one: store.keep_newest(0, **one),
        ):
            with no_sql(store), pytest.raises(InvalidField) as caught:
                search(field=wrong)
            assert str(caught.value) == f"column 'field' of table {table_name!r}: {message}"

    assert store.get("a") == {"field": right}


def test_save_and_set_many_refuse_as_set_does(store):
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 2}})
    loaded = store.load("a")
    before = stored_rows(store)

    with no_sql(store):
        with pytest.raises(InvalidField):
            store.save(loaded, {"user_id": "1"})
        with pytest.raises(InvalidField):
            store.save(store.blank("c"), {"user_id": "1"})
        with pytest.raises(InvalidField):
            store.set_many({"a": {"user_id": 7}, "d": {"user_id": 8}, "b": {"user_id": "2"}})

    assert stored_rows(store) == before


def test_the_error_never_quotes_the_value(store):
    for wrong in ("hunter2", ["hunter2"], {"hunter2": 1}, b"hunter2"):
        with pytest.raises(InvalidField) as caught:
            store.set("a", {"user_id": wrong})
        assert "hunter2" not in repr(caught.value)
        assert caught.value.__context__ is None


def test_a_native_enum_takes_its_values_only(make_store, table_name, url):
    store = make_store(schemas=[Column("role", Enum(Role, name=f"{table_name}_role"))])
    try:
        store.set("a", {"role": Role.GUEST})
        with pytest.raises(InvalidField, match="takes Role, not str"):
            store.set("a", {"role": "GUEST"})
        assert store.get("a") == {"role": Role.GUEST}
        assert store.count(role=Role.GUEST) == 1
        assert store.count(role=Role.ADMIN) == 0
    finally:
        if database_of(url) == "postgresql":
            with store.engine.begin() as connection:
                connection.exec_driver_sql(f"DROP TABLE {table_name}")
                connection.exec_driver_sql(f"DROP TYPE {table_name}_role")


def test_a_foreign_key_column_without_a_type_of_its_own_takes_only_values_of_the_referenced_type(
    make_store, table_name
):
    metadata = MetaData()
    Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    store = make_store(schemas=[Column("user", ForeignKey(f"{table_name}_users.id"))], metadata=metadata)

    with pytest.raises(InvalidField, match="takes int, not str"):
        store.find(user="1")
