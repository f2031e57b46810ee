"""What tests have real processes do; each function is called in a process of its own, see `at_once`."""

from __future__ import annotations

import multiprocessing as mp
from contextlib import closing
from typing import TYPE_CHECKING, Any

from schema_session_backend import Outcome, SessionStore
from schema_session_backend.cachelib import SchemaCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

SCHEMAS = "user_id Integer index; device String(50); ip String(45)"


def opened(url: str, table_name: str, **options: Any) -> AbstractContextManager[SessionStore]:
    """A store for this process, closed at the end."""
    usual = {
        "schemas": SCHEMAS,
        "table_name": table_name,
        "gc_interval": None,
        # Eight processes that start at once take their time on a busy machine.
        "sync_timeout": 30,
    }
    return closing(SessionStore(url, **usual | options))


def add_keys(store: SessionStore, sid: str, name: str, number: int) -> list[Outcome]:
    """Add as many keys to a session, each in a request of its own."""
    return list(_adding(store, sid, name, number))


def _adding(store: SessionStore, sid: str, name: str, number: int) -> Iterator[Outcome]:
    for turn in range(number):
        loaded = store.load(sid)
        assert loaded is not None
        loaded.data[f"{name}-{turn}"] = turn
        yield store.save(loaded, loaded.data).outcome


def add_keys_in_process(url: str, table_name: str, sid: str, name: str, number: int, **options: Any) -> int:
    """`add_keys` with a store of its own; returns how many were saved."""
    with opened(url, table_name, **options) as store:
        return add_keys(store, sid, name, number).count(Outcome.SAVED)


def save_or_revoke(url: str, table_name: str, sids: list[str], names: list[str], revoke: bool) -> int:
    """Revoke the sessions while the processes with these names save them, or be such a process."""
    work = _revoke_while_saved if revoke else _save_until_gone
    with opened(url, table_name, touch_interval=0) as store:
        return sum(work(store, sid, names) for sid in sids)


def _save_until_gone(store: SessionStore, sid: str, names: list[str]) -> bool:
    loaded = store.load(sid)
    assert loaded is not None
    for turn in range(100_000):
        # Every second save only touches.
        saved = store.save(loaded, loaded.data | {names[0]: turn - turn % 2})
        if saved.is_gone:
            return True
        loaded = saved.session
    return False


def _revoke_while_saved(store: SessionStore, sid: str, names: list[str]) -> bool:
    for _ in range(100_000):
        data = store.get(sid)
        assert data is not None
        if all(data.get(name, 0) > 0 for name in names):
            break
    return store.revoke(store.handle(sid))


def create_tables_and_write(url: str, table_names: list[str], name: str) -> None:
    """Be one of many processes whose first write creates a table."""
    for table_name in table_names:
        with opened(url, table_name, timestamps=True) as store:
            store.set(name, {"user_id": 1, "name": name})
            assert store.get(name) == {"user_id": 1, "name": name}


def save_first(url: str, table_name: str, sids: list[str], name: str) -> list[Outcome]:
    """Be one of many processes that store the same new sessions."""
    with opened(url, table_name) as store:
        return [store.save(store.blank(sid), {"user_id": 1, name: sid}).outcome for sid in sids]


def set_all(url: str, table_name: str, sids: list[str], name: str) -> None:
    """Be one of many processes that overwrite the same sessions."""
    with opened(url, table_name) as store:
        for sid in sids:
            store.set(sid, {"device": name, "name": name})


def add_column(url: str, table_names: list[str], name: str) -> None:
    """Be one of many processes of a new release that declares one more column."""
    for table_name in table_names:
        with opened(url, table_name, schemas=f"{SCHEMAS}; place String(20) index") as store:
            store.set(name, {"user_id": 1, "place": name})
            assert store.get(name) == {"user_id": 1, "place": name}


def count_up(url: str, table_name: str) -> None:
    """Count 20 times on each of two counters."""
    with opened(url, table_name) as store:
        cache = SchemaCache(store)
        for _ in range(20):
            cache.inc("counter")
            cache.inc("other", 2**64)


def in_fork(work: Callable[[], Any]) -> Any:
    """What `work` returns in a child that is forked now."""
    context = mp.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sending.send(work()))
    child.start()
    sending.close()
    child.join(60)
    assert child.exitcode == 0
    with receiving:
        return receiving.recv()


def write_numbered(store: SessionStore, name: str, number: int) -> None:
    """Store as many sessions, and read each."""
    for turn in range(number):
        store.set(f"{name}-{turn}", {"user_id": turn})
        assert store.get(f"{name}-{turn}") == {"user_id": turn}


def count_in_process(url: str, table_name: str) -> int:
    """How many sessions there are."""
    with opened(url, table_name) as store:
        return store.count()
