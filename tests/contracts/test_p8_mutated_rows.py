"""P8: rows that are changed at random, through every operation.

`MUTATIONS=10000` changes so many rows on each database; without it, 200. `MUTATIONS_SEED` changes others.
"""

from __future__ import annotations

import logging
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from mutations import ROWS, SCHEMAS, SEED, Stopwatch, Timed, mutate, remove_all_but, rows_of

from schema_session_backend import new_session_id
from schema_session_backend.cachelib import SchemaCache

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 20
USER = 7


def read_and_save(store: Timed, sid: str) -> None:
    data, loaded = store.get(sid), store.load(sid)
    assert (data is None) is (loaded is None)
    store.has(sid)
    store.touch(sid)
    if loaded is not None:
        assert not store.save(loaded).is_gone
        assert store.save(loaded, loaded.data | {"more": 1}).was_written


def update_in_place(store: Timed, sid: str) -> None:
    if store.update(sid, lambda data: data | {"more": 1}) is not None:
        assert store.get(sid)["more"] == 1


def add_and_update(store: Timed, sid: str) -> None:
    if store.add(sid, {"n": 2}):
        assert store.update(sid, lambda data: data | {"n": 3}) == {"n": 3}


def rotate_and_destroy(store: Timed, sid: str) -> None:
    if store.rotate(sid, new := new_session_id()):
        store.get(new)
        assert not store.has(sid)
        assert store.destroy(new)


def save_under_a_new_id(store: Timed, sid: str) -> None:
    loaded, new = store.load(sid), new_session_id()
    if loaded is not None:
        assert store.save(loaded, loaded.data | {"more": 1}, new_sid=new).was_written
        assert store.get(sid) is None


def begin(store: Timed, sid: str) -> None:
    assert store.save(store.blank(sid), {"n": 1}).was_written


def store_anew_and_revoke(store: Timed, sid: str) -> None:
    store.set(sid, {"user_id": USER, "n": 3})
    assert store.get(sid) == {"user_id": USER, "n": 3}
    loaded = store.load(sid)
    assert store.save(loaded, {"user_id": USER, "n": 4}).was_written
    assert store.revoke(store.handle(sid), user_id=USER)
    assert not store.has(sid)


def store_many_anew(store: Timed, sid: str) -> None:
    store.set_many({sid: {"n": 3}})
    assert store.get_many([sid]) == {sid: {"n": 3}}


def destroy(store: Timed, sid: str) -> None:
    store.destroy(sid)
    assert not store.has(sid)


def revoke(store: Timed, sid: str) -> None:
    was_live = store.has(sid)
    assert store.revoke(store.handle(sid)) is was_live
    assert not store.has(sid)


def revoke_among_many(store: Timed, sid: str) -> None:
    was_live = store.has(sid)
    assert store.revoke_many([store.handle(sid)]) == was_live
    assert not store.has(sid)


def destroy_among_many(store: Timed, sid: str) -> None:
    store.destroy_many([sid])
    assert not store.has(sid)


def use_as_a_cache(store: Timed, sid: str) -> None:
    cache = store.stopwatch.on(SchemaCache(store.subject))
    cache.get(sid)
    cache.get_many(sid)
    assert cache.set(sid, 1)
    assert cache.inc(sid) == 2
    assert cache.delete(sid)


LIVES: list[Callable[[Timed, str], None]] = [
    read_and_save, update_in_place, add_and_update, rotate_and_destroy, save_under_a_new_id, begin,
    store_anew_and_revoke, store_many_anew, destroy, revoke, revoke_among_many, destroy_among_many,
    use_as_a_cache,
]  # fmt: skip
"""What becomes of the copies of a changed row, each of which has its own."""
IN_A_TRANSACTION: list[Callable[[Timed, str], None]] = [
    read_and_save,
    update_in_place,
    rotate_and_destroy,
    begin,
    revoke,
]


def list_all(store: Timed, others: dict[str, Any], handles: set[str], sids: list[str]) -> None:
    assert {record.handle for record in store.find(user_id=USER)} >= handles
    assert store.count(user_id=USER) >= len(handles)
    assert sum(day.count for day in store.count_per_day()) >= len(handles)
    assert store.get_many([*others, *sids]).items() >= others.items()
    listed, after = set(), None
    while True:
        page = store.browse(after=after, limit=10, user_id=USER)
        listed |= {record.handle for record in page.records}
        if page.after is None:
            break
        assert after is None or page.after > after
        after = page.after
    assert listed >= handles


@pytest.mark.parametrize("hash_sid", [True, False])
def test_a_changed_row_costs_its_own_session_only(make_store, tmp_path, caplog, hash_sid):
    caplog.set_level(logging.CRITICAL, "schema_session_backend")
    random, marker = Random(SEED), tmp_path / "was_run"
    operations, listings = Stopwatch(), Stopwatch()
    store = make_store(schemas=SCHEMAS, timestamps=True, absolute_max_age=10**9, hash_sid=hash_sid)
    others = {f"other{number}": {"user_id": USER, "n": number} for number in range(5)}
    store.set_many(others)
    own = {store.handle(sid) for sid in others}
    before, done = rows_of(store, own), 0

    while done < ROWS // 2:
        copies = [[new_session_id() for _ in LIVES] for _ in range(AT_ONCE)]
        # One copy of each change is in the listings.
        listed = [sids[0] for sids in copies]
        store.set_many(
            {sid: {} for sids in copies for sid in sids} | {sid: {"user_id": USER} for sid in listed}
        )
        changes = mutate(store, [[*map(store.handle, sids)] for sids in copies], random, marker)
        done += AT_ONCE

        listings.about = operations.about = f"with {AT_ONCE} changed rows"
        list_all(listings.on(store), others, own, listed)
        with store.engine.connect() as connection:
            within = store.within(connection)
            list_all(listings.on(within), others, own, listed)
            for change, sids in zip(changes, copies, strict=True):
                operations.about = f"in a transaction, {change}"
                for life, sid in zip(IN_A_TRANSACTION, sids, strict=False):
                    life(operations.on(within), sid)
            assert within.revoke_where(user_id=USER, keep="other0") >= len(others) - 1
            assert within.keep_newest(0, user_id=USER) >= 1
            within.clear()
            connection.rollback()
        for change, sids in zip(changes, copies, strict=True):
            operations.about = str(change)
            for life, sid in zip(LIVES, sids, strict=True):
                life(operations.on(store), sid)
        store.gc()

        assert rows_of(store, own) == before
        remove_all_but(store, own)
        if done == AT_ONCE:
            operations.forget()
            listings.forget()

    assert not marker.exists()
    print(f"\n{operations.report(done)}\n{listings.report(done)}")
