"""The text form of `schemas`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, DateTime, Enum, Integer, String, Text

from schema_session_backend import ConfigurationError
from schema_session_backend._table import text_form
from schema_session_backend._table.text_form import TYPES


def parse(text: str) -> list[Any]:
    return list(text_form.parse(text))


def test_a_column_is_a_name_a_type_and_words():
    user_id, device, ip = parse("user_id Integer index; device String(50); ip String(45) not null")

    assert (user_id.name, type(user_id.type), user_id.index, user_id.nullable) == (
        "user_id",
        Integer,
        True,
        True,
    )
    assert (device.name, type(device.type), device.type.length) == ("device", String, 50)
    assert (ip.name, ip.type.length, ip.nullable) == ("ip", 45, False)


@pytest.mark.parametrize("text", ["", "  ", ";", " ; ;\n"])
def test_nothing_declares_nothing(text):
    assert parse(text) == []


@pytest.mark.parametrize(
    "text",
    ["a Integer;b Text", " a  Integer ;\n b\tText ; ", "a Integer\n;\nb Text", "a Integer;;b Text;"],
)
def test_blanks_lines_and_surplus_semicolons_do_not_matter(text):
    assert [(column.name, type(column.type)) for column in parse(text)] == [("a", Integer), ("b", Text)]


def test_arguments_are_those_of_the_type():
    total, at, role, name = parse(
        "total Numeric(12, 2); at DateTime(timezone=True); role Enum('a;b', \"c)\", native_enum=False);"
        " name String(length=5)"
    )

    assert (total.type.precision, total.type.scale) == (12, 2)
    assert type(at.type) is DateTime
    assert at.type.timezone is True
    assert type(role.type) is Enum
    assert role.type.enums == ["a;b", "c)"]
    assert name.type.length == 5


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("3", 3), ("-3", -3), ("1.5", 1.5), ("true", True), ("False", False), ("'a b;c'", "a b;c"),
        ('"it\'s"', "it's"), ("''", ""),
    ],
)  # fmt: skip
def test_a_default_is_a_literal(literal, value):
    [column] = parse(f"a Text default {literal} index")

    assert column.default.arg == value
    assert type(column.default.arg) is type(value)
    assert column.index is True


def test_words_come_in_any_order_and_case():
    [column] = parse("a Boolean NOT   NULL Unique INDEX Default true")

    assert type(column.type) is Boolean
    assert (column.nullable, column.unique, column.index, column.default.arg) == (False, True, True, True)


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_known_by_its_name(name):
    arguments = {"Enum": "('a')", "Numeric": "(9, 2)"}.get(name, "")

    [column] = parse(f"a {name}{arguments}")

    assert type(column.type) is TYPES[name]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("a Numeric(12, 2) default 0", Decimal(0)),
        ("a Numeric(12, 2) default 1.10", Decimal("1.10")),
        ("a Double default 1", 1.0),
        ("a Float default 0.5", 0.5),
    ],
)
def test_a_numeric_default_becomes_a_value_of_the_columns_type(column, value):
    [parsed] = parse(column)

    assert (parsed.default.arg, type(parsed.default.arg)) == (value, type(value))


WORDS = "known: default, from, index, not null, references, unique"
NEXT = "if it is the next column, write ';' before it"
SEPARATED = "columns are separated by ';'"
REFERENCE = "'references' needs table.column after it, as in users.id"
NULLABLE = "leave it out, because a column may be NULL unless it is 'not null'"
LITERAL = "'default' needs a number, true, false or a quoted text after it"
NAME = "a column starts with its name, a letter or '_' followed by letters, digits or '_'"


MISTAKES = [
    ("user_id Integr index", 9, "column 'user_id' has no type 'Integr': did you mean 'Integer'?"),
    ("user_id integer", 9, "column 'user_id' has no type 'integer': did you mean 'Integer'?"),
    ("user_id Strng(50)", 9, "column 'user_id' has no type 'Strng': did you mean 'String'?"),
    ("user_id", 8, "column 'user_id' needs a type, as in 'user_id Integer'"),
    ("user_id ;", 9, "column 'user_id' needs a type, as in 'user_id Integer'"),
    ("user-id Integer", 5, "column 'user' needs a type, as in 'user Integer'"),
    ("user_id Integer indx", 17, "column 'user_id' cannot be 'indx': did you mean 'index'?"),
    ("user_id Integer uniqe", 17, "column 'user_id' cannot be 'uniqe': did you mean 'unique'?"),
    ("user_id Integer not", 17, "column 'user_id' cannot be 'not': "),
    ("user_id Integer notnull", 17, "column 'user_id' cannot be 'notnull': did you mean 'not null'?"),
    ("a Integer, b Integer", 10, f"column 'a' cannot be ',': {SEPARATED}"),
    ("a Integer index,b Integer", 16, f"column 'a' cannot be ',': {SEPARATED}"),
    ("a Integer default 5, b Integer", 20, f"column 'a' cannot be ',': {SEPARATED}"),
    (
        "a Integer\nb Integer",
        11,
        f"column 'a' cannot be 'b': {NEXT}",
    ),
    ("a Integer b int", 11, f"column 'a' cannot be 'b': {NEXT}"),
    ("a Integer null", 11, f"column 'a' cannot be 'null': {NULLABLE}"),
    ("a Integer nullable", 11, f"column 'a' cannot be 'nullable': {NULLABLE}"),
    ("a Integer primary key", 11, "column 'a' cannot be 'primary': the session id is the primary key"),
    ("a Integer required", 11, "column 'a' cannot be 'required': did you mean 'not null'?"),
    ("a Integer foreign key", 11, "column 'a' cannot be 'foreign': did you mean 'references'?"),
    ("a Integer references", 21, f"column 'a': {REFERENCE}"),
    ("a Integer references users", 22, f"column 'a': {REFERENCE}"),
    ("a Integer references users(id)", 22, f"column 'a': {REFERENCE}"),
    ("a Integer references b.c.d.e", 22, f"column 'a': {REFERENCE}"),
    ("a Integer references users.id on delete cascade", 31, "column 'a' cannot be 'on': ON DELETE needs"),
    ("a Integer xyz", 11, f"column 'a' cannot be 'xyz': {WORDS}"),
    ("a Integer; b Integer; 1c Integer", 23, NAME),
    ("'a' Integer", 1, NAME),
    ("é Integer", 1, NAME),
    ("  = Integer", 3, NAME),
    ("a String(50", 9, "column 'a': the parenthesis of String is not closed"),
    ("a String(50; b Integer", 9, "column 'a': the parenthesis of String is not closed"),
    ("a Enum('x)", 7, "column 'a': the parenthesis of Enum is not closed"),
    ("a String(x)", 3, "column 'a': String does not take the arguments (x)"),
    ("a String(long=5)", 3, "column 'a': String does not take the arguments (long=5)"),
    ("a String(5,,)", 3, "column 'a': String does not take the arguments (5,,)"),
    ("a Integer(5)", 3, "column 'a': Integer does not take the arguments (5)"),
    ("a String('x')", 3, "column 'a': String does not take the arguments ('x')"),
    ("a String(-5)", 3, "column 'a': String does not take the arguments (-5)"),
    ("a String(2.5)", 3, "column 'a': String does not take the arguments (2.5)"),
    ("a Numeric('x', 2)", 3, "column 'a': Numeric does not take the arguments ('x', 2)"),
    ("a String (50)", 10, f"column 'a' cannot be '(50)': {WORDS}"),
    ("a Integer default", 18, f"column 'a': {LITERAL}"),
    ("a Integer default;", 18, f"column 'a': {LITERAL}"),
    ("a Integer default now()", 19, f"column 'a': {LITERAL}"),
    ("a Integer default None", 19, f"column 'a': {LITERAL}"),
    ("a Text default 'open", 16, f"column 'a': {LITERAL}"),
    ("a JSON default [1]", 16, f"column 'a': {LITERAL}"),
    ("a JSON default {[]}", 16, f"column 'a': {LITERAL}"),
    ("a Integer default 0x10", 19, f"column 'a': {LITERAL}"),
    ("a Integer default 1if", 19, f"column 'a': {LITERAL}"),
]


ODD_MISTAKES = {
    "a lone surrogate": ("a Text default '\ud800'", 16, f"column 'a': {LITERAL}"),
    "a lone surrogate in an Enum": ("a Enum('\ud800')", 3, "column 'a': Enum does not take the arguments"),
    "5,000 signs": ("a Integer default " + "-" * 5_000 + "1", 19, f"column 'a': {LITERAL}"),
    "a long sum": ("a Integer default " + "1+" * 50_000 + "1", 19, f"column 'a': {LITERAL}"),
    "5,000 digits": ("a Integer default " + "9" * 5_000, 19, f"column 'a': {LITERAL}"),
    "5,000 signs in an Enum": ("a Enum(" + "-" * 5_000 + "1)", 3, "column 'a': Enum does not take the"),
    "100,000 signs in an Enum": ("a Enum(" + "-" * 100_000 + "1)", 3, "column 'a': Enum does not take the"),
}


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [*MISTAKES, *(pytest.param(*mistake, id=name) for name, mistake in ODD_MISTAKES.items())],
)
def test_a_mistake_is_reported_with_its_position(text, position, problem):
    with pytest.raises(ConfigurationError) as caught:
        parse(text)

    assert str(caught.value).startswith(f"schemas, position {position}: {problem}")
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("kinds", "meant"),
    [
        ("int INT integer INTEGER serial", "Integer"), ("bigint BIGINT int8 Bigint", "BigInteger"),
        ("smallint tinyint", "SmallInteger"), ("bool boolean", "Boolean"), ("double float8", "Double"),
        ("varchar(50) VARCHAR(50) varchar char(2) str string", "String"), ("text longtext", "Text"),
        ("datetime DATETIME timestamp", "DateTime"), ("timestamptz", "DateTime(timezone=True)"),
        ("json jsonb dict", "JSON"), ("uuid UUID guid", "Uuid"), ("decimal(12,2) numeric", "Numeric"),
        ("float real", "Float"), ("blob bytea bytes", "LargeBinary"), ("timedelta", "Interval"),
    ],
)  # fmt: skip
def test_the_name_of_a_type_in_sql_or_python_is_refused_with_its_name_in_sqlalchemy(kinds, meant):
    for kind in kinds.split():
        name = kind.partition("(")[0]
        with pytest.raises(ConfigurationError) as caught:
            parse(f"a {kind}")
        assert str(caught.value).endswith(f"column 'a' has no type {name!r}: did you mean {meant!r}?")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("a Integer references users.id", "users.id"),
        ("a Integer REFERENCES users.id not null", "users.id"),
        ("a Integer index references app.users.id; b Text", "app.users.id"),
    ],
)
def test_a_column_can_reference_a_column_of_another_table(text, target):
    [key] = parse(text)[0].foreign_keys

    assert key.target_fullname == target


PIECES = st.sampled_from([
    *TYPES, "a", "b_1", "index", "unique", "not null", "not", "default", "references", "b.c", " ", "  ", "\n",
    ";", ",", "(", ")",
    "(50)", "(12, 2)", "'x'", "'", '"', "=", "5", "-1", "true", "é", "\0", "\\", "[", "{", "*", "#", "\ud800",
])  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(text=st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20))
def test_any_text_is_understood_or_refused_with_a_position_inside_it(text):
    try:
        columns = parse(text)
    except ConfigurationError as error:
        position = int(str(error).removeprefix("schemas, position ").partition(":")[0])
        assert 1 <= position <= len(text) + 1
    else:
        assert all(column.name for column in columns)


def test_no_text_is_run():
    for text in ("a String(__import__('os').getpid())", "a Integer default __import__('os').getpid()"):
        with pytest.raises(ConfigurationError):
            parse(text)
