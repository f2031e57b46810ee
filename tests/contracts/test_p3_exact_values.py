"""P3: a value that fits its column comes back equal, is found, and counts as unchanged."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from kinds import A_UUID, NEW_YORK, UTC, Level, Role
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
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    Time,
    Uuid,
)
from values import no_sql, stored_rows

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
