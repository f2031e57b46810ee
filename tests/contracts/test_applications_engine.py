"""A store on the application's engine leaves it and its connections as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from applications import application_engine
from sqlalchemy import event

from schema_session_backend import ConstraintViolated, SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import QueuePool

pytestmark = pytest.mark.pgbouncer_too

MANY = {f"m{number}": {"user_id": number} for number in range(600)}


EVERYTHING: dict[str, Callable[[SessionStore], object]] = {
    "get": lambda store: store.get("a"),
    "set": lambda store: store.set("a", {"user_id": 2}),
    "touch": lambda store: store.touch("a"),
    "set_many": lambda store: store.set_many(MANY),
    "get_many": lambda store: store.get_many(["a", "m1"]),
    "find": lambda store: store.find(user_id=2),
    "merge": lambda store: _merge(store, "a"),
    "revoke_where": lambda store: store.revoke_where(user_id=3),
    "rotate": lambda store: store.rotate("nobody", "b"),
    "rotate to a taken id": lambda store: _refused(lambda: store.rotate("a", "m1")),
    "gc": lambda store: store.gc(),
    "destroy": lambda store: store.destroy("m1"),
    "clear": lambda store: store.clear(),
}


def _merge(store: SessionStore, sid: str) -> None:
    mine, theirs = store.load(sid), store.load(sid)
    assert mine is not None
    assert theirs is not None
    store.save(theirs, {"theirs": 1})
    store.save(mine, {"mine": 1})


def _refused(act: Callable[[], object]) -> None:
    with pytest.raises(ConstraintViolated):
        act()


def in_transaction(driver_connection: Any) -> bool:
    """Whether the driver's connection is inside a transaction."""
    if hasattr(driver_connection, "in_transaction"):  # sqlite3
        return driver_connection.in_transaction
    if hasattr(driver_connection, "info") and not callable(driver_connection.info):  # psycopg, psycopg2
        return driver_connection.info.transaction_status != 0
    if hasattr(driver_connection, "server_status"):  # PyMySQL
        return bool(driver_connection.server_status & 1)
    cursor = driver_connection.cursor()  # mysqlclient
    cursor.execute("SELECT @@in_transaction")
    return bool(cursor.fetchone()[0])


@pytest.mark.parametrize(
    "options", [{}, {"isolation_level": "AUTOCOMMIT"}, {"isolation_level": "SERIALIZABLE"}]
)
def test_an_applications_engine_is_shared_and_left_as_it_was(url, make_store, options):
    engine = application_engine(url, pool_size=1, max_overflow=0, **options)
    with engine.connect() as connection:
        level = connection.get_isolation_level()
    make_store(engine, timestamps=True).wait_for_sync()
    returned: list[bool] = []
    event.listen(engine, "reset", lambda connection, *_: returned.append(in_transaction(connection)))

    store = make_store(engine, timestamps=True, gc_interval=None)
    for name, act in EVERYTHING.items():
        act(store)
        with engine.connect() as connection:
            assert connection.get_isolation_level() == level, name
        assert cast("QueuePool", engine.pool).checkedout() == 0, name
    engine.dispose()

    assert len(returned) > 2 * len(EVERYTHING)
    assert store.engine is engine


def test_after_an_operation_the_application_can_still_roll_back(engine, make_store):
    store = make_store(engine, timestamps=True, gc_interval=None)
    store.set("m1", {})
    for name, act in EVERYTHING.items():
        act(store)
        store.set("kept", {"user_id": 1})

        with engine.connect() as connection:
            connection.execute(store.repo().update().values(user_id=1007))
            connection.rollback()
        assert store.count(user_id=1007) == 0, name


def test_an_operation_on_a_shared_pool_leaves_no_transaction_open(engine, make_store):
    store = make_store(engine, timestamps=True, gc_interval=None)
    store.set("m1", {})
    left_open = []

    def checkin(connection, _record) -> None:
        left_open.append(in_transaction(connection))

    event.listen(engine, "checkin", checkin)
    for act in EVERYTHING.values():
        act(store)

    assert len(left_open) >= len(EVERYTHING)
    assert not any(left_open)


def test_a_listener_that_keeps_cursors_leaves_no_lock(make_store):
    """pyramid_debugtoolbar's does, and a cursor that was not read to its end holds a lock on SQLite."""
    store, kept = make_store(), []
    event.listen(store.engine, "after_cursor_execute", lambda *arguments: kept.append(arguments))

    store.set("a", {"user_id": 1})
    assert store.get("a") == {"user_id": 1}
    assert kept
