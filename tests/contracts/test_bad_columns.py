"""Columns that cannot work are typed errors that say what to do."""

from __future__ import annotations

from typing import Any

import pytest
from applications import own_table
from sqlalchemy import Column, Computed, Identity, Integer, MetaData, Table, Text

from schema_session_backend import ConfigurationError, SessionStore

# What a caller without a type checker can pass.
Unchecked: Any = SessionStore


@pytest.mark.parametrize("name", ["a b", "1a", "a-b", "a.b", "", 'a"b', "a;--", "é!", None], ids=repr)
def test_a_column_name_that_is_no_identifier_is_refused(name):
    with pytest.raises(
        ConfigurationError, match="is no identifier; use a letter or '_' followed by"
    ) as caught:
        SessionStore("sqlite://", schemas=[Column(name, Integer)])

    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    "name", ["sid", "SID", "additional", "expire_at", "Expire_At", "revision", "created_at"]
)
def test_the_name_of_a_base_column_cannot_be_declared_in_upper_or_lower_case(name):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas=[Column(name, Integer)], timestamps=True)

    assert str(caught.value) == (
        f"column {name!r} cannot be declared: the name is that of a base column; choose another"
    )


@pytest.mark.parametrize("second", ["user_id", "USER_ID", "User_Id"])
def test_two_columns_cannot_have_names_that_differ_only_in_case(second):
    for schemas in ([Column("user_id", Integer), Column(second, Text)], f"user_id Integer; {second} Text"):
        with pytest.raises(ConfigurationError) as caught:
            SessionStore("sqlite://", schemas=schemas)
        assert str(caught.value) == (
            f"column {second!r} cannot be declared:"
            " the name is that of another declared column; choose another"
        )


def test_two_base_columns_cannot_have_the_same_name():
    with pytest.raises(ConfigurationError, match="two base columns have the same name"):
        SessionStore("sqlite://", sid_name="Additional")
    with pytest.raises(ConfigurationError, match="two base columns have the same name"):
        SessionStore("sqlite://", sid_name="created_at", timestamps=True)


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (Column("id", Integer, primary_key=True), "the session id is the primary key"),
        (Column("twice", Integer, Computed("1")), "the database makes its values"),
        (Column("number", Integer, Identity()), "the database makes its values"),
        (Column("typeless"), "needs a type, as in Column('typeless', Integer)"),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_column_that_no_session_can_fill_is_refused(column, problem):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas=[column])

    assert f"column {column.name!r}" in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize("key", ["b", "b.c", "A"])
def test_a_column_with_a_key_beside_its_name_is_refused(key):
    """SQLAlchemy's statements name the column by its key, and a session by its name."""
    for options in (
        {"schemas": [Column("a", Integer, key=key)]},
        {"table": own_table(Column("a", Integer, key=key))},
    ):
        with pytest.raises(ConfigurationError) as caught:
            SessionStore("sqlite://", **options)
        assert str(caught.value) == (
            f"column 'a' has the key {key!r}: leave out key=, because sessions have the column's name as key"
        )


@pytest.mark.parametrize(("name", "key"), [("sid", "id"), ("id", "sid"), ("expires", "expire_at")])
def test_a_base_column_with_a_key_beside_its_name_is_refused(name, key):
    base = [
        Column(name, column.type, primary_key=column.primary_key, key=key)
        if column.name in {name, key}
        else column._copy()
        for column in own_table().c
    ]
    with pytest.raises(ConfigurationError, match=f"column '{name}' has the key '{key}': leave out key="):
        SessionStore("sqlite://", table=Table("own", MetaData(), *base))


def test_a_column_that_the_database_computes_may_have_any_key():
    table = own_table(Column("twice", Integer, Computed("1"), key="double"))

    assert SessionStore("sqlite://", table=table).fields == ()


@pytest.mark.parametrize(
    "schemas",
    [[1], ["user_id Integer"], [Integer], [("user_id", Integer)], None, 5, Column("user_id", Integer)],
    ids=repr,
)
def test_schemas_that_are_no_columns_are_refused(schemas):
    with pytest.raises(ConfigurationError, match="schemas takes"):
        SessionStore("sqlite://", schemas=schemas)


def test_a_list_of_texts_is_refused_with_how_to_write_one_text():
    with pytest.raises(ConfigurationError) as caught:
        Unchecked("sqlite://", schemas=["user_id Integer", "device String(50)"])

    assert str(caught.value) == "schemas takes one text with ';' between the columns, not a list of texts"


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("usrs.id", "the MetaData has no table 'usrs' yet; did you mean 'users'?"),
        ("users.uid", "the table 'users' has no column 'uid'"),
    ],
)
def test_a_text_schema_that_references_a_missing_table_or_column_is_refused(target, problem):
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True))
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas=f"owner Integer references {target}", metadata=metadata)

    assert str(caught.value) == f"column 'owner' cannot reference {target}: {problem}"
    assert list(metadata.tables) == ["users"]


def test_a_text_schema_that_references_a_table_needs_its_metadata():
    with pytest.raises(ConfigurationError, match="no table 'users' yet; pass yours as metadata="):
        SessionStore("sqlite://", schemas="owner Integer references users.id")


def test_a_misspelt_text_schema_is_refused_with_its_position():
    """All of its forms are in test_text_form.py."""
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas="user_id Integer index; device Strng(50)")

    assert str(caught.value) == (
        "schemas, position 31: column 'device' has no type 'Strng': did you mean 'String'?"
    )


def test_the_same_column_may_be_declared_for_several_stores():
    columns = [Column("user_id", Integer, index=True)]
    one, other = (SessionStore("sqlite://", schemas=columns, table_name=name) for name in ("one", "other"))

    assert one.fields == other.fields == ("user_id",)
    assert columns[0].table is None
