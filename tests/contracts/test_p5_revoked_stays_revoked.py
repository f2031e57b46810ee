"""P5: a session that ended while a request was running is not brought back when that request saves."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine
from values import stored_rows
from workers import save_or_revoke

from processes import at_once
from schema_session_backend import Outcome, Saved, SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_session_backend import LoadedSession

pytestmark = pytest.mark.partitioned_too

BEFORE: dict[str, Any] = {"user_id": 1, "device": "phone", "cart": [1]}

ENDS: dict[str, Callable[[SessionStore], object]] = {
    "destroy": lambda store: store.destroy("a"),
    "revoke": lambda store: store.revoke(store.handle("a")),
    "revoke_where": lambda store: store.revoke_where(user_id=1),
    "keep_newest": lambda store: store.keep_newest(0, user_id=1),
    "clear": lambda store: store.clear(),
}

SAVES: dict[str, Callable[[SessionStore, LoadedSession], Saved]] = {
    "a change of a column": lambda store, loaded: store.save(loaded, BEFORE | {"user_id": 2}),
    "a change of another key": lambda store, loaded: store.save(loaded, BEFORE | {"cart": [1, 2]}),
    "a removal": lambda store, loaded: store.save(loaded, {}),
    "nothing changed, a touch is due": lambda store, loaded: store.save(loaded, loaded.data, 10**7),
    "a session that never expires": lambda store, loaded: store.save(loaded, {"x": 1}, float("inf")),
    "a new id": lambda store, loaded: store.save(loaded, BEFORE | {"user_id": 2}, new_sid="elsewhere"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_session_that_was_ended_is_not_brought_back(store, end):
    for name, save in SAVES.items():
        store.set("a", BEFORE)
        running = store.load("a")
        assert end(store)

        assert save(store, running).outcome is Outcome.GONE, name
        assert stored_rows(store) == [], name
        assert save(store, running).outcome is Outcome.GONE, name


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_session_that_ended_after_a_save_of_the_same_request_is_not_brought_back(store, end):
    store.set("a", BEFORE)
    running = store.save(store.load("a"), BEFORE | {"saved": 1}).session
    assert end(store)

    assert store.save(running, BEFORE | {"saved": 2}).outcome is Outcome.GONE
    assert stored_rows(store) == []


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_session_that_ended_after_a_merge_is_not_brought_back(store, end):
    store.set("a", BEFORE)
    running, other = store.load("a"), store.load("a")
    store.save(other, BEFORE | {"theirs": 1})
    running = store.save(running, BEFORE | {"mine": 1}).session
    assert store.get("a") == BEFORE | {"theirs": 1, "mine": 1}
    assert end(store)

    assert store.save(running, BEFORE | {"mine": 2}).outcome is Outcome.GONE
    assert store.save(other, BEFORE | {"theirs": 2}).outcome is Outcome.GONE
    assert stored_rows(store) == []


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_session_that_ended_after_its_first_save_is_not_brought_back(store, end):
    started = store.save(store.blank("a"), BEFORE).session
    assert end(store)

    assert store.save(started, BEFORE | {"x": 1}).outcome is Outcome.GONE
    assert stored_rows(store) == []


def test_a_request_that_rotated_its_session_saves_it_under_the_new_id(store):
    store.set("a", BEFORE)
    mine, theirs = store.load("a"), store.load("a")
    store.save(theirs, BEFORE | {"theirs": 1})
    renamed = store.save(mine, new_sid="b").session

    assert store.save(renamed, BEFORE | {"mine": 1}).outcome is Outcome.SAVED
    assert store.get("b") == BEFORE | {"theirs": 1, "mine": 1}
    assert store.get("a") is None


@pytest.mark.parametrize("save", SAVES.values(), ids=SAVES)
@pytest.mark.parametrize("collected", [True, False])
def test_a_session_that_expired_is_not_brought_back(moved_store, clock, save, collected):
    store = moved_store(max_age=600, timestamps=True)
    store.set("a", BEFORE)
    running = store.load("a")
    clock.advance(601)
    assert store.gc() == 1 if collected else store.get("a") is None
    before = stored_rows(store)

    assert save(store, running).outcome is Outcome.GONE
    assert store.get("a") is None
    assert stored_rows(store) == before


@pytest.mark.parametrize(("end", "outcome"), [("commit", Outcome.GONE), ("rollback", Outcome.SAVED)])
def test_a_save_waits_for_a_transaction_that_is_ending_its_session(store, url, end, outcome):
    store.set("a", BEFORE)
    running = store.load("a")
    engine = create_engine(url)
    with ThreadPoolExecutor(1) as pool, engine.connect() as own:
        assert store.within(own).destroy("a")
        saving = pool.submit(store.save, running, {"x": 1})
        getattr(own, end)()

        assert saving.result().outcome is outcome
    engine.dispose()
    assert (store.get("a") is None) is (outcome is Outcome.GONE)


def test_an_unchanged_save_without_a_due_touch_stores_nothing(store):
    """An unchanged save runs no SQL, so it cannot notice the end; it does not bring the session back."""
    store.set("a", BEFORE)
    running = store.load("a")
    store.destroy("a")

    assert store.save(running, running.data).outcome is Outcome.UNCHANGED
    assert stored_rows(store) == []


# -- ended and stored anew under the same id


def _rotate_another(store: SessionStore) -> None:
    store.set("b", {"user_id": 2, "new": 1})
    store.rotate("b", "a")


ANEW: dict[str, Callable[[Any], object]] = {
    "set": lambda store: store.set("a", {"user_id": 2, "new": 1}),
    "set_many": lambda store: store.set_many({"a": {"user_id": 2, "new": 1}, "other": {}}),
    "a first save": lambda store: store.save(store.blank("a"), {"user_id": 2, "new": 1}),
    "rotate": _rotate_another,
}


@pytest.mark.parametrize("anew", ANEW.values(), ids=ANEW)
def test_a_new_session_under_an_old_id_is_not_the_old_one(store, anew):
    for name, save in SAVES.items():
        store.clear()
        store.set("a", BEFORE)
        running = store.load("a")
        store.destroy("a")
        anew(store)
        before = stored_rows(store)

        assert save(store, running).outcome is Outcome.GONE, name
        assert store.get("a") == {"user_id": 2, "new": 1}, name
        assert stored_rows(store) == before, name


@pytest.mark.parametrize("anew", ANEW.values(), ids=ANEW)
def test_a_new_session_under_an_old_id_that_was_saved_again_is_not_the_old_one(store, anew):
    store.set("a", BEFORE)
    running, other = store.load("a"), store.load("a")
    store.save(other, BEFORE | {"other": 1})
    store.destroy("a")
    anew(store)
    newer = store.load("a")
    for turn in range(3):
        newer = store.save(newer, {"user_id": 2, "turn": turn}).session

    for late in (running, other):
        assert store.save(late, {"late": 1}).outcome is Outcome.GONE
    assert store.get("a") == {"user_id": 2, "turn": 2}


def test_a_new_session_under_the_id_of_an_expired_session_is_not_the_old_one(moved_store, clock):
    store = moved_store(max_age=600)
    for sid, anew in (("a", lambda: store.set("a", {"new": 1})), ("b", lambda: _first_save(store, "b"))):
        store.set(sid, {"old": 1})
        running = store.load(sid)
        clock.advance(601)
        anew()

        assert store.save(running, {"late": 1}).outcome is Outcome.GONE
        assert store.get(sid) == {"new": 1}


def _first_save(store: SessionStore, sid: str) -> None:
    assert store.save(store.blank(sid), {"new": 1}).outcome is Outcome.SAVED


def test_none_of_many_new_sessions_under_an_old_id_is_the_old_one(store):
    store.set("a", BEFORE)
    running = store.load("a")
    for _ in range(100):
        store.destroy("a")
        store.set("a", {"new": 1})
        assert store.save(running, {"late": 1}).outcome is Outcome.GONE

    assert store.get("a") == {"new": 1}


# -- what does store an ended session


def test_a_blind_set_stores_a_session_whatever_was_before(store):
    store.set("a", BEFORE)
    store.destroy("a")
    store.set("a", {"x": 1})
    store.revoke(store.handle("a"))
    store.set_many({"a": {"x": 2}})

    assert store.get("a") == {"x": 2}


def test_a_first_save_stores_a_session_that_was_ended_before(store):
    """Whoever starts from nothing is logging in."""
    store.set("a", BEFORE)
    store.destroy("a")

    assert store.save(store.blank("a"), {"x": 1}).outcome is Outcome.SAVED
    assert store.get("a") == {"x": 1}


def test_a_first_save_over_an_expired_row_starts_anew(moved_store, clock):
    store = moved_store(max_age=600, timestamps=True)
    store.set("a", BEFORE)
    clock.advance(601)
    session = store.save(store.blank("a"), {"x": 1}).session

    assert store.get("a") == {"x": 1}
    assert store.save(session, {"x": 2}).outcome is Outcome.SAVED
    assert store.get("a") == {"x": 2}


# -- really at once


def test_no_thread_brings_back_a_session_that_another_thread_revokes(make_store):
    store = make_store(touch_interval=0)
    ends = [end for name, end in ENDS.items() if name != "clear"]
    savers = 3
    meet = threading.Barrier(savers + 1, timeout=60)
    rounds = 150

    def save(number: int) -> int:
        gone = 0
        for turn in range(rounds):
            meet.wait()
            running = store.load("a")
            meet.wait()
            # Thread 0 only touches, thread 1 alternates, and thread 2 changes the session each time.
            data = running.data | ({f"k{number}": turn} if number + turn % 2 > 1 else {})
            saved = store.save(running, data)
            store.touch("a")
            meet.wait()
            gone += store.save(saved.session, BEFORE | {"late": number}).outcome is Outcome.GONE
            assert saved.outcome in {Outcome.SAVED, Outcome.TOUCHED, Outcome.GONE}
            meet.wait()
        return gone

    def end() -> int:
        revived = 0
        for turn in range(rounds):
            store.set("a", BEFORE)
            meet.wait()
            meet.wait()
            assert ends[turn % len(ends)](store)
            meet.wait()
            meet.wait()
            revived += store.get("a") is not None
        return revived

    with ThreadPoolExecutor(savers + 1) as pool:
        saving = [pool.submit(save, number) for number in range(savers)]
        assert pool.submit(end).result() == 0
        assert [one.result() for one in saving] == [rounds] * savers
    assert stored_rows(store) == []


@pytest.mark.unsealed
def test_no_process_brings_back_a_session_that_another_process_revokes(store, url, table_name):
    sids = [f"s{number}" for number in range(100)]
    store.set_many({sid: {"user_id": 1} for sid in sids})
    names = ["one", "two"]

    counts = at_once(
        save_or_revoke,
        [*((url, table_name, sids, [name], False) for name in names), (url, table_name, sids, names, True)],
    )

    assert counts == [100, 100, 100]
    assert stored_rows(store) == []
