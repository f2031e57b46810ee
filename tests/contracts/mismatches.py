"""How a table that differs is reported, and what becomes of it when the statements of the report are run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, inspect
from values import database_of

from schema_session_backend import SchemaMismatch

if TYPE_CHECKING:
    from schema_session_backend import SessionStore

BY_HAND = "change it by hand, because "


def run(url: str, *statements: str) -> None:
    """Run statements as an operator does."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    finally:
        engine.dispose()


def mismatch(store: SessionStore) -> SchemaMismatch:
    """The error at the start, whose text says all that its attributes hold."""
    with pytest.raises(SchemaMismatch) as caught:
        store.wait_for_sync()
    error = caught.value
    assert error.table == store.repo().fullname
    assert 'docs/howto/mismatch.md ("When the table differs")' in str(error)
    for said in (*error.differences, *error.ddl):
        assert said in str(error)
    assert ("running these statements is enough, and loses nothing" in str(error)) is bool(error.ddl)
    return error


def undecided(store: SessionStore, task: str) -> SchemaMismatch:
    """The error at the start, which has no statements but a task for the operator."""
    error = mismatch(store)
    assert error.ddl == ()
    assert task in str(error)
    return error


def mend(store: SessionStore, url: str, session: dict[str, Any]) -> None:
    """Run what the error says is enough: the store starts, keeps what was there, and works."""
    error = mismatch(store)
    assert error.ddl
    rows, indexes = _rows(url, error.table), _indexes(url, error.table)
    run(url, *error.ddl)
    store.wait_for_sync()
    for row in rows:
        # A row as it is now, when the table may have more columns.
        assert any(row.items() <= now.items() for now in _rows(url, error.table))
    assert indexes <= _indexes(url, error.table)
    store.set("mended", session)
    assert store.get("mended") == session


def mend_or_by_hand(store: SessionStore, url: str, session: dict[str, Any]) -> None:
    """The same for what SQLite, which changes no column, leaves to the operator."""
    if database_of(url) == "sqlite":
        undecided(store, f"{BY_HAND}SQLite changes no column of a table that is there")
    else:
        mend(store, url, session)


def columns_of(url: str, table: str) -> dict[str, Any]:
    """The columns that the table has, as SQLAlchemy finds them."""
    return {column["name"]: column for column in _inspected(url, lambda there: there.get_columns(table))}


def _rows(url: str, table: str) -> list[dict[str, Any]]:
    engine = create_engine(url)
    try:
        if not inspect(engine).has_table(table):
            return []
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()
            return [dict(row) for row in rows]
    finally:
        engine.dispose()


def _indexes(url: str, table: str) -> set[tuple[Any, ...]]:
    def found(there: Any) -> set[tuple[Any, ...]]:
        if not there.has_table(table):
            return set()
        return {(index["name"], *index["column_names"]) for index in there.get_indexes(table)}

    indexes: set[tuple[Any, ...]] = _inspected(url, found)
    return indexes


def _inspected(url: str, ask: Any) -> Any:
    engine = create_engine(url)
    try:
        return ask(inspect(engine))
    finally:
        engine.dispose()
