"""A key of all sessions is moved to its column, or back, while the sessions are used."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Column, String, select
from values import write_row

from clocks import MINUTE
from schema_session_backend import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_session_backend import Moved, SessionStore

pytestmark = pytest.mark.partitioned_too

OLD = "user_id Integer"
NEW = "user_id Integer; device String(50) index"
COPY = "user_id Integer; device String(50) from client.device"


def all_of(move: Callable[..., Moved], field: str, limit: int = 7) -> tuple[int, int, int]:
    """Move the key of all sessions; returns the rows read, moved and left."""
    total, after = (0, 0, 0), None
    while True:
        part = move(field, after=after, limit=limit)
        total = (total[0] + part.rows, total[1] + part.moved, total[2] + part.left)
        after = part.after
        if after is None:
            return total


def expiries_of(store: SessionStore) -> dict[str, int]:
    table = store.repo()
    with store.engine.connect() as connection:
        rows = connection.execute(select(table.c.sid, table.c.expire_at)).all()
    return {row.sid: row.expire_at for row in rows}


@pytest.fixture
def old(make_store) -> SessionStore:
    """A store without the column, with sessions that have the key."""
    store = make_store(schemas=OLD)
    store.set_many({f"s{number}": {"user_id": number, "device": f"d{number % 3}"} for number in range(20)})
    store.set_many({"without": {"user_id": 99}, "none": {"device": None}})
    return store


@pytest.fixture
def before(old):
    return old.get_many([*(f"s{number}" for number in range(20)), "without", "none"])


def test_a_promoted_key_is_found_and_nothing_else_changes(old, make_store, before):
    new = make_store(schemas=NEW)
    assert new.count(device="d1") == 0
    expiries = expiries_of(new)

    assert all_of(new.promote, "device") == (22, 20, 0)

    assert new.count(device="d1") == 7
    assert new.get_many(before) == before
    assert expiries_of(new) == expiries
    assert all_of(new.promote, "device") == (22, 0, 0)


def test_demote_is_the_reverse(old, make_store, before):
    new = make_store(schemas=NEW)
    all_of(new.promote, "device")

    assert all_of(new.demote, "device") == (22, 20, 0)

    assert old.get_many(before) == new.get_many(before) == before
    assert new.count(device="d1") == 0


def test_a_searchable_copy_is_filled_the_same_way(make_store):
    old = make_store(schemas=OLD)
    old.set_many({f"s{number}": {"client": {"device": "phone"}} for number in range(9)})
    new = make_store(schemas=COPY)

    assert all_of(new.promote, "device") == (9, 9, 0)

    assert new.count(device="phone") == 9
    assert old.get("s1") == {"client": {"device": "phone"}}


def test_it_goes_on_where_it_was_interrupted(old, make_store, before):
    new = make_store(schemas=NEW)
    first = new.promote("device", limit=5)

    # Another process, which need not know where the first one was.
    assert all_of(new.promote, "device") == (22, 20 - first.moved, 0)
    assert new.get_many(before) == before


def test_a_session_that_is_saved_meanwhile_keeps_its_newer_value(old, make_store, monkeypatch):
    new = make_store(schemas=NEW)
    promoted = new._rows.promoted
    saved: list[str] = []

    def save_between(content):
        """Saved by the old version after it was read, and before it is written."""
        if not saved:
            saved.append("yes")
            for sid in [f"s{number}" for number in range(20)]:
                loaded = old.load(sid)
                old.save(loaded, {**loaded.data, "device": "newer"})
        return promoted(content)

    monkeypatch.setattr(new._rows, "promoted", save_between)

    assert all_of(new.promote, "device", limit=100) == (22, 20, 0)
    assert new.count(device="newer") == 20


def test_a_session_that_ends_meanwhile_is_not_brought_back(old, make_store, monkeypatch):
    new = make_store(schemas=NEW)
    promoted = new._rows.promoted
    monkeypatch.setattr(new._rows, "promoted", lambda content: (old.clear(), promoted(content))[1])

    assert all_of(new.promote, "device", limit=100) == (22, 0, 0)
    assert new.count() == 0


def test_a_request_that_is_running_merges_with_the_move(old, make_store):
    new = make_store(schemas=NEW)
    loaded = new.load("s1")

    all_of(new.promote, "device")
    new.save(loaded, {**loaded.data, "cart": [1]})

    assert new.get("s1") == {"user_id": 1, "device": "d1", "cart": [1]}


def test_values_that_do_not_fit_are_left_and_cost_nobody_else(old, make_store):
    old.set("long", {"client": {"device": "x" * 60}})
    old.set("fits", {"client": {"device": "phone"}})
    write_row(old, "s1", additional="no JSON")
    new = make_store(schemas=COPY)

    assert all_of(new.promote, "device") == (24, 1, 1)

    assert new.get("long") == {"client": {"device": "x" * 60}}
    assert new.count(device="phone") == 1


def test_what_has_expired_stays_as_it_is(make_store, frozen):
    store, clock = frozen(schemas=OLD)
    store.set("gone", {"device": "phone"}, max_age=MINUTE)
    new = make_store(schemas=NEW)
    new.wait_for_sync()
    clock.install(new)
    clock.advance(2 * MINUTE)

    assert all_of(new.promote, "device") == (0, 0, 0)


@pytest.mark.parametrize(
    ("call", "field", "problem"),
    [
        ("promote", "devise", "did you mean 'device'"),
        ("demote", "cart", "known: "),
        ("demote", "plan", "NOT NULL"),
        ("demote", "copy", "known: device, plan"),
    ],
)
def test_a_column_that_cannot_be_moved_is_refused(make_store, call, field, problem):
    columns = [
        Column("device", String(50)),
        Column("plan", String(9), nullable=False),
        Column("copy", String(9), info={"from": "a.b"}),
    ]
    store = make_store(schemas=columns)

    with pytest.raises(ConfigurationError, match=problem):
        getattr(store, call)(field)


def test_writers_lose_nothing_while_keys_are_moved(old, make_store):
    """Old and new versions save all the time; each session's counter must be what was acknowledged."""
    new = make_store(schemas=NEW)
    new.wait_for_sync()
    acknowledged = dict.fromkeys((f"s{number}" for number in range(20)), 0)
    stop = threading.Event()

    def write(store: SessionStore, sids: list[str]) -> None:
        choose = random.Random(1)
        while not stop.is_set():
            sid = choose.choice(sids)
            loaded = store.load(sid)
            assert loaded is not None
            count = acknowledged[sid] + 1
            if not store.save(loaded, {**loaded.data, "count": count}).is_gone:
                acknowledged[sid] = count

    sids = list(acknowledged)
    threads = [
        threading.Thread(target=write, args=[old, sids[:10]]),
        threading.Thread(target=write, args=[new, sids[10:]]),
    ]
    for thread in threads:
        thread.start()
    for _ in range(5):
        all_of(new.promote, "device")
        all_of(new.demote, "device")
    all_of(new.promote, "device")
    stop.set()
    for thread in threads:
        thread.join()

    found = new.get_many(sids)
    assert {sid: data.get("count", 0) for sid, data in found.items()} == acknowledged
    assert [data["device"] for data in found.values()] == [f"d{int(sid[1:]) % 3}" for sid in found]
