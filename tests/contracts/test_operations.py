"""What each operation of a store does, alone, in the caller's transaction, and on the caller's own table."""

from __future__ import annotations

import datetime as dt
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from sqlalchemy import (
    Column,
    Computed,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from values import database_of, no_sql, stored_rows

from schema_session_backend import (
    ConfigurationError,
    ConstraintViolated,
    InvalidField,
    Outcome,
    SessionMixin,
    SessionStore,
    TimestampedSessionMixin,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine, QueuePool

    Joined = Connection | Session

MINUTE = 60


@pytest.fixture
def engine(url) -> Iterator[Engine]:
    """An application's own engine, which enforces foreign keys on SQLite too."""
    engine = application_engine(url)
    yield engine
    engine.dispose()


def application_engine(url, **options) -> Engine:
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    return engine


@pytest.fixture
def metadata(engine, make_store) -> Iterator[MetaData]:
    """An application's own tables, dropped after the test."""
    metadata = MetaData()
    yield metadata
    metadata.drop_all(engine)


# -- one session by its id


def test_get_gives_what_set_stored(store):
    store.set("a", {"user_id": 1, "cart": [1, 2]})

    assert store.get("a") == {"user_id": 1, "cart": [1, 2]}
    assert store.get("b") is None


def test_what_get_gives_is_the_callers_own(store):
    store.set("a", {"cart": [1]})
    store.get("a")["cart"].append(2)

    assert store.get("a") == {"cart": [1]}


def test_set_replaces_the_whole_session(store):
    store.set("a", {"user_id": 1, "device": "phone", "cart": [1]})
    store.set("a", {"user_id": 2, "seen": True})

    assert store.get("a") == {"user_id": 2, "seen": True}


def test_touch_tells_whether_there_was_such_a_session(store):
    store.set("a", {"user_id": 1})

    assert store.touch("a") is True
    assert store.touch("b") is False
    assert store.get("a") == {"user_id": 1}
    assert store.count() == 1


def test_destroy_removes_one_session_and_tells_whether_it_was_there(store):
    store.set_many({"a": {}, "b": {}})

    assert store.destroy("a") is True
    assert store.destroy("a") is False
    assert (store.get("a"), store.get("b")) == (None, {})


def test_rotate_gives_a_session_a_new_id_and_changes_nothing_else(store):
    store.set("old", {"user_id": 1, "cart": [1]}, max_age=1000)
    [before] = store.find()

    assert store.rotate("old", "new") is True

    [after] = store.find()
    assert store.get("old") is None
    assert store.get("new") == {"user_id": 1, "cart": [1]}
    assert after.handle == store.handle("new")
    assert (after.created_at, after.expires_at) == (before.created_at, before.expires_at)


def test_rotate_of_no_session_makes_none(store):
    assert store.rotate("old", "new") is False
    assert store.count() == 0


def test_rotate_takes_no_id_that_is_taken(store):
    store.set_many({"old": {"user_id": 1}, "new": {"user_id": 2}})

    with pytest.raises(ConstraintViolated):
        store.rotate("old", "new")

    assert store.get_many(["old", "new"]) == {"old": {"user_id": 1}, "new": {"user_id": 2}}


# -- many sessions


def test_get_many_gives_those_that_there_are(store):
    store.set_many({"a": {"user_id": 1}, "b": {}, "c": {"cart": [1]}})

    assert store.get_many(iter(["a", "b", "x", "", "a"])) == {"a": {"user_id": 1}, "b": {}}
    assert store.get_many([]) == {}


def test_set_many_replaces_whole_sessions(store):
    store.set("a", {"user_id": 1, "cart": [1]})
    store.set_many({"a": {"device": "phone"}, "b": {"user_id": 2}})

    assert store.get_many("ab") == {"a": {"device": "phone"}, "b": {"user_id": 2}}


def test_set_many_stores_more_than_one_statement_can_take(store):
    sessions = {f"s{number}": {"user_id": number % 7, "n": number} for number in range(1201)}
    store.set("s5", {"device": "before"})
    store.set_many(sessions)

    assert store.count() == 1201
    assert store.get_many(sessions) == sessions


def test_set_many_stores_all_or_with_a_wrong_value_none(store):
    sessions: dict[str, Any] = {f"s{number}": {"n": number} for number in range(600)}

    with no_sql(store), pytest.raises(InvalidField):
        store.set_many(sessions | {"wrong": {"user_id": "x"}})


def test_set_many_stores_all_or_with_a_refused_one_none(make_store):
    store = make_store(schemas=[Column("name", String(9), unique=True)])
    store.set("before", {"name": "0"})

    # The last one is in the second statement.
    with pytest.raises(ConstraintViolated):
        store.set_many({f"s{number}": {"name": str(number)} for number in [*range(1, 600), 0]})

    assert store.find() == [record for record in store.find() if record.handle == store.handle("before")]
    assert store.count() == 1


def test_set_many_lets_each_session_leave_other_columns_to_the_database(make_store):
    store = make_store(
        schemas=[Column("level", Integer, server_default="5"), Column("rank", Integer, server_default="6")]
    )
    store.set_many({"a": {}, "b": {"level": 1}, "c": {"rank": 1}, "d": {"level": 1, "rank": 1}})

    assert store.get_many("abcd") == {
        "a": {"level": 5, "rank": 6},
        "b": {"level": 1, "rank": 6},
        "c": {"level": 5, "rank": 1},
        "d": {"level": 1, "rank": 1},
    }


# -- searching


def ids(store: SessionStore, records, among: str = "abcdef") -> str:
    by_handle = {store.handle(sid): sid for sid in among}
    return "".join(by_handle[record.handle] for record in records)


def test_find_gives_the_sessions_with_these_values(store):
    store.set_many({
        "a": {"user_id": 1, "device": "phone", "cart": [1]},
        "b": {"user_id": 1, "device": "laptop"},
        "c": {"user_id": 2, "device": "phone"},
    })  # fmt: skip

    assert sorted(ids(store, store.find(user_id=1))) == ["a", "b"]
    [record] = store.find(user_id=1, device="phone")
    assert record.handle == store.handle("a")
    assert record.data == {"user_id": 1, "device": "phone", "cart": [1]}
    assert store.find(user_id=3) == []
    assert len(store.find()) == 3


def test_find_with_none_gives_the_sessions_without_a_value(store):
    store.set_many({"a": {"user_id": 1}, "b": {}, "c": {"user_id": None}})

    assert sorted(ids(store, store.find(user_id=None))) == ["b", "c"]
    assert store.count(user_id=None) == 2


def test_find_takes_conditions_of_sqlalchemy(store):
    store.set_many({"a": {"user_id": 1, "ip": "10.0.0.1"}, "b": {"user_id": 2, "ip": "10.0.0.2"}, "c": {}})
    columns = store.table.c

    assert ids(store, store.find(columns.user_id > 1)) == "b"
    assert ids(store, store.find(columns.ip.like("10.%"), user_id=1)) == "a"
    assert ids(store, store.find(columns.ip.is_(None))) == "c"
    assert store.count(columns.user_id.in_([1, 2])) == 2


@pytest.mark.parametrize("timestamps", [True, False])
def test_find_gives_the_newest_first(moved_store, clock, timestamps):
    store = moved_store(timestamps=timestamps)
    for sid in "bca":
        store.set(sid, {"user_id": 1})
        clock.advance(MINUTE)

    assert ids(store, store.find(user_id=1)) == "acb"
    assert ids(store, store.find(user_id=1, limit=2)) == "ac"
    assert store.find(limit=0) == []
    for limit in (-1, "1", 1.0, True):
        with pytest.raises(ConfigurationError, match="limit takes how many sessions"):
            store.find(limit=limit)


def test_with_timestamps_the_newest_was_created_last_and_else_it_expires_last(moved_store, clock, table_name):
    created = moved_store(timestamps=True)
    expiring = moved_store(table_name=f"{table_name}_b")
    for store in (created, expiring):
        store.set("a", {"user_id": 1})
        clock.advance(MINUTE)
        store.set("b", {"user_id": 1})
        clock.advance(MINUTE)
        store.touch("a")
        store.set("c", {"user_id": 1}, max_age=1e9)
        store.set("d", {"user_id": 1}, max_age=float("inf"))

    assert ids(created, created.find(user_id=1))[2:] == "ba"
    assert ids(expiring, expiring.find(user_id=1)) == "dcab"


def test_find_names_a_column_that_is_not_declared(store):
    for search in (store.find, store.count, store.revoke_where):
        with no_sql(store), pytest.raises(ConfigurationError, match="'user_id'"):
            search(user_i=1)
    with no_sql(store), pytest.raises(ConfigurationError):
        store.find(additional="x")


def test_find_refuses_a_value_that_no_session_can_have(store):
    for search in (store.find, store.count, store.revoke_where):
        with no_sql(store), pytest.raises(InvalidField, match="'user_id'"):
            search(user_id="1")


# -- revoking


def test_revoke_ends_the_session_that_a_record_names(store):
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 2}})
    [record] = store.find(user_id=1)

    assert store.revoke(record.handle) is True
    assert store.revoke(record.handle) is False
    assert store.get_many("ab") == {"b": {"user_id": 2}}


def test_revoke_where_ends_all_but_the_kept_one(store):
    store.set_many({sid: {"user_id": 1} for sid in "abc"} | {"d": {"user_id": 2}})

    assert store.revoke_where(user_id=1, keep="b") == 2
    assert sorted(store.get_many("abcd")) == ["b", "d"]
    assert store.revoke_where(user_id=1, keep="b") == 0


def test_revoke_where_takes_conditions_of_sqlalchemy(store):
    store.set_many({sid: {"user_id": number} for number, sid in enumerate("abcd")})

    assert store.revoke_where(store.table.c.user_id >= 1, store.table.c.user_id != 2) == 2
    assert sorted(store.get_many("abcd")) == ["a", "c"]


def test_an_impossible_id_keeps_nothing(store):
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}})

    assert store.revoke_where(user_id=1, keep="\0") == 2


def test_revoking_needs_a_condition(store):
    store.set("a", {"user_id": 1})

    for revoke in (store.revoke_where, lambda: store.revoke_where(keep="a"), lambda: store.keep_newest(1)):
        with no_sql(store), pytest.raises(ConfigurationError, match="clear"):
            revoke()


@pytest.mark.parametrize("timestamps", [True, False])
def test_keep_newest_ends_all_but_the_newest(moved_store, clock, timestamps):
    store = moved_store(timestamps=timestamps)
    store.set("f", {"user_id": 2})
    for sid in "abcde":
        clock.advance(MINUTE)
        store.set(sid, {"user_id": 1, "device": "phone" if sid in "ad" else "laptop"})

    assert store.keep_newest(3, user_id=1) == 2
    assert sorted(store.get_many("abcdef")) == ["c", "d", "e", "f"]
    assert store.keep_newest(3, user_id=1) == 0
    assert store.keep_newest(1, store.table.c.device == "laptop", user_id=1) == 1
    assert sorted(store.get_many("abcdef")) == ["d", "e", "f"]
    assert store.keep_newest(0, user_id=1) == 2
    assert sorted(store.get_many("abcdef")) == ["f"]


def test_keep_newest_takes_a_number_of_sessions(store):
    for newest in (-1, 1.5, True, "1", None):
        with no_sql(store), pytest.raises(ConfigurationError, match="keep_newest"):
            store.keep_newest(newest, user_id=1)


# -- the whole table


def test_clear_removes_every_session_of_this_table_only(make_store, table_name):
    store, other = make_store(), make_store(table_name=f"{table_name}_b")
    for one in (store, other):
        one.set_many({"a": {}, "b": {}})

    assert store.clear() == 2
    assert store.clear() == 0
    assert (store.count(), other.count()) == (0, 2)


def test_stores_on_two_tables_share_no_session(make_store, table_name):
    store, other = make_store(), make_store(table_name=f"{table_name}_b")
    store.set("a", {"user_id": 1})

    assert other.get("a") is None
    assert other.destroy("a") is False
    assert store.get("a") == {"user_id": 1}


def test_repo_is_the_table_for_queries_of_ones_own(store, engine):
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}, "c": {"user_id": 2}})
    user_id = store.repo().c.user_id
    query = store.repo().select().with_only_columns(user_id, func.count()).group_by(user_id).order_by(user_id)

    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(query)] == [(1, 2), (2, 1)]
    assert store.repo() is store.table


def test_fields_are_the_declared_columns(make_store, store):
    assert store.fields == ("user_id", "device", "ip")
    assert make_store(schemas=[]).fields == ()


def test_close_closes_the_connections_of_an_engine_of_our_own(make_store):
    store = make_store()
    store.set("a", {})
    pool = store._database.engine.pool
    assert pool.checkedin() == 1

    store.close()

    assert pool.checkedin() == 0


def test_close_leaves_the_applications_engine_open(make_store, engine):
    store = make_store(engine)
    store.set("a", {})
    before = engine.pool.checkedin()

    store.close()

    assert engine.pool.checkedin() == before == 1


def test_a_store_names_its_table_and_no_password(store):
    assert store.table.name in repr(store)
    assert "secret" not in repr(SessionStore("postgresql+psycopg://app:secret@db/app"))


# -- in the caller's transaction

MANY = {f"m{number}": {"user_id": number} for number in range(600)}
WRITES: dict[str, Callable[[Any, Joined], object]] = {
    "set": lambda store, own: store.set("new", {"user_id": 9}, connection=own),
    "set, replacing": lambda store, own: store.set("a", {"user_id": 9}, connection=own),
    "touch": lambda store, own: store.touch("a", 10**7, connection=own),
    "destroy": lambda store, own: store.destroy("a", connection=own),
    "rotate": lambda store, own: store.rotate("a", "z", connection=own),
    "save": lambda store, own: store.save(store.load("a", connection=own), {"user_id": 9}, connection=own),
    "save, touching": lambda store, own: store.save(
        store.load("a", connection=own), {"user_id": 1}, 10**7, connection=own
    ),
    "save, blank": lambda store, own: store.save(store.blank("new"), {"user_id": 9}, connection=own),
    "set_many": lambda store, own: store.set_many(MANY, connection=own),
    "revoke": lambda store, own: store.revoke(store.handle("a"), connection=own),
    "revoke_where": lambda store, own: store.revoke_where(user_id=1, keep="a", connection=own),
    "keep_newest": lambda store, own: store.keep_newest(1, user_id=1, connection=own),
    "clear": lambda store, own: store.clear(connection=own),
}


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
        store.set("b", {"user_id": 1}, connection=own)

        assert store.get("b", connection=own) == {"user_id": 1}
        assert store.load("b", connection=own).data == {"user_id": 1}
        assert store.get_many("ab", connection=own) == {"a": {"user_id": 1}, "b": {"user_id": 1}}
        assert len(store.find(user_id=1, connection=own)) == 2
        assert store.count(user_id=1, connection=own) == 2
        assert store.get("b") is None
        assert store.count(user_id=1) == 1


def test_a_merge_can_be_a_part_of_the_callers_transaction(store, begin):
    store.set("a", {"user_id": 1})
    mine, theirs = store.load("a"), store.load("a")
    store.save(theirs, {"user_id": 1, "theirs": 1})

    for end in ("rollback", "commit"):
        with begin() as own:
            assert store.save(mine, {"user_id": 1, "mine": 1}, connection=own).outcome is Outcome.SAVED
            getattr(own, end)()
        merged = {"mine": 1} if end == "commit" else {}
        assert store.get("a") == {"user_id": 1, "theirs": 1} | merged


def test_a_first_save_finds_another_one_in_the_callers_transaction(store, begin):
    store.set("a", {"theirs": 1})

    with begin() as own:
        assert store.save(store.blank("a"), {"mine": 1}, connection=own).outcome is Outcome.SAVED
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
        assert store.revoke_where(user_id=1, keep="here", connection=own) == 1

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
        store.set("a", {"user_id": 1}, connection=own)
        own.commit()

    assert store.get("a") == {"user_id": 1}
    with Session(engine) as own:
        assert own.get_one(session_class, store.handle("a")).user_id == 1


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
    assert store._database.engine is engine


def test_after_an_operation_the_application_can_still_roll_back(engine, make_store):
    store = make_store(engine, timestamps=True, gc_interval=None)
    store.set("m1", {})
    for name, act in EVERYTHING.items():
        act(store)
        store.set("kept", {"user_id": 1})

        with engine.connect() as connection:
            connection.execute(store.table.update().values(user_id=1007))
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


# -- the application's own table


@pytest.fixture
def base(engine, table_name, make_store) -> Iterator[type[DeclarativeBase]]:
    """A declarative base whose tables are dropped after the test, with their names in `names`."""

    class Base(DeclarativeBase):
        names = (f"{table_name}_users", f"{table_name}_s")

    yield Base
    Base.metadata.drop_all(engine)


def users_and_sessions(base: Any, mixin: type[SessionMixin]) -> tuple[Any, Any]:
    """Two mapped classes: users, and sessions of users that end with their user."""
    users, sessions = base.names

    class User(base):
        __tablename__ = users
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(20))

    class UserSession(mixin, base):  # type: ignore[valid-type, misc]
        __tablename__ = sessions
        user_id: Mapped[int | None] = mapped_column(ForeignKey(f"{users}.id", ondelete="CASCADE"), index=True)
        device: Mapped[str | None] = mapped_column(String(50))

    return User, UserSession


@pytest.mark.parametrize("mixin", [SessionMixin, TimestampedSessionMixin], ids=lambda one: one.__name__)
def test_a_mapped_class_can_be_the_table(engine, make_store, base, mixin):
    user, session_class = users_and_sessions(base, mixin)
    base.metadata.create_all(engine)
    timestamps = mixin is TimestampedSessionMixin
    store = make_store(engine, table=session_class, timestamps=timestamps)
    with Session(engine) as own, own.begin():
        own.add_all([user(id=1, name="Ann"), user(id=2, name="Bob")])

    store.set_many({"a": {"user_id": 1, "device": "phone", "cart": [1]}, "b": {"user_id": 2}})

    assert store.fields == ("user_id", "device")
    assert store.table is session_class.__table__
    assert store.get("a") == {"user_id": 1, "device": "phone", "cart": [1]}
    [record] = store.find(user_id=1)
    assert (record.created_at is not None) is timestamps
    with Session(engine) as own:
        query = select(user.name).join(session_class, session_class.user_id == user.id)
        assert own.scalars(query.where(session_class.device == "phone")).all() == ["Ann"]


@pytest.mark.parametrize("mixin", [SessionMixin, TimestampedSessionMixin], ids=lambda one: one.__name__)
def test_deleting_the_user_ends_the_sessions(engine, make_store, base, mixin):
    user, session_class = users_and_sessions(base, mixin)
    base.metadata.create_all(engine)
    store = make_store(engine, table=session_class)
    with Session(engine) as own, own.begin():
        own.add_all([user(id=1, name="Ann"), user(id=2, name="Bob")])
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}, "c": {"user_id": 2}, "d": {}})
    running = store.load("a")

    with Session(engine) as own, own.begin():
        own.delete(own.get(user, 1))

    assert sorted(store.get_many("abcd")) == ["c", "d"]
    assert store.save(running, {"user_id": 1, "late": 1}).outcome is Outcome.GONE
    assert store.get("a") is None


def test_a_session_of_an_unknown_user_is_refused(url, engine, make_store, base):
    _, session_class = users_and_sessions(base, SessionMixin)
    base.metadata.create_all(engine)

    # With a URL too, where SQLite would not look at foreign keys by itself.
    for store in (make_store(engine, table=session_class), make_store(url, table=session_class)):
        with pytest.raises(ConstraintViolated):
            store.set("a", {"user_id": 77})
        assert store.get("a") is None


def test_a_mapped_table_is_created_by_the_store_where_it_is_missing(engine, make_store, base):
    user, session_class = users_and_sessions(base, SessionMixin)
    user.__table__.create(engine)
    store = make_store(engine, table=session_class)
    store.set("a", {"device": "phone"})

    assert store.find(device="phone")[0].data == {"device": "phone"}
    keys = inspect(engine).get_foreign_keys(store.table.name)
    assert [key["options"].get("ondelete") for key in keys] == ["CASCADE"]


def test_a_plain_table_can_be_the_table_and_what_the_database_computes_is_no_session_key(
    engine, make_store, metadata, table_name
):
    own = Table(
        f"{table_name}_s",
        metadata,
        *(column._copy() for column in make_store().table.c if column.name != "device"),
        Column("twice", Integer, Computed("user_id * 2", persisted=True)),
    )
    metadata.create_all(engine)
    store = make_store(engine, table=own)
    store.set("a", {"user_id": 4, "device": "phone"})

    assert store.table is own
    assert store.fields == ("user_id", "ip")
    assert store.get("a") == {"user_id": 4, "device": "phone"}
    assert len(store.find(own.c.twice == 8)) == 1
    with pytest.raises(InvalidField, match="'twice'"):
        store.set("a", {"twice": 8})


def test_an_own_table_needs_the_base_columns(make_store, metadata, table_name):
    own = Table(f"{table_name}_s", metadata, Column("sid", String(64), primary_key=True))

    with pytest.raises(ConfigurationError, match="'additional'"):
        make_store("sqlite://", table=own)


# -- names


def test_every_base_column_can_have_another_name(make_store, engine):
    store = make_store(
        sid_name="session_id",
        expire_at_name="expires",
        additional_name="rest",
        revision_name="version",
        timestamps=True,
    )
    store.set("a", {"sid": 1, "additional": 2, "expire_at": 3, "revision": 4, "user_id": 5})
    mine, theirs = store.load("a"), store.load("a")
    store.save(theirs, theirs.data | {"theirs": 1})
    store.save(mine, mine.data | {"mine": 1})

    columns = {column["name"] for column in inspect(engine).get_columns(store.table.name)}
    assert {"session_id", "expires", "rest", "version"} < columns
    assert columns.isdisjoint({"sid", "expire_at", "additional", "revision"})
    assert store.get("a") == {
        "sid": 1, "additional": 2, "expire_at": 3, "revision": 4, "user_id": 5, "theirs": 1, "mine": 1,
    }  # fmt: skip
    assert store.touch("a")
    assert store.rotate("a", "b")
    assert store.keep_newest(1, user_id=5) == 0
    assert store.destroy("b")
    assert store.gc() == 0


def test_the_table_is_put_into_the_applications_metadata(make_store, metadata, engine, table_name):
    users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    users.create(engine)
    user_id: Column[int] = Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), index=True)
    store = make_store(engine, metadata=metadata, schemas=[user_id])
    with engine.begin() as connection:
        connection.execute(users.insert().values(id=1))
    store.set("a", {"user_id": 1})

    assert metadata.tables[table_name] is store.table
    assert store.get("a") == {"user_id": 1}
    with pytest.raises(ConstraintViolated):
        store.set("b", {"user_id": 2})
    with engine.begin() as connection:
        connection.execute(users.delete())
    assert store.get("a") is None


def test_a_table_can_be_outside_of_the_default_schema(make_store, engine, url, table_name):
    schema = {"sqlite": "main", "postgresql": table_name, "mariadb": make_url(url).database}[database_of(url)]
    with engine.begin() as connection:
        if schema == table_name:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        store = make_store(table_name=f"{schema}.{table_name}", timestamps=True)
        store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}})
        store.save(store.load("a"), {"user_id": 1, "cart": [1]})

        assert (store.table.schema, store.table.name) == (schema, table_name)
        assert inspect(engine).has_table(table_name, schema=schema)
        assert store.get("a") == {"user_id": 1, "cart": [1]}
        assert store.keep_newest(1, user_id=1) == 1
        assert store.gc() == 0
        # A second process finds it there.
        assert make_store(table_name=f"{schema}.{table_name}", timestamps=True).count() == 1
    finally:
        with engine.begin() as connection:
            if schema == table_name:
                connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))


def test_one_list_of_columns_serves_two_stores(make_store, table_name):
    schemas: list[Column[Any]] = [
        Column("user_id", Integer, index=True),
        Column("device", String(9), unique=True),
    ]
    one = make_store(schemas=schemas)
    two = make_store(schemas=schemas, table_name=f"{table_name}_b")
    one.set("a", {"user_id": 1, "device": "x"})
    two.set("a", {"user_id": 2, "device": "x"})

    assert (one.get("a")["user_id"], two.get("a")["user_id"]) == (1, 2)
    assert all(column.table is None for column in schemas)


# -- defaults and constraints


def test_defaults_of_python_and_of_the_database_can_be_searched(make_store):
    numbers = itertools.count(1)
    store = make_store(
        schemas=[
            Column("place", String(9), default="Berlin"),
            Column("number", Integer, default=lambda: next(numbers)),
            Column("level", Integer, server_default="5"),
        ]
    )
    store.set("a", {})
    store.save(store.blank("b"), {"place": "Rome"})

    assert store.find(place="Berlin")[0].data == {"place": "Berlin", "number": 1, "level": 5}
    assert store.find(number=2)[0].data == {"place": "Rome", "number": 2, "level": 5}
    assert store.count(level=5) == 2


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.set("b", {"name": "Ann"}),
        lambda store: store.set_many({"b": {"name": "Ann"}}),
        lambda store: store.set_many({"b": {"name": "x"}, "c": {"name": "x"}}),
        lambda store: store.save(store.blank("b"), {"name": "Ann"}),
        lambda store: store.save(store.load("bob"), {"name": "Ann"}),
    ],
    ids=["set", "set_many", "set_many, within", "save, blank", "save"],
)
def test_a_unique_column_refuses_a_second_session_with_the_same_value(make_store, write):
    store = make_store(schemas=[Column("name", String(9), unique=True)])
    store.set_many({"ann": {"name": "Ann"}, "bob": {"name": "Bob"}, "none": {}})
    before = stored_rows(store)

    with pytest.raises(ConstraintViolated):
        write(store)

    assert stored_rows(store) == before
    store.set("ann", {"name": "Ann", "again": True})
    assert store.get("ann") == {"name": "Ann", "again": True}


# -- SQLite in memory


def test_a_database_in_memory_serves_several_threads():
    store = SessionStore("sqlite://", schemas="user_id Integer index")

    def work(number: int) -> int:
        for turn in range(25):
            sid = f"{number}-{turn}"
            store.set(sid, {"user_id": number})
            loaded = store.load(sid)
            assert loaded is not None
            assert store.save(loaded, {"user_id": number, "turn": turn}).outcome is Outcome.SAVED
        return store.count(user_id=number)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [25] * 8
    assert store.get("7-24") == {"user_id": 7, "turn": 24}
    store.close()


def test_two_databases_in_memory_are_two():
    one, two = SessionStore("sqlite://"), SessionStore("sqlite://")
    one.set("a", {"x": 1}, max_age=dt.timedelta(hours=1))

    assert (one.get("a"), two.get("a")) == ({"x": 1}, None)
    one.close()
    two.close()
