"""A table of the application's own that cannot work is a typed error that says what to do."""

from __future__ import annotations

import pytest
from applications import own_table
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapped

from schema_session_backend import ConfigurationError, SessionMixin, SessionStore


def test_table_brings_its_own_columns_name_and_metadata():
    for option in ({"schemas": "a Integer"}, {"table_name": "other"}, {"metadata": MetaData()}):
        with pytest.raises(ConfigurationError, match="leave out schemas, table_name and metadata"):
            SessionStore("sqlite://", table=own_table(), **option)


@pytest.mark.parametrize("given", [1, "own", object, SessionStore], ids=repr)
def test_table_is_a_table_or_a_mapped_class(given):
    with pytest.raises(
        ConfigurationError,
        match=r"table= takes a Table or a mapped class, not .*; the name of a table is table_name=",
    ):
        SessionStore("sqlite://", table=given)


@pytest.mark.parametrize("lacking", ["sid", "additional", "expire_at", "revision"])
def test_a_table_that_lacks_a_base_column_is_refused(lacking):
    columns = [column._copy() for column in own_table().c if column.name != lacking]
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", table=Table("own", MetaData(), *columns))

    assert str(caught.value) == f"table 'own' lacks the column {lacking!r}: use SessionMixin"


def test_a_table_without_timestamp_columns_is_refused_with_timestamps():
    with pytest.raises(ConfigurationError, match="table 'own' lacks the column 'created_at'"):
        SessionStore("sqlite://", table=own_table(), timestamps=True)


@pytest.mark.parametrize("primary", [["id"], ["sid", "id"], []], ids=repr)
def test_a_table_whose_primary_key_is_not_the_sid_alone_is_refused(primary):
    table = own_table(
        Column("id", Integer, primary_key="id" in primary), primary="sid" if "sid" in primary else ""
    )
    with pytest.raises(ConfigurationError, match="the primary key has to be the column 'sid' alone"):
        SessionStore("sqlite://", table=table)


def test_a_table_that_the_metadata_has_already_is_refused():
    metadata = MetaData()
    Table("sessions", metadata, Column("id", Integer, primary_key=True))
    with pytest.raises(
        ConfigurationError, match="the MetaData has a table 'sessions' already: pass it as table="
    ):
        SessionStore("sqlite://", metadata=metadata)


def test_a_foreign_key_to_an_undeclared_table_is_an_error_at_the_first_use(make_store, table_name):
    store = make_store(schemas=[Column("user_id", Integer, ForeignKey("nowhere.id"))])
    with pytest.raises(
        ConfigurationError, match=f"table {table_name!r} cannot be created on .*pass yours as metadata="
    ):
        store.wait_for_sync()


def test_a_mapped_class_with_the_mixin_works(make_store, table_name):
    class Base(DeclarativeBase):
        pass

    class Own(SessionMixin, Base):
        __tablename__ = table_name
        user_id: Mapped[int | None]

    store = make_store(table=Own)
    store.set("a", {"user_id": 1, "cart": [1]})

    assert store.get("a") == {"user_id": 1, "cart": [1]}
