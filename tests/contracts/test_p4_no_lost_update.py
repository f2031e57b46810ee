"""P4: two requests of one session that change different keys at the same time both keep their change."""

from __future__ import annotations

import copy
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from values import identical
from workers import add_keys, add_keys_in_process

from processes import at_once
from schema_session_backend import LoadedSession, Outcome, UnserializableValue

if TYPE_CHECKING:
    from schema_session_backend import SessionStore

pytestmark = pytest.mark.partitioned_too


def saved(store: SessionStore, loaded: LoadedSession, data: dict[str, Any]) -> LoadedSession:
    """Save what has changed; the session for a further save of the same request."""
    result = store.save(loaded, data)
    assert result.outcome is Outcome.SAVED
    return result.session


# -- one interleaving at a time

# Two declared columns, and two keys that go to `additional`.
BEFORE = {"user_id": 1, "device": "phone", "cart": [1], "seen": 1}
CHANGES = {"user_id": 2, "device": "laptop", "cart": [1, 2], "seen": 2, "new": 1, "ip": "::1"}


@pytest.mark.parametrize("mine", CHANGES)
def test_changes_of_different_keys_are_both_kept_and_of_one_key_the_later_wins(store, mine):
    for theirs, value in CHANGES.items():
        store.set(theirs, BEFORE)
        first, second = store.load(theirs), store.load(theirs)

        saved(store, first, first.data | {theirs: value})
        later = {mine: CHANGES[mine]} if mine != theirs else {mine: 7 if mine == "user_id" else "later"}
        saved(store, second, second.data | later)

        assert store.get(theirs) == BEFORE | {theirs: value} | later


@pytest.mark.parametrize("removed", BEFORE)
@pytest.mark.parametrize("removes_first", [True, False])
def test_a_removal_and_a_change_of_another_key_are_both_kept(store, removed, removes_first):
    store.set("a", BEFORE)
    removing, changing = store.load("a"), store.load("a")
    rest = {key: value for key, value in BEFORE.items() if key != removed}

    steps = [lambda: saved(store, removing, rest), lambda: saved(store, changing, BEFORE | {"new": 1})]
    for step in steps if removes_first else reversed(steps):
        step()

    assert store.get("a") == rest | {"new": 1}


@pytest.mark.parametrize("key", ["user_id", "seen"])
def test_of_a_removal_and_a_change_of_one_key_the_later_wins(store, key):
    store.set_many({"changed last": {key: 1}, "removed last": {key: 1}})
    one, two = store.load("changed last"), store.load("changed last")
    saved(store, one, {})
    saved(store, two, {key: 2})
    one, two = store.load("removed last"), store.load("removed last")
    saved(store, one, {key: 2})
    saved(store, two, {})

    assert (store.get("changed last"), store.get("removed last")) == ({key: 2}, {})


def test_a_key_that_both_requests_removed_is_gone(store):
    store.set("a", {"x": 1, "user_id": 1})
    one, two = store.load("a"), store.load("a")
    saved(store, one, {"one": 1})
    saved(store, two, {"two": 2})

    assert store.get("a") == {"one": 1, "two": 2}


@pytest.mark.parametrize("key", ["user_id", "seen"])
@pytest.mark.parametrize(
    ("before", "after"), [({}, None), (1, None), (None, 1), (None, {}), (1, {})], ids=repr
)
def test_none_is_a_value_and_absent_is_not(store, key, before, after):
    def having(value: Any) -> dict[str, Any]:
        return {} if value == {} else {key: value}

    store.set("a", having(before))
    mine, theirs = store.load("a"), store.load("a")
    saved(store, theirs, theirs.data | {"theirs": None})
    saved(store, mine, having(after))

    assert store.get("a") == having(after) | {"theirs": None}


def test_nested_values_are_kept_whole(store):
    """A mixture of two requests' lists may be a value that neither request meant."""
    store.set("a", {"cart": {"items": [1], "total": 1}, "other": {"n": 1}})
    one, two = store.load("a"), store.load("a")
    one.data["cart"]["items"].append(2)
    two.data["cart"]["total"] = 3
    two.data["other"]["n"] = 2
    saved(store, one, one.data)
    saved(store, two, two.data)

    assert store.get("a") == {"cart": {"items": [1], "total": 3}, "other": {"n": 2}}


def test_a_value_changed_deep_inside_is_a_change(store):
    store.set("a", {"cart": [{"x": [1]}]})
    mine, theirs = store.load("a"), store.load("a")
    saved(store, theirs, theirs.data | {"theirs": 1})
    mine.data["cart"][0]["x"].append(2)
    saved(store, mine, mine.data)

    assert store.get("a") == {"cart": [{"x": [1, 2]}], "theirs": 1}


@pytest.mark.parametrize(("old", "new"), [(1, True), (1, 1.0), ([1], (1,)), (0, False)], ids=repr)
def test_an_equal_value_of_another_type_is_a_change(store, old, new):
    store.set("a", {"x": old})
    mine, theirs = store.load("a"), store.load("a")
    saved(store, theirs, {"x": old, "theirs": 1})
    saved(store, mine, {"x": new})

    assert identical(store.get("a"), {"x": new, "theirs": 1})


def test_a_key_that_was_set_back_is_no_change(store):
    store.set("a", {"x": 1})
    mine, theirs = store.load("a"), store.load("a")
    saved(store, theirs, {"x": 2})
    mine.data["x"] = 5
    mine.data["x"] = 1
    saved(store, mine, mine.data | {"mine": 1})

    assert store.get("a") == {"x": 2, "mine": 1}


def test_a_request_may_save_again(store):
    store.set("a", {})
    session = store.load("a")
    for turn in range(3):
        session = saved(store, session, {"turn": turn})

    assert store.get("a") == {"turn": 2}


def test_a_further_save_after_a_merge_does_not_undo_changes_of_other_requests(store):
    store.set("a", {"x": 1, "y": 1, "user_id": 1})
    mine, theirs = store.load("a"), store.load("a")
    saved(store, theirs, {"x": 2, "user_id": 2, "theirs": 1})
    mine = saved(store, mine, {"x": 1, "y": 2, "user_id": 1})
    assert store.get("a") == {"x": 2, "user_id": 2, "theirs": 1, "y": 2}

    saved(store, mine, {"x": 1, "y": 3, "user_id": 1, "mine": 1})

    assert store.get("a") == {"x": 2, "user_id": 2, "theirs": 1, "y": 3, "mine": 1}


def test_a_further_save_knows_what_the_request_itself_has_saved(store):
    store.set("a", {"x": 1})
    mine, theirs = store.load("a"), store.load("a")
    saved(store, theirs, {"x": 1, "theirs": 1})
    mine = saved(store, mine, {"x": 1, "mine": 1})
    mine = saved(store, mine, {"x": 1})

    assert store.get("a") == {"x": 1, "theirs": 1}


def test_saves_of_three_requests_in_any_order_keep_all_changes(store):
    store.set("a", {})
    requests = [store.load("a") for _ in range(3)]
    for turn, number in enumerate([0, 1, 0, 2, 1, 0, 2, 2]):
        mine = requests[number].data
        mine[f"{number}-{turn}"] = turn
        requests[number] = saved(store, requests[number], mine)

    assert sorted(store.get("a")) == ["0-0", "0-2", "0-5", "1-1", "1-4", "2-3", "2-6", "2-7"]


@pytest.mark.parametrize("keys", [("x", "y"), ("user_id", "device"), ("user_id", "x")])
def test_two_first_saves_of_one_session_are_both_kept(store, keys):
    one, two = store.blank("a"), store.blank("a")
    values = {"user_id": 1, "device": "phone", "x": 1, "y": 2}
    one = saved(store, one, {keys[0]: values[keys[0]]})
    two = saved(store, two, {keys[1]: values[keys[1]]})
    assert store.get("a") == {key: values[key] for key in keys}

    saved(store, one, {keys[0]: values[keys[0]], "again": 1})
    saved(store, two, {keys[1]: values[keys[1]], "more": 1})
    assert store.get("a") == {key: values[key] for key in keys} | {"again": 1, "more": 1}


def test_a_set_in_between_is_merged_like_a_save(store):
    store.set("a", {"x": 1, "y": 1, "user_id": 1})
    mine = store.load("a")
    store.set("a", {"x": 2, "user_id": 1, "set": 1})
    mine = saved(store, mine, {"x": 1, "y": 1, "user_id": 5})
    assert store.get("a") == {"x": 2, "user_id": 5, "set": 1}

    store.set_many({"a": {"many": 1}})
    saved(store, mine, {"x": 1, "y": 1, "user_id": 5, "mine": 1})
    assert store.get("a") == {"many": 1, "mine": 1}


def test_a_touch_in_between_is_no_conflict(store):
    store.set("a", {"x": 1})
    mine = store.load("a")
    store.touch("a", 10**6)
    before = store.find(limit=1000)[0].expires_at

    assert store.save(mine, {"x": 2}).session.version.revision == mine.version.revision + 1
    assert store.get("a") == {"x": 2}
    assert store.find(limit=1000)[0].expires_at < before


def test_an_unchanged_save_keeps_changes_of_other_requests(store):
    store.set("a", {"x": 1})
    mine, theirs = store.load("a"), store.load("a")
    saved(store, theirs, {"x": 2})

    assert store.save(mine, {"x": 1}).outcome is Outcome.UNCHANGED
    assert store.save(mine, {"x": 1}, 10**7).outcome is Outcome.TOUCHED
    assert store.get("a") == {"x": 2}


def test_a_save_after_a_refused_save_is_merged(store):
    store.set("a", {"x": 1})
    mine, theirs = store.load("a"), store.load("a")
    saved(store, theirs, {"x": 1, "theirs": 1})

    with pytest.raises(UnserializableValue):
        store.save(mine, {"x": 1, "mine": object()})
    saved(store, mine, {"x": 1, "mine": 1})

    assert store.get("a") == {"x": 1, "theirs": 1, "mine": 1}


def test_without_hashed_ids_concurrent_saves_are_merged(make_store):
    store = make_store(hash_sid=False)
    store.set("a", {})
    one, two = store.load("a"), store.load("a")
    saved(store, one, {"one": 1})
    saved(store, two, {"two": 1})

    assert store.get("a") == {"one": 1, "two": 1}


# -- all interleavings against the rule itself


class Rule:
    """A model of the promise in plain Python: one session and its concurrent requests."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] | None = None
        self.life = 0
        self.requests: dict[int, tuple[int | None, dict[str, Any]]] = {}

    def set(self, data: dict[str, Any]) -> None:
        self.life += self.stored is None
        self.stored = dict(data)

    def destroy(self) -> None:
        self.stored = None

    def load(self, request: int) -> bool:
        if self.stored is not None:
            self.requests[request] = (self.life, dict(self.stored))
        return self.stored is not None

    def blank(self, request: int) -> None:
        self.requests[request] = (None, {})

    def save(self, request: int, after: dict[str, Any]) -> bool:
        life, before = self.requests[request]
        if life is None and self.stored is None:
            self.set({})
        if self.stored is None or life not in {None, self.life}:
            return False
        for key in before.keys() - after.keys():
            self.stored.pop(key, None)
        for key, value in after.items():
            if key not in before or not identical(before[key], value):
                self.stored[key] = value
        self.requests[request] = (self.life, after)
        return True


TEXTS = st.sampled_from(["phone", "laptop", "", None])
VALUES = {
    "user_id": st.sampled_from([0, 1, 2, None]),
    "device": TEXTS,
    "x": st.sampled_from([0, 1, True, 1.0, None, "1", [1], (1,), {"n": [1]}, {"n": (1,)}, {1: 2}]),
    "y": st.lists(st.integers(0, 3), max_size=2),
}
DATA = st.fixed_dictionaries({}, optional=VALUES)
REQUEST = st.integers(0, 2)
CHANGE = st.sampled_from(sorted(VALUES)).flatmap(lambda key: st.tuples(st.just(key), VALUES[key]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("load"), REQUEST),
        st.tuples(st.just("blank"), REQUEST),
        st.tuples(st.just("change"), REQUEST, CHANGE),
        st.tuples(st.just("remove"), REQUEST, st.sampled_from(sorted(VALUES))),
        st.tuples(st.just("save"), REQUEST),
        st.tuples(st.just("set"), DATA),
        st.tuples(st.just("destroy")),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=DATA, steps=STEPS)
def test_any_interleaving_gives_what_the_rule_says(store, first, steps):
    sid, rule = uuid.uuid4().hex, Rule()
    sessions: dict[int, LoadedSession] = {}
    working: dict[int, dict[str, Any]] = {}
    store.set(sid, first)
    rule.set(first)
    for step, *details in [*(("load", request) for request in range(3)), *steps, ("save", 0), ("save", 1)]:
        request: Any = details[0] if details else None
        if step == "load":
            loaded = store.load(sid)
            assert (loaded is not None) is rule.load(request)
            if loaded is not None:
                sessions[request], working[request] = loaded, copy.deepcopy(loaded.data)
        elif step == "blank":
            sessions[request], working[request] = store.blank(sid), {}
            rule.blank(request)
        elif step == "change":
            working[request][details[1][0]] = copy.deepcopy(details[1][1])
        elif step == "remove":
            working[request].pop(details[1], None)
        elif step == "save":
            before = rule.requests[request][1]
            alive = rule.save(request, dict(working[request]))
            result = store.save(sessions[request], working[request])
            sessions[request] = result.session
            assert result.is_gone is not alive or identical(working[request], before)
        elif step == "set":
            store.set(sid, request)
            rule.set(request)
        else:
            assert store.destroy(sid) is (rule.stored is not None)
            rule.destroy()
        assert identical(store.get(sid), rule.stored)


# -- really at once


def test_threads_that_add_keys_to_one_session_lose_none(store):
    store.set("a", {"user_id": 1})

    with ThreadPoolExecutor(8) as pool:
        outcomes = pool.map(lambda number: add_keys(store, "a", str(number), 25), range(8))

    assert [outcome for found in outcomes for outcome in found] == [Outcome.SAVED] * 200
    expected = {f"{number}-{turn}": turn for number in range(8) for turn in range(25)}
    assert store.get("a") == expected | {"user_id": 1}


@pytest.mark.unsealed
@pytest.mark.parametrize(("clients", "keys"), [(2, 200), (8, 50)])
def test_processes_that_add_keys_to_one_session_lose_none(store, url, table_name, clients, keys):
    store.set("a", {"user_id": 1})

    counts = at_once(
        add_keys_in_process, [(url, table_name, "a", str(client), keys) for client in range(clients)]
    )

    assert counts == [keys] * clients
    expected = {f"{client}-{turn}": turn for client in range(clients) for turn in range(keys)}
    assert store.get("a") == expected | {"user_id": 1}


def test_threads_that_change_columns_and_other_keys_lose_none(store):
    """Each thread writes a key of its own, which at the end holds the thread's last value."""
    store.set("a", {})
    values: dict[str, list[Any]] = {
        "user_id": [None, 1, 2, 3],
        "device": ["a", "b", None, "c"],
        "ip": ["::1", None],
        "cart": [[], [1], [1, 2]],
        "none": [None],
    }

    def work(key: str) -> None:
        for turn in range(30):
            loaded = store.load("a")
            assert loaded is not None
            value = values[key][turn % len(values[key])]
            assert store.save(loaded, loaded.data | {key: value}).outcome in {
                Outcome.SAVED,
                Outcome.UNCHANGED,
            }

    with ThreadPoolExecutor(len(values)) as pool:
        list(pool.map(work, values))

    assert store.get("a") == {key: found[29 % len(found)] for key, found in values.items()}
