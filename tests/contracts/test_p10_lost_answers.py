"""P10: a retry after a lost answer never tells the wrong thing.

Each test has the server do what it was asked for, and loses the answer with the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from databases import PGBOUNCER
from failing_wire import FailingWire
from schema_session_backend import StoreUnavailable, new_session_id
from schema_session_backend.cachelib import SchemaCache
from sealed import new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.parametrize("url", ["postgresql", "mariadb", PGBOUNCER], indirect=True)


@pytest.fixture
def wire(url) -> Iterator[FailingWire]:
    wire = FailingWire(url)
    yield wire
    wire.close()


SEALED_TOO = pytest.mark.parametrize("far", [[], [new_key()]], ids=["unsealed", "sealed"], indirect=True)


@pytest.fixture
def far(make_store, wire, request):
    """A store whose answers the wire can lose."""
    store = make_store(wire.url, timestamps=True, encryption_keys=getattr(request, "param", ()))
    store.set("a", {"user_id": 1, "visits": 1})
    return store


def test_a_session_that_was_stored_is_stored_once(far, wire):
    wire.lose_answer_to("INSERT")
    far.set("b", {"user_id": 2})

    assert wire.lost == 1
    assert far.get("b") == {"user_id": 2}


def test_add_is_true_for_the_one_who_has_it(far, wire):
    wire.lose_answer_to("INSERT")

    assert far.add("lock", {"by": "me"}) is True
    assert far.add("lock", {"by": "another"}) is False
    assert wire.lost == 1
    assert far.get("lock") == {"by": "me"}


def test_add_is_false_where_another_was_first_although_a_connection_was_lost(far, wire):
    wire.lose_answer_to("INSERT")

    assert far.add("a", {"by": "me"}) is False
    assert wire.lost == 1


@SEALED_TOO
@pytest.mark.parametrize("lost", ["INSERT", "COMMIT"])
def test_a_rotation_that_was_done_is_true(far, wire, lost):
    wire.lose_answer_to(lost)

    assert far.rotate("a", "b") is True
    assert wire.lost == 1
    assert far.get("b") == {"user_id": 1, "visits": 1}
    assert far.get("a") is None


@SEALED_TOO
def test_a_rotation_of_nothing_is_false_although_a_connection_was_lost(far, wire):
    wire.lose_answer_to("COMMIT")

    assert far.rotate("nobody", "b") is False
    assert wire.lost == 1


@SEALED_TOO
@pytest.mark.parametrize("data", [{"user_id": 2}, {"user_id": 1, "visits": 1}], ids=["changed", "same"])
def test_a_login_that_was_stored_is_no_session_that_is_gone(far, wire, data):
    session, new_sid = far.load("a"), new_session_id()
    wire.lose_answer_to("COMMIT")

    saved = far.save(session, data, new_sid=new_sid)

    assert wire.lost == 1
    assert not saved.is_gone
    assert saved.sends_cookie
    assert saved.session.sid == new_sid
    assert far.get(new_sid) == data
    assert not far.save(saved.session, data | {"more": 1}).is_gone
    assert far.get(new_sid) == data | {"more": 1}


def test_a_login_that_had_to_merge_and_was_stored_is_no_session_that_is_gone(far, wire):
    session, new_sid = far.load("a"), new_session_id()
    far.save(far.load("a"), {"user_id": 1, "visits": 1, "theirs": 1})
    wire.lose_answer_to("COMMIT")

    # The first transaction changes nothing; the answer of the one that merges is lost.
    saved = far.save(session, {"user_id": 2, "visits": 1}, new_sid=new_sid)

    assert wire.lost == 1
    assert saved.session.sid == new_sid
    assert saved.sends_cookie
    assert far.get(new_sid) == {"user_id": 2, "visits": 1, "theirs": 1}


def test_a_login_whose_merge_was_stored_has_its_new_id(far, wire):
    session, new_sid = far.load("a"), new_session_id()
    far.save(far.load("a"), {"user_id": 1, "visits": 1, "theirs": 1})
    wire.lose_answer_to("FOR UPDATE")
    saved = far.save(session, {"user_id": 2, "visits": 1}, new_sid=new_sid)

    assert wire.lost == 1
    assert saved.session.sid == new_sid
    assert far.get(new_sid) == {"user_id": 2, "visits": 1, "theirs": 1}


def test_a_new_session_that_was_stored_is_saved(far, wire):
    sid = new_session_id()
    wire.lose_answer_to("INSERT")

    saved = far.save(far.blank(sid), {"user_id": 3})

    assert wire.lost == 1
    assert saved.session.sid == sid
    assert far.get(sid) == {"user_id": 3}


def test_a_change_that_was_saved_is_saved(far, wire):
    wire.lose_answer_to("UPDATE")

    saved = far.save(far.load("a"), {"user_id": 1, "visits": 2})

    assert wire.lost == 1
    assert not saved.is_gone
    assert far.get("a") == {"user_id": 1, "visits": 2}


@pytest.mark.parametrize("lost", ["UPDATE", "COMMIT"])
def test_an_update_counts_once(far, wire, lost):
    wire.lose_answer_to(lost)

    data = far.update("a", lambda data: data | {"visits": data["visits"] + 1})

    assert wire.lost == 1
    assert data == {"user_id": 1, "visits": 2}
    assert far.get("a") == data


def test_a_counter_counts_once(far, wire):
    cache = SchemaCache(far)
    assert cache.inc("n") == 1
    wire.lose_answer_to("COMMIT")

    assert cache.inc("n") == 2
    assert wire.lost == 1
    assert cache.get("n") == 2


def test_an_update_over_which_another_went_is_unknown(far, wire, make_store):
    other, tries = make_store(timestamps=True), []

    def more(data):
        tries.append(data)
        return data | {"visits": data["visits"] + 1}

    pauses = far._database.attempt

    def meanwhile(work, **options):
        def between(until, past):
            if past.unsure:
                other.update("a", lambda data: data | {"theirs": 1})
            return work(until, past)

        return pauses(between, **options)

    far._database.attempt = meanwhile
    wire.lose_answer_to("COMMIT")
    with pytest.raises(StoreUnavailable, match="cannot be known") as caught:
        far.update("a", more)
    assert caught.value.outcome_unknown
    assert len(tries) == 1
    assert other.get("a") == {"user_id": 1, "visits": 2, "theirs": 1}


ENDINGS = {
    "destroy": lambda store: store.destroy("a"),
    "revoke": lambda store: store.revoke(store.handle("a")),
    "revoke a user's own": lambda store: store.revoke(store.handle("a"), user_id=1),
    "revoke_many": lambda store: store.revoke_many([store.handle("a")]),
    "revoke_where": lambda store: store.revoke_where(user_id=1),
    "keep_newest": lambda store: store.keep_newest(0, user_id=1),
    "destroy_many": lambda store: store.destroy_many(["a"]),
    "clear": lambda store: store.clear(),
}


@pytest.mark.parametrize("end", list(ENDINGS))
def test_whether_a_session_was_ended_by_a_lost_statement_is_unknown(far, wire, end):
    wire.lose_answer_to("DELETE")

    with pytest.raises(StoreUnavailable, match="cannot be known") as caught:
        ENDINGS[end](far)

    assert wire.lost == 1
    assert caught.value.outcome_unknown
    assert far.get("a") is None


@pytest.mark.parametrize("end", list(ENDINGS))
def test_a_connection_that_ended_while_it_was_idle_leaves_nothing_unknown(far, wire, end):
    for _ in range(2):
        wire.end_connections()

        assert ENDINGS[end](far) == 1
        wire.end_connections()
        assert ENDINGS[end](far) == 0
        far.set("a", {"user_id": 1})


def test_reads_tell_the_truth_after_a_lost_answer(far, wire):
    wire.lose_answer_to("SELECT")

    assert far.get("a") == {"user_id": 1, "visits": 1}
    assert wire.lost == 1


def test_one_lost_connection_leaves_the_others_open(far, wire):
    slots = [far._database._slots.take() for _ in range(4)]
    for slot in slots:
        far._database._slots.put_back(slot)
    there = wire.connections
    # The store takes the connection first that was put back first.
    wire.end_connections(slice(0, 1))

    for _ in range(8):
        assert far.get("a") == {"user_id": 1, "visits": 1}
    assert wire.connections == there
