"""P3: a column that is NOT NULL takes a value or has a default that fits."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer
from values import no_sql, stored_rows

from schema_session_backend import ConfigurationError, InvalidField


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


def test_a_callable_default_that_does_not_fit_is_refused_when_it_is_used(make_store):
    store = make_store(schemas=[Column("level", Integer, default=lambda: "3")])

    with pytest.raises(InvalidField, match=r"column 'level' of table .*takes int, not str"):
        store.set("a", {})
