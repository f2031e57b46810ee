"""P13: a login stays. A change of the id neither loses what other requests save nor signs the visitor out."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import CheckConstraint, Column, Integer, String

from clocks import MINUTE
from schema_session_backend import LoadedSession, Outcome, Saved, SessionExists, SessionStore
from schema_session_backend._sql.saving import GRACE_MS
from schema_session_backend._sql.statements import TRACE_MS

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.partitioned_too

BEFORE: dict[str, Any] = {"user_id": 1, "device": "phone", "cart": [1]}
GRACE = GRACE_MS / 1000
TRACE = TRACE_MS / 1000

NEW_IDS: dict[str, Callable[[Any], object]] = {
    "rotate": lambda store: store.rotate("old", "new"),
    "save": lambda store: store.save(store.load("old"), BEFORE | {"user_id": 2}, new_sid="new"),
    "save, nothing changed": lambda store: store.save(store.load("old"), new_sid="new"),
    "twice": lambda store: store.rotate("old", "between") and store.rotate("between", "new"),
}


@pytest.fixture(params=NEW_IDS.values(), ids=list(NEW_IDS))
def give_new_id(request) -> Callable[[Any], object]:
    """Gives the session "old" the id "new", in every way that there is."""
    give: Callable[[Any], object] = request.param
    return give


# -- what was loaded under the old id is saved under the new id


def test_a_save_under_the_old_id_is_kept_under_the_new_id(store, give_new_id):
    store.set("old", BEFORE)
    running = store.load("old")
    give_new_id(store)
    meanwhile = store.get("new")

    saved = store.save(running, BEFORE | {"theme": "dark"})

    assert saved.outcome is Outcome.ROTATED
    assert store.get("new") == meanwhile | {"theme": "dark"}
    assert store.get("old") is None


def test_further_saves_of_the_same_request_are_kept_too(store, give_new_id):
    store.set("old", BEFORE)
    running = store.load("old")
    give_new_id(store)

    first = store.save(running, BEFORE | {"one": 1})
    store.save(store.load("new"), store.get("new") | {"other": 1})
    second = store.save(first.session, BEFORE | {"one": 1, "two": 2})

    assert [first.outcome, second.outcome] == [Outcome.ROTATED, Outcome.ROTATED]
    assert {"one": 1, "two": 2, "other": 1}.items() <= store.get("new").items()


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"user_id": 7}, {"user_id": 7, "device": "phone", "cart": [1]}),
        ({"device": None}, {"user_id": 1, "device": None, "cart": [1]}),
        ({}, BEFORE),
    ],
)
def test_only_what_the_request_changed_is_saved(store, change, left):
    store.set("old", BEFORE)
    running = store.load("old")
    store.rotate("old", "new")

    assert store.save(running, BEFORE | change, 10**7).outcome is Outcome.ROTATED
    assert store.get("new") == left


def test_of_two_requests_that_give_a_new_id_the_first_wins_and_both_are_saved(store):
    store.set("old", BEFORE)
    one, two = store.load("old"), store.load("old")

    assert store.save(one, BEFORE | {"one": 1}, new_sid="new").outcome is Outcome.SAVED
    assert store.save(two, BEFORE | {"two": 2}, new_sid="newer").outcome is Outcome.ROTATED

    assert store.get("new") == BEFORE | {"one": 1, "two": 2}
    assert store.get("newer") is None


def test_a_session_that_ended_under_its_new_id_is_not_brought_back(store, give_new_id):
    store.set("old", BEFORE)
    running = store.load("old")
    give_new_id(store)
    store.destroy("new")

    assert store.save(running, BEFORE | {"x": 1}).outcome is Outcome.GONE
    assert store.save(running, BEFORE, 10**7).outcome is Outcome.GONE
    assert store.get("new") is None
    assert store.count() == 0


def test_another_session_under_the_new_id_is_left_alone(store):
    store.set("old", BEFORE)
    running = store.load("old")
    store.rotate("old", "new")
    store.destroy("new")
    store.set("new", {"user_id": 2})

    assert store.save(running, BEFORE | {"x": 1}).outcome is Outcome.GONE
    assert store.get("new") == {"user_id": 2}


def test_a_save_in_the_callers_transaction_is_kept_too(store, engine):
    store.set("old", BEFORE)
    running = store.load("old")
    store.rotate("old", "new")

    with engine.begin() as connection:
        assert store.within(connection).save(running, BEFORE | {"x": 1}).outcome is Outcome.ROTATED
    assert store.get("new") == BEFORE | {"x": 1}


def test_a_prefix_and_plain_ids_change_nothing(make_store):
    for store in (make_store().prefixed("session:"), make_store(table_name="plain_ids", hash_sid=False)):
        store.set('"old"', BEFORE)
        running = store.load('"old"')
        store.rotate('"old"', '"new"')

        assert store.save(running, BEFORE | {"x": 1}).outcome is Outcome.ROTATED
        assert store.get('"new"') == BEFORE | {"x": 1}
        store.clear()


# -- a logout is not lost


def test_a_logout_under_the_old_id_ends_the_session(store, give_new_id):
    store.set("old", BEFORE)
    give_new_id(store)

    assert store.destroy("old") is True
    assert store.get("new") is None
    assert store.destroy("old") is False


# -- no cookie of a dead id


def test_no_late_answer_sets_the_cookie(store, give_new_id):
    store.set("old", BEFORE)
    running, unchanged, touched = store.load("old"), store.load("old"), store.load("old")
    give_new_id(store)

    for saved in (
        store.save(running, BEFORE | {"x": 1}),
        store.save(unchanged),
        store.save(touched, BEFORE, 10**7),
    ):
        assert saved.sends_cookie is False


def test_the_cookie_is_set_for_a_new_id(store):
    assert store.save(store.blank("a"), {"x": 1}).sends_cookie is True
    assert store.save(store.load("a"), {"x": 2}, new_sid="b").sends_cookie is True
    assert store.save(store.load("b"), new_sid="c").sends_cookie is True


def test_the_cookie_is_renewed_once_in_a_touch_interval(moved_store, clock):
    store = moved_store(max_age=60 * MINUTE, touch_interval=MINUTE)
    start = 30_000_000 * MINUTE
    clock.now = start * 1000
    store.set("a", {"n": 0})

    sends = []
    for second in range(0, 4 * MINUTE, 10):
        clock.now = (start + second) * 1000 + 5
        sends.append(store.save(store.load("a"), {"n": second}).sends_cookie)

    assert sum(sends) == 3


# -- visitors who come with the old id


def test_a_visitor_with_the_old_id_stores_nothing_for_some_seconds(moved_store, clock):
    store = moved_store()
    store.set("old", BEFORE)
    store.rotate("old", "new")

    assert store.load("old") is None
    clock.advance(GRACE - 1)
    saved = store.save(store.blank("another", unknown="old"), {"x": 1})
    assert (saved.outcome, saved.sends_cookie) == (Outcome.GONE, False)
    assert store.get("another") is None

    clock.advance(2)
    assert store.save(store.blank("another", unknown="old"), {"x": 1}).sends_cookie is True
    assert store.get("another") == {"x": 1}
    assert store.get("new") == BEFORE


def test_an_id_that_was_just_rotated_away_is_not_adopted(moved_store, clock):
    store = moved_store()
    store.set("old", BEFORE)
    store.rotate("old", "new")

    assert store.save(store.blank("old"), {"x": 1}).outcome is Outcome.GONE
    assert store.get("old") is None
    clock.advance(GRACE + 1)
    assert store.save(store.blank("old"), {"x": 1}).outcome is Outcome.SAVED
    assert store.get("new") == BEFORE


@pytest.mark.parametrize("unknown", ["never there", "", "é", "a\0b", "x" * 1000, None])
def test_a_visitor_with_another_unknown_id_gets_a_session(store, unknown):
    assert store.save(store.blank("a", unknown=unknown), {"x": 1}).outcome is Outcome.SAVED


def test_a_visitor_whose_session_has_ended_gets_a_new_session(store):
    store.set("old", BEFORE)
    store.destroy("old")
    assert store.save(store.blank("a", unknown="old"), {"x": 1}).outcome is Outcome.SAVED


READS: dict[str, Callable[[SessionStore], object]] = {
    "get": lambda store: store.get("old"),
    "has": lambda store: store.has("old"),
    "touch": lambda store: store.touch("old"),
    "get_many": lambda store: store.get_many(["old"]),
    "update": lambda store: store.update("old", lambda data: data | {"x": 1}),
    "rotate": lambda store: store.rotate("old", "mine"),
    "revoke": lambda store: store.revoke(store.handle("old")),
}


@pytest.mark.parametrize("later", [0, GRACE + 1, TRACE + 1])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_who_knows_the_old_id_gets_nothing_by_it(moved_store, clock, read, later):
    store = moved_store(max_age=60 * MINUTE)
    store.set("old", BEFORE)
    store.rotate("old", "new")
    clock.advance(later)

    assert not read(store)
    assert store.get("new") == BEFORE
    assert store.count() == 1


# -- the trace


def test_gc_removes_the_trace_when_its_time_is_over(moved_store, clock):
    store = moved_store(max_age=60 * MINUTE)
    store.set("old", BEFORE)
    running = store.load("old")
    store.rotate("old", "new")

    clock.advance(TRACE - 1)
    assert store.gc() == 0
    assert store.save(running, BEFORE | {"x": 1}).outcome is Outcome.ROTATED
    clock.advance(2)
    assert store.save(running, BEFORE | {"x": 2}).outcome is Outcome.GONE
    assert store.gc() == 1
    assert store.get("new") == BEFORE | {"x": 1}


def test_gc_removes_a_row_that_ends_later_than_any_trace(store):
    """Who can write to the table could otherwise fill it with rows that stay for ever."""
    store.set_many({"a": {}, "b": {}, "old": BEFORE})
    store.rotate("old", "new")
    table = store.repo()
    with store.engine.begin() as connection:
        for sid, end in {"a": 2**63, "b": 10**13}.items():
            row = table.c.sid == store.handle(sid)
            connection.execute(table.update().where(row).values(expire_at=-end))

    assert store.gc() == 2
    assert store.get("new") == BEFORE
    assert not store.destroy("a")
    assert store.destroy("old")


def test_the_old_id_cannot_be_taken_again_while_its_trace_is_there(store):
    store.set("old", BEFORE)
    store.rotate("old", "new")
    store.set("another", {})

    with pytest.raises(SessionExists):
        store.rotate("another", "old")
    store.set("old", {"x": 1})
    assert store.get("old") == {"x": 1}


@pytest.mark.parametrize(
    "text", ['{"$rotated": 7}', "{}", "[", '"x"', "[" * 100_000, '{"$rotated": "old"}', ""]
)
def test_a_hostile_trace_is_no_trace(make_store, text):
    store = make_store(hash_sid=False)
    store.set("old", BEFORE)
    running = store.load("old")
    table = store.repo()
    with store.engine.begin() as connection:
        end = round(time.time() * 1000) + MINUTE * 1000
        connection.execute(table.update().values(additional=text, expire_at=-end))

    assert store.save(running, BEFORE | {"x": 1}).outcome is Outcome.GONE
    assert store.destroy("old") is False
    assert store.save(store.blank("a", unknown="old"), {"x": 1}).was_written


def test_a_trace_meets_the_constraints_of_the_table(make_store):
    store = make_store(
        schemas=[
            Column("user_id", Integer, CheckConstraint("user_id > 0"), nullable=False, index=True),
            Column("device", String(50)),
        ],
        timestamps=True,
    )
    store.set("old", {"user_id": 1})
    running = store.load("old")
    assert store.rotate("old", "new")

    assert store.save(running, {"user_id": 2}).outcome is Outcome.ROTATED
    assert store.get("new") == {"user_id": 2}


@pytest.mark.unique_column
@pytest.mark.parametrize(("nullable", "outcome"), [(True, Outcome.ROTATED), (False, Outcome.GONE)])
def test_a_unique_column_can_be_in_one_row_only(make_store, nullable, outcome):
    """Without a trace the session is as safe, but a late save is lost."""
    store = make_store(schemas=[Column("device", String(50), unique=True, nullable=nullable)])
    store.set("old", {"device": "a"})
    running = store.load("old")
    assert store.rotate("old", "new")

    assert store.save(running, {"device": "a", "x": 1}).outcome is outcome
    assert store.get("new").items() >= {"device": "a"}.items()


# -- really at once


def test_threads_that_save_while_the_id_changes_lose_nothing(make_store):
    store = make_store(touch_interval=0)
    rounds, savers = 40, 3
    meet = threading.Barrier(savers + 1, timeout=60)
    store.set("s0", BEFORE)

    def save(number: int) -> list[Saved]:
        found = []
        for turn in range(rounds):
            meet.wait()
            running: LoadedSession | None = store.load(f"s{turn}")
            assert running is not None
            meet.wait()
            found.append(store.save(running, running.data | {f"{number}-{turn}": turn}))
            meet.wait()
        return found

    def rotate() -> None:
        for turn in range(rounds):
            meet.wait()
            meet.wait()
            assert store.rotate(f"s{turn}", f"s{turn + 1}")
            meet.wait()

    with ThreadPoolExecutor(savers + 1) as pool:
        saving = [pool.submit(save, number) for number in range(savers)]
        pool.submit(rotate).result()
        outcomes = {saved.outcome for one in saving for saved in one.result()}

    assert outcomes <= {Outcome.SAVED, Outcome.ROTATED}
    assert store.get(f"s{rounds}") == BEFORE | {
        f"{number}-{turn}": turn for number in range(savers) for turn in range(rounds)
    }
