"""P11 on SQLite, whose locks and write-ahead log no connection takes into a child process."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from sqlalchemy import create_engine, make_url
from workers import count_in_process, in_fork, write_numbered

from processes import at_once
from schema_session_backend import ConfigurationError, SessionStore
from schema_session_backend._sql import forks

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)

TURNS = 5
WRITES = 20


@pytest.fixture(params=["URL", "engine"])
def kind(request, url):
    """What the store is made of: a URL, or an application's engine."""
    if request.param == "URL":
        yield url
        return
    engine = create_engine(url)
    yield engine
    engine.dispose()


def elsewhere(url: str, table_name: str) -> int:
    """How many sessions a process sees that shares nothing with this one."""
    return at_once(count_in_process, [(url, table_name)])[0]


class Pause:
    """Where a child stops until this process has done something."""

    def __init__(self) -> None:
        self._reached, self._reach = os.pipe()
        self._go_on, self._end = os.pipe()

    def write_around(self, store: SessionStore, name: str) -> NoReturn:
        """Be the child: write half of the sessions, stop, write the other half, and exit."""
        try:
            write_numbered(store, f"{name}-before", WRITES // 2)
            os.write(self._reach, b".")
            os.read(self._go_on, 1)
            write_numbered(store, f"{name}-after", WRITES // 2)
            os.write(self._reach, b".")
        finally:
            # Without closing anything, which might save what would be lost otherwise.
            os._exit(0)

    @contextmanager
    def in_child(self) -> Iterator[None]:
        """Do the block while the child stops."""
        os.close(self._reach)
        os.close(self._go_on)
        assert os.read(self._reached, 1) == b"."
        yield
        os.write(self._end, b".")
        assert os.read(self._reached, 1) == b"."
        os.close(self._reached)
        os.close(self._end)


def test_what_a_child_writes_is_there_after_its_parent_closed_the_file(make_store, kind, url, table_name):
    for turn in range(TURNS):
        store = make_store(kind)
        store.set("parent", {"user_id": 1})
        pause = Pause()
        pid = os.fork()
        if not pid:
            pause.write_around(store, f"child{turn}")
        with pause.in_child():
            store.close()
            store.engine.dispose()
            # The last connection that is closed writes the log back and removes it.
            elsewhere(url, table_name)
        os.waitpid(pid, 0)

        assert elsewhere(url, table_name) == 1 + WRITES * (turn + 1)


def test_what_a_child_writes_is_there_after_its_parent_exited(make_store, url, table_name):
    make_store().close()
    for turn in range(TURNS):
        pause = Pause()
        pid = os.fork()
        if not pid:
            store = make_store()
            store.set("parent", {"user_id": 1})
            if not os.fork():
                pause.write_around(store, f"child{turn}")
            os._exit(0)
        with pause.in_child():
            os.waitpid(pid, 0)
            elsewhere(url, table_name)

        assert elsewhere(url, table_name) == 1 + WRITES * (turn + 1)


def test_a_child_can_write_whatever_the_threads_of_its_parent_do_at_the_fork(make_store, url, table_name):
    store = make_store()
    stopped = threading.Event()
    written = [0] * 4

    def write(number: int) -> None:
        while not stopped.is_set():
            store.set(f"{number}-{written[number]}", {"user_id": number})
            written[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(written))]
    for thread in threads:
        thread.start()
    try:
        for turn in range(10):
            in_fork(lambda turn=turn: write_numbered(store, f"child{turn}", WRITES))
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    store.close()

    assert elsewhere(url, table_name) == sum(written) + 10 * WRITES


def test_a_fork_waits_for_the_transactions_of_other_threads(make_store):
    store = make_store()
    store.set("a", {"turn": 0})
    inside, end = threading.Event(), threading.Event()

    def work(_transaction: Any) -> None:
        inside.set()
        end.wait()

    thread = threading.Thread(target=store._database.transact, args=(work,))
    thread.start()
    inside.wait()
    threading.Timer(0.1, end.set).start()

    in_fork(lambda: write_numbered(store, "child", 1))

    thread.join()
    store.set("a", {"turn": 2})
    assert store.count() == 2


def test_a_child_of_a_fork_inside_a_transaction_is_refused_at_once(make_store, monkeypatch):
    monkeypatch.setattr("schema_session_backend._sql.forks.PATIENCE", 0.01)
    store = make_store()
    store.set("a", {"x": 1})

    def fork(_transaction: Any) -> str:
        return in_fork(lambda: refusal(store))

    assert "was forked while a connection to" in store._database.transact(fork)
    assert store.get("a") == {"x": 1}


def refusal(store: SessionStore) -> str:
    """The error of every operation in this child."""
    messages = set()
    for operation in (
        lambda: store.get("a"),
        lambda: store.set("b", {}),
        lambda: store.find(limit=1),
        store.gc,
    ):
        with pytest.raises(ConfigurationError) as caught:
            operation()
        messages.add(str(caught.value))
    assert len(messages) == 1
    return messages.pop()


def test_an_applications_connection_that_is_in_use_at_the_fork_is_refused_in_the_child(make_store, url):
    engine = create_engine(url)
    store = make_store(engine)
    store.set("a", {"x": 1})

    with engine.connect() as connection:
        store.within(connection).set("b", {"x": 2})
        message = in_fork(lambda: refusal(store))
        connection.commit()

    assert str(make_url(url).database) in message
    assert store.get("b") == {"x": 2}
    assert in_fork(lambda: store.get("b")) == {"x": 2}
    engine.dispose()


def test_a_connection_to_the_same_file_that_is_not_the_stores_is_refused_in_the_child(make_store, url):
    store = make_store()
    store.set("a", {"x": 1})

    with closing(sqlite3.connect(str(make_url(url).database))) as connection:
        connection.execute(f"SELECT * FROM {store.repo().name}").fetchall()
        assert "close it before the fork" in in_fork(lambda: refusal(store))
    assert in_fork(lambda: store.get("a")) == {"x": 1}


def test_an_engine_that_only_the_application_has_used_can_be_forked(make_store, url):
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    store = make_store(engine)

    assert in_fork(lambda: (store.set("a", {"x": 1}), store.get("a")))[1] == {"x": 1}
    assert store.get("a") == {"x": 1}
    engine.dispose()


def test_threads_that_fork_at_once_do_not_disturb_each_other(make_store, url, table_name):
    store = make_store()
    store.set("a", {"x": 1})

    def fork(number: int) -> None:
        for turn in range(5):
            pid = os.fork()
            if not pid:
                try:
                    write_numbered(store, f"{number}-{turn}", 2)
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)
            store.set(f"parent{number}-{turn}", {})

    threads = [threading.Thread(target=fork, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert elsewhere(url, table_name) == 1 + 3 * 5 * 3


def test_a_store_that_is_gone_leaves_nothing_to_do_at_a_fork(make_store, url):
    def registered() -> int:
        gc.collect()
        return forks.registered()

    make_store().get("a")
    before = registered()
    for _ in range(20):
        with SessionStore(url, gc_interval=None) as store:
            store.get("a")
        del store

    assert registered() == before
