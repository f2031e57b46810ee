"""What `save` returns can be worked on: its data, its expiry, and the next save of the same request."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import Column, Integer, String, update

from clocks import HOUR, MINUTE
from schema_session_backend import Outcome, WrongArgument
from schema_session_backend._sql.query import Query
from schema_session_backend._sql.saving import Saving

pytestmark = pytest.mark.partitioned_too


def loaded(store):
    store.set("a", {"user_id": 1})
    return store.load("a")


STARTS = {"blank": lambda store: store.blank("a"), "loaded": loaded}


@pytest.fixture(params=list(STARTS))
def start(request, store):
    return STARTS[request.param](store)


def test_a_further_save_keeps_what_the_save_before_has_written(store, start):
    saved = store.save(start, {"user_id": 42, "lang": "de"}).session
    saved = store.save(saved, saved.data | {"cart": [1]}).session

    assert store.get("a") == {"user_id": 42, "lang": "de", "cart": [1]}
    assert saved.data == store.get("a")


def test_save_without_data_saves_the_data_of_the_session(store, start):
    start.data["user_id"] = 42
    saved = store.save(start).session
    saved.data["cart"] = [1]
    assert store.save(saved).outcome is Outcome.SAVED
    saved.data["cart"].append(2)
    assert store.save(saved).outcome is Outcome.SAVED

    assert store.get("a") == {"user_id": 42, "cart": [1, 2]}


def test_a_key_that_the_further_save_leaves_out_is_removed(store, start):
    saved = store.save(start, {"user_id": 42, "cart": [1]}).session
    store.save(saved, {"user_id": 42})

    assert store.get("a") == {"user_id": 42}


def test_changes_of_other_requests_between_two_saves_are_kept(store, start):
    saved = store.save(start, {"user_id": 42}).session
    theirs = store.load("a")
    store.save(theirs, theirs.data | {"theirs": 1})
    saved = store.save(saved, saved.data | {"mine": 1}).session
    saved = store.save(saved, saved.data | {"more": 1}).session

    assert store.get("a") == {"user_id": 42, "theirs": 1, "mine": 1, "more": 1}
    assert saved.data == {"user_id": 42, "mine": 1, "more": 1}


def test_an_unchanged_save_returns_the_data_that_it_was_given(store):
    session = loaded(store)
    data = {"user_id": 1}
    saved = store.save(session, data)

    assert saved.outcome is Outcome.UNCHANGED
    assert saved.session.data is data


@pytest.mark.parametrize("max_age", [None, MINUTE, float("inf")])
def test_a_saved_session_knows_when_it_expires(store, start, max_age):
    saved = store.save(start, {"user_id": 42}, max_age).session

    _assert_about(saved.expires_at, store.load("a").expires_at)
    _assert_about(saved.record().expires_at, store.find(user_id=42)[0].expires_at)


def test_a_saved_session_expires_at_its_absolute_timeout(moved_store, clock):
    store = moved_store(timestamps=True, max_age=HOUR, absolute_max_age=HOUR + MINUTE)
    store.set("a", {})
    clock.advance(HOUR // 2)
    saved = store.save(store.load("a"), {"n": 1}).session
    _assert_about(saved.expires_at, store.load("a").expires_at)
    clock.advance(HOUR // 4)
    saved = store.save(store.load("a"), {"n": 1}).session
    _assert_about(saved.expires_at, store.load("a").expires_at)


def test_a_touched_session_knows_when_it_expires(moved_store, clock):
    store = moved_store(max_age=HOUR, touch_interval=0)
    store.set("a", {})
    clock.advance(MINUTE)
    saved = store.save(store.load("a"))

    assert saved.outcome is Outcome.TOUCHED
    _assert_about(saved.session.expires_at, store.load("a").expires_at)


def _assert_about(moment: dt.datetime | None, other: dt.datetime | None) -> None:
    assert (moment is None) is (other is None)
    if moment is not None and other is not None:
        assert abs(moment - other) < dt.timedelta(seconds=20)


def test_defaults_of_columns_survive_a_further_save(make_store):
    store = make_store(
        schemas=[
            Column("plan", String(20), default="free"),
            Column("level", Integer, nullable=False, server_default="3"),
        ]
    )
    saved = store.save(store.blank("a"), {"n": 1}).session
    assert saved.data == {"n": 1, "plan": "free"}
    saved = store.save(saved, saved.data | {"n": 2}).session

    assert store.get("a") == {"n": 2, "plan": "free", "level": 3}


def test_a_session_that_expires_between_the_lock_and_the_write_is_gone(store, monkeypatch):
    mine, theirs = loaded(store), store.load("a")
    store.save(theirs, {"theirs": 1})
    locked = Saving._locked

    def locked_and_expired(self, transaction, sid, handle):
        session = locked(self, transaction, sid, handle)
        transaction.run(Query(update(store.repo()).values(expire_at=1)), {})
        return session

    monkeypatch.setattr(Saving, "_locked", locked_and_expired)

    assert store.save(mine, {"mine": 1}).outcome is Outcome.GONE


@pytest.mark.parametrize("given", [None, {"user_id": 1}, "a", 42], ids=repr)
def test_save_takes_a_loaded_session(store, given):
    with pytest.raises(WrongArgument, match="save takes what load or blank returned"):
        store.save(given, {})
    with pytest.raises(WrongArgument, match="save takes what load or blank returned"):
        store.save(given)
