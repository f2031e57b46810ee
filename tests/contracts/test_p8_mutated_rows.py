"""P8: rows that are changed at random, through every operation and through HTTP.

`MUTATIONS=10000` changes so many rows on each database; without it, 200.
"""

from __future__ import annotations

import os
import time
from random import Random
from typing import TYPE_CHECKING, Any

from flask import Flask, session
from flask_session import Session
from mutations import GOOD, SCHEMAS, mutated
from sqlalchemy import select
from values import write_row

from schema_session_backend import SessionStoreError, new_session_id
from schema_session_backend.cachelib import SchemaCache

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = int(os.environ.get("MUTATIONS", "200"))
AT_ONCE = 20
SEED = int(os.environ.get("MUTATIONS_SEED", "15"))


class Slowest:
    """The operation that took longest, which is printed and not asserted; in seconds of the CPU."""

    def __init__(self) -> None:
        self.seconds, self.what = 0.0, ""

    def run(self, what: str, operation: Callable[[], Any]) -> Any:
        """Run an operation; a `SessionStoreError` is a documented outcome, and comes back as a value."""
        start = time.process_time()
        try:
            return operation()
        except SessionStoreError as error:
            return error
        finally:
            taken = time.process_time() - start
            if taken > self.seconds:
                self.seconds, self.what = taken, what


def untouched(store, own):
    with store.engine.connect() as connection:
        query = select(store.repo()).where(store.repo().c.sid.in_(own)).order_by(store.repo().c.sid)
        return [tuple(row) for row in connection.execute(query)]


def test_a_changed_row_costs_its_own_session_only(  # noqa: PLR0915 - one life of a row
    make_store, tmp_path
):
    random, slowest, marker = Random(SEED), Slowest(), tmp_path / "was_run"
    store = make_store(schemas=SCHEMAS, timestamps=True, absolute_max_age=10**9)
    others = {f"other{number}": {"user_id": 7, "n": number} for number in range(5)}
    store.set_many(others)
    own = [store.handle(sid) for sid in others]
    before, done = untouched(store, own), 0
    app = Flask("mutated")
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SchemaCache(store), SESSION_KEY_PREFIX="")
    Session(app)
    app.add_url_rule("/", "read", lambda: str(session.get("n")))
    app.add_url_rule("/write", "write", lambda: str(session.update(seen=1)))

    while done < ROWS:
        sids = [new_session_id() for _ in range(AT_ONCE)]
        store.set_many({sid: {"user_id": 7} for sid in sids})
        changes: dict[str, str] = {}
        for sid in sids:
            write_row(store, sid, additional=GOOD)
            with store.engine.begin() as connection:
                change = mutated(connection, store.repo(), store.handle(sid), random, marker)
                if change is not None:
                    changes[sid] = change
        done += len(sids)

        found = slowest.run("find", lambda: store.find(user_id=7))
        assert {record.handle for record in found} >= set(own), changes
        pages, after = [], None
        while True:
            page = store.browse(after=after, limit=3)
            pages += page.records
            if page.after is None:
                break
            assert after is None or page.after > after
            after = page.after
        assert {record.handle for record in pages} >= set(own), changes
        assert store.get_many([*others, *sids]).items() >= others.items()
        assert sum(day.count for day in store.count_per_day()) >= len(others)

        for sid, change in changes.items():
            client = app.test_client()
            client.set_cookie("session", sid)
            for path in ("/", "/write"):
                answer = slowest.run(f"HTTP {path}, {change}", lambda: client.get(path))  # noqa: B023
                assert answer.status_code == 200, change
            loaded = slowest.run(f"load, {change}", lambda: store.load(sid))  # noqa: B023
            assert not isinstance(loaded, SessionStoreError), change
            if loaded is not None:
                assert store.save(loaded, loaded.data | {"more": 1}).was_written, change
            for operation in (
                lambda: store.has(sid),  # noqa: B023
                lambda: store.touch(sid),  # noqa: B023
                lambda: store.update(sid, lambda data: data),  # noqa: B023
                lambda: store.add(sid, {}),  # noqa: B023
                lambda: store.save(store.blank(sid), {"n": 1}),  # noqa: B023
            ):
                answer = slowest.run(change, operation)
                assert not isinstance(answer, SessionStoreError), change
            store.set(sid, {"user_id": 7, "n": 3})
            assert store.get(sid) == {"user_id": 7, "n": 3}, change
            assert store.rotate(sid, new := new_session_id()), change
            assert store.revoke(store.handle(new), user_id=7), change
        store.gc()
        assert untouched(store, own) == before
        store.revoke_where(store.repo().c.sid.not_in(own))

    assert not marker.exists()
    print(f"\n{done} rows; the slowest took {slowest.seconds * 1000:.0f} ms of CPU: {slowest.what[:200]}")
