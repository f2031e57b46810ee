"""The operations in the caller's transaction."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from applications import users_and_sessions
from sqlalchemy import Column, Integer, String, Table, create_engine, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from values import database_of, stored_rows

from schema_session_backend import Outcome, TimestampedSessionMixin, WrongArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    Joined = Connection | Session

pytestmark = pytest.mark.pgbouncer_too

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


def test_a_first_save_in_the_callers_transaction_merges_with_a_stored_session(store, begin):
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
        assert own.scalars(select(session_class.user_id)).all() == [1]


def test_a_connection_may_have_another_paramstyle(store, url):
    """Another driver's connection does."""
    other = create_engine(url, paramstyle="named" if database_of(url) == "sqlite" else "format")
    for _ in range(2):
        with other.begin() as connection:
            store.within(connection).set("a", {"user_id": 1, "cart": ["%s"]})
            assert store.within(connection).get("a") == {"user_id": 1, "cart": ["%s"]}
            assert store.within(connection).count(user_id=1) == 1
        assert store.get("a") == {"user_id": 1, "cart": ["%s"]}
    other.dispose()
