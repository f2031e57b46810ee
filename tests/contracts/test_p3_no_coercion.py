"""P3: a value that does not fit its column is an error that names the field, the same on every database."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
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

from schema_session_backend import ConfigurationError, InvalidField

UTC = dt.UTC


NEW_YORK = dt.timezone(dt.timedelta(hours=-5))


class Role(enum.Enum):
    ADMIN = 1
    GUEST = "guest"


class Level(enum.IntEnum):
    LOW = 1


class Name(str):
    __slots__ = ()


class Number(int):
    pass


class Moment(dt.datetime):
    pass


A_UUID = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


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
        (Level.LOW, "takes int, not Level"),
        (Number(1), "takes int, not Number"),
        ([1], "takes int, not list"),
    ]),
    "BigInteger": (BigInteger(), 1, [
        (2**63, "takes a whole number of 64 bits"),
        (-(2**63) - 1, "takes a whole number of 64 bits"),
        (1e18, "takes int, not float"),
    ]),
    "String": (String(5), "abc", [
        ("abcdef", "takes at most 5 characters, this has 6"),
        ("😀" * 6, "takes at most 5 characters, this has 6"),
        ("abcde ", "takes at most 5 characters, this has 6"),
        ("a\0b", "takes no NUL character"),
        ("\ud800", "takes no lone surrogate"),
        (5, "takes str, not int"),
        (b"abc", "takes str, not bytes"),
        (Name("abc"), "takes str, not Name"),
        (["a"], "takes str, not list"),
    ]),
    "Unicode": (Unicode(2), "é", [
        ("abc", "takes at most 2 characters, this has 3"),
        (b"a", "takes str, not bytes"),
    ]),
    "Text": (Text(), "abc", [
        ("a" * 65_536, "takes at most 65535 bytes of text, this has 65536"),
        ("😀" * 16_384, "takes at most 65535 bytes of text, this has 65536"),
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
        (b"\0" * 65_536, "takes at most 65535 bytes, this has 65536"),
        ("abc", "takes bytes, not str"),
        (bytearray(b"abc"), "takes bytes, not bytearray"),
        (memoryview(b"abc"), "takes bytes, not memoryview"),
        ([1], "takes bytes, not list"),
    ]),
    "LargeBinary of a length": (LargeBinary(4), b"abcd", [
        (b"abcde", "takes at most 4 bytes, this has 5"),
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
        (Name("admin"), "takes one of the Enum's values"),
        ([], "takes one of the Enum's values"),
    ]),
    "Enum of a class": (Enum(Role, name="role", native_enum=False), Role.GUEST, [
        ("GUEST", "takes Role, not str"),
        ("guest", "takes Role, not str"),
        (1, "takes Role, not int"),
        (Level.LOW, "takes Role, not Level"),
    ]),
    "JSON": (JSON(), {"a": [1]}, [
        ((1, 2), "takes JSON values only, without NUL characters"),
        ({1: "a"}, "takes JSON values only, without NUL characters"),
        ({"a": {"b": (1,)}}, "takes JSON values only, without NUL characters"),
        (["a\0b"], "takes JSON values only, without NUL characters"),
        ([float("nan")], "takes JSON values only, without NUL characters"),
        ([b"a"], "takes JSON values only, without NUL characters"),
        ([dt.date(2024, 1, 1)], "takes JSON values only, without NUL characters"),
        ([Level.LOW], "takes JSON values only, without NUL characters"),
        ({"a": "\ud800"}, "takes JSON values only"),
        ([object()], "takes JSON values only"),
        ("a" * 65_534, "takes at most 65535 bytes of JSON"),
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
def test_searching_for_a_value_that_does_not_fit_is_refused_too(make_store, table_name, name):
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


# -- what fits comes back


RIGHT: dict[str, Any] = {
    "SmallInteger": (SmallInteger(), [-(2**15), -1, 0, 1, 2**15 - 1]),
    "Integer": (Integer(), [-(2**31), -1, 0, 1, 2**31 - 1]),
    "BigInteger": (BigInteger(), [-(2**63), -1, 0, 2**53 + 1, 2**63 - 1]),
    "String": (
        String(5),
        ["", "abcde", "😀" * 5, "\U0010ffff", "a   ", "  ", "\u00e9", "e\u0301", "ß", "'\";--", "\\", "%s"],
    ),
    "Text": (Text(), ["", "a" * 65_535, "😀" * 16_383, "line\r\nline\t ", "\x01\x7f\x85\ufeff\ufffe"]),
    "Boolean": (Boolean(), [True, False]),
    "Double": (Double(), [0.0, 0.1, 0.1 + 0.2, -1e300, 1.7976931348623157e308, 2.3e-308, 1e22]),
    "Float": (Float(), [0.1, 1 / 3, 2**53 + 2.0, -1.5e-300]),
    "Float of 53 bits": (Float(53), [0.1, 1 / 3]),
    "Numeric": (
        Numeric(12, 2),
        [Decimal(text) for text in ("0", "-0.01", "9999999999.99", "-9999999999.99", "1E+9", "1.5", "1.500")],
    ),
    "Numeric of whole numbers": (Numeric(15), [Decimal(999_999_999_999_999), Decimal(-1)]),
    "Numeric of 15 digits": (Numeric(15, 4), [Decimal("99999999999.9999"), Decimal("0.0001")]),
    "Date": (Date(), [dt.date(1000, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)]),
    "DateTime": (
        DateTime(),
        [dt.datetime(1000, 1, 1), dt.datetime(2024, 1, 1, 1, 2, 3, 456_789), dt.datetime.max],  # noqa: DTZ001, DTZ901
    ),
    "DateTime with time zone": (
        DateTime(timezone=True),
        [
            dt.datetime(1000, 1, 1, tzinfo=UTC),
            dt.datetime(2024, 1, 1, 1, 2, 3, 456_789, tzinfo=NEW_YORK),
            dt.datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")),
            dt.datetime(1970, 1, 1, tzinfo=UTC) - dt.timedelta(microseconds=1),
            dt.datetime.max.replace(tzinfo=UTC),
        ],
    ),
    "Time": (Time(), [dt.time(), dt.time(1, 2, 3), dt.time(12, 0, 0, 1), dt.time.max]),
    "LargeBinary": (LargeBinary(), [b"", b"\0", bytes(range(256)), b"\xff" * 65_535, b"'\\%s"]),
    "LargeBinary of a length": (LargeBinary(4), [b"", b"\0\0\0\0", b"a   "]),
    "Uuid": (Uuid(), [A_UUID, UUID(int=0), UUID(int=2**128 - 1)]),
    "Uuid as text": (Uuid(as_uuid=False), [str(A_UUID)]),
    "Enum": (Enum("a", "A", "a'b", "é ü", name="words", native_enum=False), ["a", "A", "a'b", "é ü"]),
    "Enum of a class": (Enum(Role, name="role", native_enum=False), list(Role)),
    "Enum of a class by value": (
        Enum(Level, name="level", native_enum=False, values_callable=lambda one: [str(m.value) for m in one]),
        [Level.LOW],
    ),
    "JSON": (
        JSON(),
        [
            {}, [], "", 0, False, True, "text", -0.5, 2**63 - 1, {"a": [1, 2.5, None, "é😀", {"b": {}}]},
            [1, True, 1.0], {"": 1}, {"$tuple": [1]}, "null", "1.0", [1e22, 2**70, 1e-7],
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_value_at_the_edge_comes_back_equal_and_of_the_same_type(make_store, name):
    kind, values = RIGHT[name]
    store = make_store(schemas=[Column("field", kind)])
    store.set_many({str(number): {"field": value} for number, value in enumerate(values)})

    for number, value in enumerate(values):
        store.set("set", {"field": value})
        store.save(store.load("set"), {"field": value, "saved": True})
        for back in (store.get("set")["field"], store.get(str(number))["field"]):
            assert back == value
            assert type(back) is type(value)


def test_a_session_that_did_not_change_is_not_written_whatever_its_types(make_store):
    """What a column gives back is taken for what was put in, although a zone or a zero may differ."""
    columns: list[Any] = [Column(f"f{number}", kind) for number, (kind, _) in enumerate(RIGHT.values())]
    store = make_store(schemas=columns)
    session = {f"f{number}": values[1 % len(values)] for number, (_, values) in enumerate(RIGHT.values())}
    store.set("a", session)
    before = stored_rows(store)

    loaded = store.load("a")
    assert loaded.data == session
    with no_sql(store):
        store.save(loaded, session)
        store.save(loaded, dict(loaded.data))

    assert stored_rows(store) == before


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


def test_texts_are_found_byte_for_byte(make_store):
    store = make_store(schemas="name String(20)")
    names = ["Ann", "ann", "ann ", "Änn", "Ann", "A\u0301nn", "Ánn"]
    store.set_many({str(number): {"name": name} for number, name in enumerate(names)})

    for name in set(names):
        assert [record.data["name"] for record in store.find(name=name)] == [name] * names.count(name)


def test_right_values_of_any_type_are_found(make_store):
    kinds = {name: case for name, case in RIGHT.items() if not isinstance(case[0], JSON)}
    store = make_store(
        schemas=[Column(f"f{number}", kind) for number, (kind, _) in enumerate(kinds.values())]
    )

    for number, (_, values) in enumerate(kinds.values()):
        field = f"f{number}"
        store.clear()
        store.set_many({str(index): {field: value} for index, value in enumerate(values)})
        for value in values:
            assert store.count(**{field: value}) == values.count(value), (field, value)


# -- NOT NULL and defaults


@pytest.mark.parametrize(
    ("session", "problem"),
    [
        ({}, "is NOT NULL and the session has no such key"),
        ({"level": None}, "is NOT NULL and the session has None"),
    ],
    ids=repr,
)
def test_a_column_that_is_not_null_needs_a_value(make_store, table_name, session, problem):
    store = make_store(schemas="level Integer not null")
    store.set("a", {"level": 1})
    loaded = store.load("a")
    before = stored_rows(store)

    for save in (
        lambda: store.set("a", session),
        lambda: store.set_many({"b": {"level": 1}, "a": session}),
        lambda: store.save(loaded, session),
        lambda: store.save(store.blank("c"), session),
    ):
        with no_sql(store), pytest.raises(InvalidField) as caught:
            save()
        assert str(caught.value) == f"column 'level' of table {table_name!r}: {problem}"

    assert stored_rows(store) == before


@pytest.mark.parametrize(
    "default",
    [{"default": 3}, {"default": lambda: 3}, {"default": lambda _context: 3}, {"server_default": "3"}],
    ids=["scalar", "callable", "callable with context", "server"],
)
def test_a_default_serves_a_column_that_is_not_null(make_store, default):
    store = make_store(schemas=[Column("level", Integer, nullable=False, **default)])
    store.set("a", {})

    assert store.get("a") == {"level": 3}
    with pytest.raises(InvalidField, match="is NOT NULL and the session has None"):
        store.set("a", {"level": None})
    with pytest.raises(InvalidField, match="is NOT NULL and the session has no such key"):
        store.save(store.load("a"), {})
    assert store.get("a") == {"level": 3}


def test_a_default_that_never_fits_is_refused_from_the_start(make_store):
    problem = r"column 'level' of table .*: its default does not fit, it takes int, not str"
    with pytest.raises(ConfigurationError, match=problem):
        make_store(schemas=[Column("level", Integer, default="3")])


def test_a_default_that_does_not_fit_is_refused_as_a_value_is(make_store):
    store = make_store(schemas=[Column("level", Integer, default=lambda: "3")])

    with pytest.raises(InvalidField, match=r"column 'level' of table .*takes int, not str"):
        store.set("a", {})


# -- names


@pytest.mark.parametrize("name", ["sid", "additional", "expire_at", "revision", "created_at", "updated_at"])
def test_a_session_key_with_the_name_of_a_base_column_is_refused(store, table_name, name):
    store.set("a", {"cart": [1]})
    before = stored_rows(store)

    for value in (1, None, "x"):
        with no_sql(store), pytest.raises(InvalidField) as caught:
            store.set("a", {"cart": [], name: value})
        assert str(caught.value) == (
            f"column {name!r} of table {table_name!r}: is a base column; the session needs another key"
        )

    assert stored_rows(store) == before


def test_without_timestamps_their_names_are_free(make_store):
    store = make_store()
    store.set("a", {"created_at": "yesterday", "updated_at": None})

    assert store.get("a") == {"created_at": "yesterday", "updated_at": None}


def test_a_renamed_base_column_frees_its_old_name_and_takes_the_new_one(make_store):
    store = make_store(additional_name="rest")
    store.set("a", {"additional": 1})

    assert store.get("a") == {"additional": 1}
    with pytest.raises(InvalidField, match="column 'rest' of table"):
        store.set("a", {"rest": 1})


def test_a_key_that_differs_in_case_from_a_column_is_another_key(store):
    store.set("a", {"User_ID": "free", "SID": 1, "user_id": 5})

    assert store.get("a") == {"User_ID": "free", "SID": 1, "user_id": 5}


@pytest.mark.parametrize("search", ["find", "count", "revoke_where"])
def test_searching_an_unknown_column_names_the_near_one(store, table_name, search):
    store.set("a", {"user_id": 1})

    with pytest.raises(ConfigurationError) as caught:
        getattr(store, search)(userid=1)

    assert (
        str(caught.value) == f"table {table_name!r} has no declared column 'userid': did you mean 'user_id'?"
    )
    assert store.get("a") == {"user_id": 1}


@pytest.mark.parametrize("search", ["find", "count", "revoke_where"])
def test_base_columns_cannot_be_searched_by_name(store, search):
    for name in ("sid", "expire_at", "additional"):
        with pytest.raises(ConfigurationError, match=f"no declared column {name!r}: "):
            getattr(store, search)(**{name: 1})


def test_a_foreign_key_column_without_a_type_of_its_own_is_checked_too(make_store, table_name):
    metadata = MetaData()
    Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    store = make_store(schemas=[Column("user", ForeignKey(f"{table_name}_users.id"))], metadata=metadata)

    with pytest.raises(InvalidField, match="takes int, not str"):
        store.find(user="1")
