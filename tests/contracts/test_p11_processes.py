"""P11: made for real servers, with threads, several processes that do the same at once, and forks."""

from __future__ import annotations

import multiprocessing as mp
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, inspect
from values import database_of
from workers import add_column, create_tables_and_write, in_fork, opened, save_first, set_all

from databases import PGBOUNCER
from processes import at_once
from schema_session_backend import Outcome

if TYPE_CHECKING:
    from schema_session_backend import SessionStore

pytestmark = pytest.mark.pgbouncer_too
PROCESSES = [f"process{number}" for number in range(8)]


# -- at once


def test_processes_can_create_the_table_at_once(url, table_name):
    tables = [f"{table_name}_{number}" for number in range(3)]

    at_once(create_tables_and_write, [(url, tables, name) for name in PROCESSES])

    engine = create_engine(url)
    for table in tables:
        with opened(url, table, timestamps=True) as store:
            assert store.get_many(PROCESSES) == {name: {"user_id": 1, "name": name} for name in PROCESSES}
        indexed = {tuple(index["column_names"]) for index in inspect(engine).get_indexes(table)}
        assert {("user_id",), ("expire_at",)} <= indexed
    engine.dispose()


def test_processes_can_store_one_session_at_once(store, url, table_name):
    sids = [f"s{number}" for number in range(20)]

    outcomes = at_once(save_first, [(url, table_name, sids, name) for name in PROCESSES])

    assert outcomes == [[Outcome.SAVED] * len(sids)] * len(PROCESSES)
    for sid in sids:
        assert store.get(sid) == {"user_id": 1} | dict.fromkeys(PROCESSES, sid)


def test_processes_can_set_one_session_at_once(store, url, table_name):
    sids = [f"s{number}" for number in range(20)]

    at_once(set_all, [(url, table_name, sids, name) for name in PROCESSES[:4]])

    for data in store.get_many(sids).values():
        assert data in [{"device": name, "name": name} for name in PROCESSES[:4]]
    assert store.count() == len(sids)


def test_processes_can_add_the_same_column_at_once(url, table_name):
    tables = [f"{table_name}_{number}" for number in range(3)]
    for table in tables:
        with opened(url, table) as store:
            store.set("old", {"user_id": 1, "place": "Rome"})

    at_once(add_column, [(url, tables, name) for name in PROCESSES])

    for table in tables:
        with opened(url, table, schemas="user_id Integer index; place String(20) index") as store:
            found = store.get_many([*PROCESSES, "old"])
            assert found == {name: {"user_id": 1, "place": name} for name in PROCESSES} | {
                "old": {"user_id": 1, "place": "Rome"}
            }
            assert store.count(place="process3") == 1


# -- forks


def conversation(store: SessionStore) -> int | None:
    """The number that the server gave to the store's connection; None on SQLite, which has no server."""
    name = store.engine.dialect.name
    if name == "sqlite":
        return None
    slots = store._database._slots
    slot = slots.take()
    try:
        connection: Any = slot.driver_connection
        number: int = connection.info.backend_pid if name == "postgresql" else connection.thread_id()
        return number
    finally:
        slots.put_back(slot)


def test_parent_and_child_both_work_after_a_fork(store):
    store.set("parent", {"turn": -1})
    before = conversation(store)
    for turn in range(10):

        def child(turn: int = turn) -> Any:
            store.set(f"child{turn}", {"user_id": turn})
            loaded = store.load("parent")
            assert loaded is not None
            assert store.save(loaded, loaded.data | {f"c{turn}": 1}).outcome is Outcome.SAVED
            return [store.count(user_id=turn), conversation(store)]

        count, childs_conversation = in_fork(child)
        assert count == 1
        assert childs_conversation != before or before is None
        loaded = store.load("parent")
        assert store.save(loaded, loaded.data | {"turn": turn}).outcome is Outcome.SAVED
        assert conversation(store) == before

    assert store.get("parent") == {"turn": 9} | {f"c{turn}": 1 for turn in range(10)}
    assert store.count() == 11


def test_many_children_at_once_work_beside_their_parent(store):
    store.set("a", {"user_id": 1})
    context = mp.get_context("fork")

    def work(number: int) -> None:
        for turn in range(20):
            loaded = store.load("a")
            assert loaded is not None
            assert store.save(loaded, loaded.data | {f"{number}-{turn}": turn}).outcome is Outcome.SAVED

    children = [context.Process(target=work, args=(number,)) for number in range(4)]
    for child in children:
        child.start()
    work(4)
    for child in children:
        child.join(60)

    assert [child.exitcode for child in children] == [0] * 4
    assert len(store.get("a")) == 1 + 5 * 20


def test_a_store_that_was_made_and_not_used_before_the_fork_works_in_the_child(make_store):
    store = make_store(timestamps=True)

    def set_and_get():
        store.set("a", {"x": 1})
        return store.get("a")

    assert in_fork(set_and_get) == {"x": 1}
    assert store.get("a") == {"x": 1}


def test_an_applications_engine_can_be_made_and_used_before_the_fork(url, make_store):
    engine = create_engine(url)
    store = make_store(engine)
    store.set("a", {"x": 1})

    for _ in range(3):
        assert in_fork(lambda: (store.touch("a"), store.get("a"))) == (True, {"x": 1})
        assert store.get("a") == {"x": 1}
    engine.dispose()


@pytest.mark.parametrize("url", ["postgresql", "mariadb", PGBOUNCER], indirect=True)
def test_a_fork_in_the_middle_of_the_parents_transaction_does_not_end_the_transaction(url, make_store):
    engine = create_engine(url)
    store = make_store(engine)
    store.set("a", {"x": 1})
    with engine.connect() as connection:
        store.within(connection).set("b", {"x": 2})
        assert in_fork(lambda: (store.get("a"), store.get("b"))) == ({"x": 1}, None)
        connection.commit()

    assert store.get("b") == {"x": 2}
    engine.dispose()


def test_a_child_that_ends_in_the_ordinary_way_leaves_the_parents_connections_alone(store):
    """Its interpreter exits, with all that this closes."""
    store.set("a", {"x": 1})
    before = conversation(store)

    def get_and_close():
        data = store.get("a")
        store.close()
        return data

    for _ in range(3):
        assert in_fork(get_and_close) == {"x": 1}
        assert store.get("a") == {"x": 1}

    assert conversation(store) == before


# -- threads


def test_threads_share_one_store(store):
    def work(number: int) -> int:
        for turn in range(30):
            sid, other = f"{number}-{turn}", f"{number}-{turn}-new"
            assert store.get(sid) is None
            store.set(sid, {"user_id": number, "turn": turn})
            loaded = store.load(sid)
            assert loaded is not None
            assert store.save(loaded, loaded.data | {"more": 1}).outcome is Outcome.SAVED
            assert store.touch(sid)
            assert store.rotate(sid, other)
            assert store.get_many([sid, other]) == {other: {"user_id": number, "turn": turn, "more": 1}}
            if turn % 3:
                assert store.destroy(other)
        return store.count(user_id=number)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [10] * 8
    assert store.count() == 80


def test_threads_that_use_a_new_store_at_once_create_its_table_once(make_store):
    for turn in range(3):
        store = make_store()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number, store=store: store.set(str(number), {"user_id": 1}), range(8)))

        assert store.count(user_id=1) == 8, turn


def test_threads_can_revoke_and_list_while_others_write(store):
    def write(number: int) -> None:
        for turn in range(40):
            store.set(f"{number}-{turn}", {"user_id": number % 2, "turn": turn})

    def revoke(number: int) -> int:
        revoked = 0
        for _ in range(20):
            revoked += store.revoke_where(user_id=number % 2)
            for record in store.find(limit=3):
                revoked += store.revoke(record.handle)
            revoked += store.keep_newest(2, user_id=number % 2)
        return revoked

    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write, number) for number in range(4)]
        revoking = [pool.submit(revoke, number) for number in range(4)]
        for one in writing:
            one.result()
        revoked = sum(one.result() for one in revoking)

    assert revoked + store.count() == 4 * 40


@pytest.mark.parametrize("collectors", [4])
def test_threads_and_gc_do_not_disturb_each_other(moved_store, clock, url, collectors):
    store = moved_store(max_age=3600)
    store.set_many({f"old{number}": {} for number in range(300)})
    clock.advance(3660)

    def work(number: int) -> None:
        for turn in range(30):
            store.set(f"{number}", {"turn": turn})
            assert store.get(f"{number}") == {"turn": turn}

    with ThreadPoolExecutor(8) as pool:
        removed = [pool.submit(store.gc) for _ in range(collectors)]
        list(pool.map(work, range(4)))
        total = sum(one.result() for one in removed)

    # On SQLite the collectors take turns; elsewhere all but one have nothing to do.
    assert total + store.gc() == 300, database_of(url)
    assert store.count() == 4
