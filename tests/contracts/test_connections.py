"""The operations in the caller's transaction, and on the application's engine."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from applications import application_engine, users_and_sessions
from sqlalchemy import Column, Integer, String, Table, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from values import database_of, stored_rows

from schema_session_backend import (
    ConstraintViolated,
    Outcome,
    SessionStore,
    StatementFailed,
    StoreUnavailable,
    TimestampedSessionMixin,
    WrongArgument,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, QueuePool

    Joined = Connection | Session


# -- in the caller's transaction


MANY = {f"m{number}": {"user_id": number} for number in range(600)}


WRITES: dict[str, Callable[[Any, Joined], object]] = {
    "set": lambda store, own: store.within(own).set("new", {"user_id": 9}),
    "set, replacing": lambda store, own: store.within(own).set("a", {"user_id": 9}),
    "touch": lambda store, own: store.within(own).touch("a", 10**7),
    "destroy": lambda store, own: store.within(own).destroy("a"),
    "rotate": lambda store, own: store.within(own).rotate("a", "z"),
    "save": lambda store, own: store.within(own).save(store.within(own).load("a"), {"user_id": 9}),
    "save, touching": lambda store, own: store.within(own).save(
        store.within(own).load("a"), {"user_id": 1}, 10**7
    ),
    "save, blank": lambda store, own: store.within(own).save(store.blank("new"), {"user_id": 9}),
    "set_many": lambda store, own: store.within(own).set_many(MANY),
    "revoke": lambda store, own: store.within(own).revoke(store.handle("a")),
    "revoke_where": lambda store, own: store.within(own).revoke_where(user_id=1, keep="a"),
    "keep_newest": lambda store, own: store.within(own).keep_newest(1, user_id=1),
    "clear": lambda store, own: store.within(own).clear(),
}


@pytest.mark.parametrize(
    "given",
    [
        lambda store: store.engine,
        lambda store: sessionmaker(store.engine),
        lambda store: str(store.engine.url),
        lambda store: Session,
        lambda store: store,
        lambda store: None,
    ],
    ids=["Engine", "sessionmaker", "URL", "class", "store", "None"],
)
def test_within_takes_a_connection_or_a_session(store, given):
    with pytest.raises(WrongArgument, match="within takes an SQLAlchemy Connection or ORM Session"):
        store.within(given(store))


def test_within_takes_a_scoped_session(store):
    sessions = scoped_session(sessionmaker(store.engine))
    store.wait_for_sync()
    store.within(sessions).set("a", {"user_id": 1})

    assert store.within(sessions).get("a") == {"user_id": 1}
    sessions.remove()


@pytest.fixture(params=["connection", "session"])
def begin(request, engine) -> Callable[[], Any]:
    """Begins a transaction of the caller's: a Core Connection, or an ORM Session."""

    @contextmanager
    def begin() -> Iterator[Joined]:
        with Session(engine) if request.param == "session" else engine.connect() as joined:
            yield joined

    return begin


def test_a_write_is_kept_by_the_callers_commit_and_undone_by_its_rollback(store, begin):
    for name, write in WRITES.items():
        store.clear()
        store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}})
        before = stored_rows(store)

        with begin() as own:
            write(store, own)
            own.rollback()
        assert stored_rows(store) == before, name

        with begin() as own:
            write(store, own)
            own.commit()
        assert stored_rows(store) != before, name


def test_a_read_sees_what_the_callers_transaction_has_written(store, begin):
    store.set("a", {"user_id": 1})
    with begin() as own:
        store.within(own).set("b", {"user_id": 1})

        assert store.within(own).get("b") == {"user_id": 1}
        assert store.within(own).load("b").data == {"user_id": 1}
        assert store.within(own).get_many("ab") == {"a": {"user_id": 1}, "b": {"user_id": 1}}
        assert len(store.within(own).find(user_id=1)) == 2
        assert store.within(own).count(user_id=1) == 2
        assert store.get("b") is None
        assert store.count(user_id=1) == 1


def test_a_merge_can_be_a_part_of_the_callers_transaction(store, begin):
    store.set("a", {"user_id": 1})
    mine, theirs = store.load("a"), store.load("a")
    store.save(theirs, {"user_id": 1, "theirs": 1})

    for end in ("rollback", "commit"):
        with begin() as own:
            assert store.within(own).save(mine, {"user_id": 1, "mine": 1}).outcome is Outcome.SAVED
            getattr(own, end)()
        merged = {"mine": 1} if end == "commit" else {}
        assert store.get("a") == {"user_id": 1, "theirs": 1} | merged


def test_a_first_save_finds_another_one_in_the_callers_transaction(store, begin):
    store.set("a", {"theirs": 1})

    with begin() as own:
        assert store.within(own).save(store.blank("a"), {"mine": 1}).outcome is Outcome.SAVED
        own.commit()

    assert store.get("a") == {"theirs": 1, "mine": 1}


def test_change_password_and_sign_out_everywhere_else_is_one_transaction(
    store, begin, engine, metadata, table_name
):
    users = Table(
        f"{table_name}_users", metadata, Column("id", Integer, primary_key=True), Column("word", String(9))
    )
    metadata.create_all(engine)
    store.set_many({"here": {"user_id": 1}, "there": {"user_id": 1}, "bob": {"user_id": 2}})
    with engine.begin() as connection:
        connection.execute(users.insert().values(id=1, word="old"))

    def change_password(own: Joined) -> None:
        own.execute(users.update().where(users.c.id == 1).values(word="new"))
        assert store.within(own).revoke_where(user_id=1, keep="here") == 1

    def password() -> str:
        with engine.connect() as connection:
            return connection.execute(select(users.c.word)).scalar_one()

    with begin() as own:
        change_password(own)
        own.rollback()
    assert (password(), sorted(store.get_many(["here", "there", "bob"]))) == ("old", ["bob", "here", "there"])

    with begin() as own:
        change_password(own)
        own.commit()
    assert (password(), sorted(store.get_many(["here", "there", "bob"]))) == ("new", ["bob", "here"])


def test_a_session_of_the_orm_keeps_its_objects_together_with_a_session(engine, make_store, base):
    user, session_class = users_and_sessions(base, TimestampedSessionMixin)
    base.metadata.create_all(engine)
    store = make_store(engine, table=session_class, timestamps=True)

    with Session(engine) as own:
        own.add(user(id=1, name="Ann"))
        own.flush()
        store.within(own).set("a", {"user_id": 1})
        own.commit()

    assert store.get("a") == {"user_id": 1}
    with Session(engine) as own:
        assert own.get_one(session_class, store.handle("a")).user_id == 1


def test_a_connection_may_write_parameters_in_another_way(store, url):
    """As that of another driver does."""
    other = create_engine(url, paramstyle="named" if database_of(url) == "sqlite" else "format")
    for _ in range(2):
        with other.begin() as connection:
            store.within(connection).set("a", {"user_id": 1, "cart": ["%s"]})
            assert store.within(connection).get("a") == {"user_id": 1, "cart": ["%s"]}
            assert store.within(connection).count(user_id=1) == 1
        assert store.get("a") == {"user_id": 1, "cart": ["%s"]}
    other.dispose()


# -- on the application's engine


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
    if hasattr(driver_connection, "info"):  # psycopg
        return driver_connection.info.transaction_status != 0
    return bool(driver_connection.server_status & 1)  # PyMySQL


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


def test_a_listener_that_keeps_cursors_locks_nobody_out(make_store):
    """pyramid_debugtoolbar's does, and a cursor that was not read to its end holds a lock on SQLite."""
    store, kept = make_store(), []
    event.listen(store.engine, "after_cursor_execute", lambda *arguments: kept.append(arguments))

    store.set("a", {"user_id": 1})
    assert store.get("a") == {"user_id": 1}
    assert kept


BUSY_TWICE = {
    "postgresql": """
        CREATE SEQUENCE {name}_s;
        CREATE FUNCTION {name}_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('{name}_s') < 3 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {name}_t BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION {name}_f();
        ;;
        DROP TRIGGER {name}_t ON {name};
        DROP FUNCTION {name}_f;
        DROP SEQUENCE {name}_s""",
    "mariadb": """
        CREATE SEQUENCE {name}_s
        ;;
        CREATE TRIGGER {name}_t BEFORE UPDATE ON {name} FOR EACH ROW BEGIN
            IF NEXTVAL({name}_s) < 3 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF;
        END
        ;;
        DROP TRIGGER {name}_t
        ;;
        DROP SEQUENCE {name}_s""",
}


@pytest.mark.parametrize("url", list(BUSY_TWICE), indirect=True)
def test_a_transaction_of_our_own_that_meets_a_deadlock_is_tried_again_as_a_whole(
    store, engine, table_name, request
):
    store.set("a", {"user_id": 1, "visits": 1})
    *set_up, clean_up = BUSY_TWICE[request.node.callspec.params["url"]].format(name=table_name).split(";;")
    if request.node.callspec.params["url"] == "mariadb":
        clean_up = f"{set_up.pop()};;{clean_up}"
    tries = []

    def more(data):
        tries.append(data)
        return data | {"visits": data["visits"] + 1}

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in set_up:
            connection.exec_driver_sql(statement)
        try:
            assert store.update("a", more) == {"user_id": 1, "visits": 2}
        finally:
            for statement in clean_up.split(";;"):
                connection.exec_driver_sql(statement)
    assert len(tries) == 3
    assert store.get("a") == {"user_id": 1, "visits": 2}


# -- connections at hand


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_row_that_cannot_be_read_holds_no_lock(store, url):
    store.set("a", {})
    with closing(sqlite3.connect(make_url(url).database or "")) as other:
        other.execute(f"UPDATE {store.repo().name} SET additional = CAST(x'ff' AS TEXT)")
        other.commit()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with pytest.raises(StatementFailed):
            store.get("a")
        other.execute(f"UPDATE {store.repo().name} SET revision = 1")
        other.commit()

        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


# -- slots


def test_a_connection_stays_open_for_the_next_statement(make_store):
    store = make_store()
    opened: list[Any] = []
    store.set("a", {})
    event.listen(store.engine, "connect", lambda connection, _record: opened.append(connection))

    for _ in range(20):
        assert store.get("a") == {}
        store.update("a", dict)
    assert opened == []


def test_few_connections_stay_open_and_no_more_than_15_are_open_at_a_time(make_store):
    store = make_store()
    slots = store._database._slots
    slots._timeout = 0.01
    opened: list[Any] = []
    event.listen(store.engine, "connect", lambda connection, _record: opened.append(connection))
    event.listen(store.engine, "close", lambda connection, _record: opened.remove(connection))
    store.set("a", {})

    taken = [slots.take() for _ in range(15)]
    with pytest.raises(StoreUnavailable, match="no connection of the pool became free"):
        slots.take()
    for slot in taken:
        slots.put_back(slot)

    assert len(opened) == 5
    assert store.get("a") == {}


def test_who_waits_gets_the_connection_that_is_put_back(make_store):
    store = make_store()
    store.set("a", {})
    slots = store._database._slots
    taken = [slots.take() for _ in range(15)]
    got: list[Any] = []
    waiter = threading.Thread(target=lambda: got.append(slots.take()))
    waiter.start()

    slots.put_back(taken[0])
    waiter.join(10)

    assert got == [taken[0]]


def test_who_waits_may_open_a_connection_where_another_was_lost(make_store):
    store = make_store()
    store.set("a", {})
    slots = store._database._slots
    taken = [slots.take() for _ in range(15)]
    got: list[Any] = []
    waiter = threading.Thread(target=lambda: got.append(slots.take()))
    waiter.start()

    taken[0].is_usable = False
    slots.put_back(taken[0])
    waiter.join(10)

    assert len(got) == 1
    assert got[0] not in taken


def test_connections_that_were_closed_can_all_be_opened_again(make_store):
    store = make_store()
    for _ in range(3):
        slots = store._database._slots
        for slot in [slots.take() for _ in range(15)]:
            slots.put_back(slot)
        store.close()
    store.set("a", {})
    assert store.get("a") == {}


def test_a_connection_that_is_in_use_when_all_are_closed_is_closed_after_it(make_store):
    store = make_store()
    closed: list[Any] = []
    store.set("a", {})
    event.listen(store.engine, "close", lambda connection, _record: closed.append(connection))
    in_use = store._database._slots.take()

    store.close()
    store._database._slots.put_back(in_use)

    assert len(closed) == 1
    assert store.get("a") == {}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("own", [True, False], ids=["URL", "engine"])
def test_a_statement_that_was_prepared_for_the_table_as_it_was_is_prepared_anew(make_store, url, engine, own):
    store = make_store(url if own else engine)
    store.set("a", {"device": "phone"})
    for _ in range(10):
        assert store.get("a") == {"device": "phone"}
        assert store.update("a", dict) == {"device": "phone"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"ALTER TABLE {store.repo().name} ALTER COLUMN device TYPE VARCHAR(99)")

    assert store.get("a") == {"device": "phone"}
    assert store.update("a", dict) == {"device": "phone"}
