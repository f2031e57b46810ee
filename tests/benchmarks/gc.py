"""Does anybody wait while expired sessions are removed? One process reads, one writes, a third removes."""

from __future__ import annotations

import random
import statistics
from contextlib import suppress
from multiprocessing import get_context
from time import perf_counter, perf_counter_ns, sleep
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

from schema_session_backend import SessionStore

from .contenders.base import drop
from .contenders.ours import open_store, preload
from .sessions import MAX_AGE, SCHEMAS, session, sid

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

TABLE = "bench_gc"
QUIET = 3.0
"""Seconds without gc, to compare with."""


def of_half(url: str, count: int) -> dict[str, Any]:
    """`waits` on a new table, half of whose sessions have expired."""
    store = open_store(url, TABLE)
    store.set(sid(0), session(0))
    preload(store, url, count)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {TABLE} SET expire_at = 1 WHERE user_id % 2 = 0"))
    engine.dispose()
    live = [sid(number) for number in range(count) if session(number)["user_id"] % 2]
    found = waits(store, url, TABLE, live)
    store.close()
    drop(url, TABLE)
    return found


def waits(store: SessionStore, url: str, table: str, live: list[str]) -> dict[str, Any]:
    """What a reader and a writer waited in milliseconds, before gc and during it.

    Args:
        store: removes the expired sessions.
        url: of the database.
        table: where they are.
        live: ids of sessions that have not expired.
    """
    context = get_context("spawn")
    found: dict[str, Any] = {}
    for phase in ("without gc", "during gc"):
        ready, over = context.Barrier(3), context.Event()
        answers: Any = context.Queue()
        clients = [
            context.Process(target=_client, args=(url, table, live, work, ready, over, answers))
            for work in ("read", "write")
        ]
        for client in clients:
            client.start()
        ready.wait()
        start = perf_counter()
        if phase == "during gc":
            found["removed"] = store.gc()
        else:
            sleep(QUIET)
        found[phase] = {"seconds": perf_counter() - start}
        over.set()
        for _ in clients:
            found[phase].update(answers.get())
        for client in clients:
            client.join()
    return found


def _client(url: str, table: str, live: list[str], work: str, ready: Any, over: Event, answers: Any) -> None:
    store = SessionStore(url, schemas=SCHEMAS, table_name=table, max_age=MAX_AGE, gc_interval=None)
    taken = []
    with suppress(KeyboardInterrupt):
        _work(store, work, live[0])
        ready.wait()
        while not over.is_set():
            one = random.choice(live)
            start = perf_counter_ns()
            _work(store, work, one)
            taken.append((perf_counter_ns() - start) / 1e6)
    taken.sort()
    summary = {"median": statistics.median(taken), "p99": taken[int(len(taken) * 0.99)], "most": taken[-1]}
    answers.put({work: summary})
    store.close()


def _work(store: SessionStore, work: str, one: str) -> None:
    loaded = store.load(one)
    assert loaded is not None
    if work == "write":
        store.save(loaded, {**loaded.data, "visits": random.random()})
