"""Listeners to SQLAlchemy's events, such as OpenTelemetry, see each statement."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine, event


@pytest.fixture
def seen():
    """The first words of the statements that listeners of `watch` have seen."""
    return []


@pytest.fixture
def watch(seen):
    """Listens to an engine, or to all of them; ends with the test."""
    watched = []

    def before_cursor_execute(_connection, _cursor, statement, *_others):
        seen.append(statement.split()[0])

    def watch(target):
        event.listen(target, "before_cursor_execute", before_cursor_execute)
        watched.append(target)

    yield watch
    for target in watched:
        event.remove(target, "before_cursor_execute", before_cursor_execute)


def use(store):
    store.set("a", {"user_id": 1})
    loaded = store.load("a")
    store.save(loaded, {"user_id": 2})
    store.touch("a")
    store.destroy("a")


USED = ["INSERT", "SELECT", "UPDATE", "UPDATE", "DELETE"]


@pytest.mark.parametrize("own", [True, False], ids=["URL", "engine"])
def test_a_listener_on_the_engine_sees_each_statement(make_store, url, engine, watch, seen, own):
    store = make_store(url if own else engine)
    store.wait_for_sync()
    watch(store.engine)

    use(store)

    assert seen == USED


def test_a_listener_on_all_engines_sees_each_statement(store, watch, seen):
    store.wait_for_sync()
    watch(Engine)

    use(store)

    assert seen == USED


def test_a_listener_costs_no_round_trip(counted, counter, watch):
    store = counted()
    watch(store.engine)
    store.set("a", {})
    for _ in range(10):
        store.get("a")

    with counter.expect(2):
        store.get("a")
        store.set("a", {"user_id": 1})


def test_the_store_calls_create_engine_of_sqlalchemy_which_tools_may_replace(make_store, monkeypatch):
    made = []

    def create_engine_and_tell(*arguments, **options):
        made.append(create_engine(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("sqlalchemy.create_engine", create_engine_and_tell)

    assert make_store().engine is made[0]
