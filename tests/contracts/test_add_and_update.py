"""`add`, `has`, `update` and `destroy_many`, and `prefixed`: what several caches in one table need."""

from __future__ import annotations

import threading

import pytest
from values import no_sql, stored_rows, write_row

from schema_session_backend import ConfigurationError, InvalidField, InvalidSessionId, Outcome

pytestmark = pytest.mark.partitioned_too

MINUTE = 60

# -- add


def test_add_stores_a_session_unless_there_is_one(store):
    assert store.add("a", {"user_id": 1, "cart": [1]}) is True
    assert store.add("a", {"user_id": 2}) is False

    assert store.get("a") == {"user_id": 1, "cart": [1]}


def test_add_replaces_an_expired_session(moved_store, clock):
    store = moved_store(timestamps=True, gc_interval=None)
    store.set("a", {"user_id": 1, "cart": [1]}, MINUTE)
    clock.advance(2 * MINUTE)

    assert store.add("a", {"user_id": 2}, MINUTE) is True
    assert store.get("a") == {"user_id": 2}
    clock.advance(2 * MINUTE)
    assert store.get("a") is None


def test_of_many_adds_of_one_session_at_once_one_succeeds(moved_store, clock):
    store = moved_store(gc_interval=None)
    for expired in (False, True):
        store.destroy("a")
        if expired:
            store.set("a", {"user_id": 1}, MINUTE)
            clock.advance(2 * MINUTE)
        ready, added = threading.Barrier(8), list[int]()

        def add(number, ready=ready, added=added):
            ready.wait(30)
            if store.add("a", {"user_id": number}):
                added.append(number)

        threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [store.get("a")] == [{"user_id": number} for number in added]


def test_add_checks_what_set_checks(store):
    store.wait_for_sync()
    with no_sql(store):
        with pytest.raises(InvalidField):
            store.add("a", {"user_id": "1"})
        with pytest.raises(InvalidSessionId):
            store.add("", {})
        with pytest.raises(ConfigurationError):
            store.add("a", {}, -1)


# -- has


def test_has_says_whether_there_is_a_live_session(moved_store, clock):
    store = moved_store(gc_interval=None)
    store.set("a", {}, MINUTE)
    store.set("b", {}, float("inf"))
    assert (store.has("a"), store.has("b"), store.has("nobody")) == (True, True, False)
    clock.advance(2 * MINUTE)

    assert (store.has("a"), store.has("b")) == (False, True)


# -- update


def test_update_changes_a_session_and_leaves_its_expiry_alone(moved_store, clock):
    store = moved_store(timestamps=True, max_age=MINUTE)
    store.set("a", {"user_id": 1, "visits": 1})
    [before] = stored_rows(store)
    clock.advance(MINUTE - 20)

    assert store.update("a", lambda data: data | {"visits": data["visits"] + 1}) == {
        "user_id": 1,
        "visits": 2,
    }
    assert store.get("a") == {"user_id": 1, "visits": 2}
    [after] = stored_rows(store)
    names = store.repo().c.keys()
    changed = {name for name, old, new in zip(names, before, after, strict=True) if old != new}
    assert changed == {"additional", "updated_at", "revision"}
    clock.advance(30)
    assert store.get("a") is None
    assert store.update("a", dict) is None


def test_update_of_a_missing_session_does_nothing(store):
    assert store.update("nobody", lambda data: pytest.fail("called")) is None
    assert stored_rows(store) == []


@pytest.mark.parametrize("joined", [False, True])
def test_an_update_that_fails_changes_nothing(store, engine, joined):
    store.set("a", {"user_id": 1})
    before = stored_rows(store)

    def fails(_data):
        raise LookupError

    for change, error in ((fails, LookupError), (lambda data: data | {"user_id": "2"}, InvalidField)):
        if joined:
            with pytest.raises(error), engine.begin() as connection:
                store.within(connection).update("a", change)
        else:
            with pytest.raises(error):
                store.update("a", change)

    assert stored_rows(store) == before


def test_update_can_take_part_in_the_callers_transaction(store, engine):
    store.set("a", {"visits": 1})
    with engine.connect() as connection:
        store.within(connection).update("a", lambda data: {"visits": data["visits"] + 1})
        connection.rollback()
    assert store.get("a") == {"visits": 1}
    with engine.begin() as connection:
        store.within(connection).update("a", lambda data: {"visits": data["visits"] + 1})

    assert store.get("a") == {"visits": 2}


def test_p4_a_save_in_flight_keeps_what_an_update_changed(store):
    store.set("a", {"visits": 1})
    running = store.load("a")
    store.update("a", lambda data: data | {"visits": 2})

    assert store.save(running, running.data | {"mine": 1}).outcome is Outcome.SAVED
    assert store.get("a") == {"visits": 2, "mine": 1}


def test_a_corrupt_session_is_not_updated(store):
    store.set("a", {"visits": 1})
    write_row(store, "a", additional="{")

    assert store.update("a", lambda data: data | {"visits": 2}) is None


# -- destroy_many


def test_destroy_many_removes_the_sessions_that_exist(moved_store, clock):
    store = moved_store(gc_interval=None)
    store.set_many({"a": {}, "b": {}, "c": {}}, MINUTE)
    clock.advance(2 * MINUTE)
    store.set("d", {})

    assert store.destroy_many(["a", "nobody", "b", "", "é", None]) == 2
    assert len(stored_rows(store)) == 2
    assert store.destroy_many(["c", "d"]) == 2
    assert store.destroy_many([]) == 0


def test_destroy_many_takes_more_ids_than_a_statement_has_parameters(store):
    store.set_many({"a": {"user_id": 1}, "b": {}})
    sids = ["a", *(str(number) for number in range(70_000)), "b"]

    assert store.get_many(sids) == {"a": {"user_id": 1}, "b": {}}
    assert store.destroy_many(sids) == 2


# -- prefixed


@pytest.fixture(params=[True, False], ids=["hashed", "plain"])
def stores(make_store, request):
    """A store, and two that share its table under prefixes of their own."""
    store = make_store(hash_sid=request.param, timestamps=True)
    return store, store.prefixed("a:"), store.prefixed("A:")


def test_a_prefixed_store_has_only_its_own_sessions(stores):
    whole, one, other = stores
    for number, store in enumerate(stores):
        store.set("x", {"user_id": 1, "number": number})
        store.set("y", {"user_id": 2})

    assert [store.get("x")["number"] for store in stores] == [0, 1, 2]
    assert [store.count() for store in stores] == [6, 2, 2]
    assert [len(store.find(user_id=1)) for store in stores] == [3, 1, 1]
    assert one.get_many(["x", "nobody"]) == {"x": {"user_id": 1, "number": 1}}
    assert one.revoke_where(user_id=1) == 1
    assert one.keep_newest(0, user_id=2) == 1
    assert [store.count() for store in stores] == [4, 0, 2]
    assert other.clear() == 2
    assert [store.count() for store in stores] == [2, 0, 0]
    assert whole.clear() == 2


def test_a_prefixed_store_revokes_only_handles_of_its_own_sessions(stores):
    whole, one, other = stores
    one.set("x", {"user_id": 1})
    [record] = whole.find(user_id=1)

    assert record.handle == one.handle("x")
    assert len(record.handle) <= 64
    assert other.revoke(record.handle) is False
    assert one.revoke(record.handle) is True


def test_a_prefixed_session_can_be_saved_and_get_a_new_id(stores):
    _, one, _ = stores
    saved = one.save(one.blank("x"), {"user_id": 1}).session
    one.save(saved, {"user_id": 2}, new_sid="y")
    assert one.rotate("y", "z")

    assert one.get("z") == {"user_id": 2}
    assert one.handle("z") == one.find(user_id=2)[0].handle


def test_the_length_of_an_id_includes_its_prefix(stores):
    _, one, _ = stores
    one.set("x" * 253, {})

    with pytest.raises(InvalidSessionId):
        one.set("x" * 254, {})
    assert one.get("x" * 254) is None
