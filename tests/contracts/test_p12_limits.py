"""P12: a session over a limit is refused with a typed error, and the stored session stays as it was."""

from __future__ import annotations

import pytest
from values import identical, no_sql, stored_rows

from schema_session_backend import SessionTooLarge, UnserializableValue

pytestmark = pytest.mark.partitioned_too


def test_a_session_larger_than_max_size_is_refused_and_the_old_row_stays(store):
    store.set("a", {"user_id": 1, "cart": [1]})
    before = stored_rows(store)

    with no_sql(store), pytest.raises(SessionTooLarge) as caught:
        store.set("a", {"user_id": 1, "small": 1, "cart": "x" * 70_000})

    assert caught.value.limit == 64 * 1024
    assert caught.value.size == len('{"small":1,"cart":""}') + 70_000
    assert "its largest key is 'cart'" in str(caught.value)
    assert "max_size" in str(caught.value)
    assert stored_rows(store) == before


def test_save_and_set_many_have_the_same_limit(store):
    store.set("a", {"cart": [1]})
    loaded = store.load("a")
    before = stored_rows(store)
    large = {"cart": "x" * 70_000}

    for attempt in (
        lambda: store.save(loaded, large),
        lambda: store.save(store.blank("b"), large),
        lambda: store.set_many({"c": {}, "a": large}),
    ):
        with no_sql(store), pytest.raises(SessionTooLarge):
            attempt()

    assert stored_rows(store) == before


def test_max_size_is_the_last_size_that_fits(make_store):
    store = make_store(max_size=100)
    fits = {"a": "x" * (100 - len('{"a":""}'))}
    store.set("a", fits)

    assert store.get("a") == fits
    with pytest.raises(SessionTooLarge) as caught:
        store.set("a", {"a": fits["a"] + "x"})
    assert (caught.value.size, caught.value.limit) == (101, 100)
    assert store.get("a") == fits


def test_the_size_is_in_bytes_not_characters(make_store):
    store = make_store(max_size=100)
    store.set("a", {"a": "😀" * 23})

    with pytest.raises(SessionTooLarge) as caught:
        store.set("a", {"a": "😀" * 24})
    assert caught.value.size == 24 * 4 + len('{"a":""}')


def test_values_in_columns_do_not_count_for_max_size(make_store):
    store = make_store(schemas="note Text", max_size=2)
    store.set("a", {"note": "x" * 60_000})

    assert store.get("a") == {"note": "x" * 60_000}
    with pytest.raises(SessionTooLarge):
        store.set("a", {"other": 1})


def test_a_merge_cannot_make_a_session_too_large(make_store):
    store = make_store(max_size=100)
    store.set("a", {})
    mine, theirs = store.load("a"), store.load("a")
    store.save(theirs, {"theirs": "x" * 60})
    before = stored_rows(store)

    with pytest.raises(SessionTooLarge):
        store.save(mine, {"mine": "y" * 60})

    assert stored_rows(store) == before
    assert store.get("a") == {"theirs": "x" * 60}


def test_with_pickle_the_size_as_stored_counts(make_store):
    store = make_store(serializer="pickle", max_size=100)
    store.set("a", {"a": 1})

    with pytest.raises(SessionTooLarge):
        store.set("a", {"a": "x" * 90})
    assert store.get("a") == {"a": 1}


@pytest.mark.parametrize("character", ["😀", "\0", "x"], ids=repr)
def test_a_session_of_nearly_five_megabytes_comes_back_whole(make_store, character):
    """More than a MariaDB TEXT or MEDIUMTEXT's first 64 KiB, in characters of the most bytes."""
    stored = {"😀": 4, "\0": 6, "x": 1}[character]
    session = {"user_id": 1, "text": character * (4_999_900 // stored), "end": "end"}
    store = make_store(max_size=5_000_000)

    store.set("a", session)
    assert store.get("a") == session
    store.save(store.load("a"), session | {"end": "new"})
    assert store.get("a") == session | {"end": "new"}
    with pytest.raises(SessionTooLarge):
        store.set("a", session | {"more": character * 100})
    assert store.get("a")["end"] == "new"


def _nested(levels: int, kind: type) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"k": value} if kind is dict else kind([value])
    return value


@pytest.mark.parametrize("kind", [list, tuple, dict, frozenset])
def test_a_session_has_at_most_a_hundred_levels(store, kind):
    store.set("a", {"deep": _nested(100, kind)})
    assert identical(store.get("a"), {"deep": _nested(100, kind)})

    with no_sql(store), pytest.raises(UnserializableValue, match="nested deeper than 100 levels") as caught:
        store.set("a", {"fine": 1, "deep": _nested(101, kind)})

    assert caught.value.key == "deep"
    assert identical(store.get("a"), {"deep": _nested(100, kind)})


def test_a_session_has_at_most_ten_thousand_keys(make_store):
    store = make_store(max_size=1_000_000)
    session = {f"k{number}": number for number in range(10_000)}
    store.set("a", session)
    assert store.get("a") == session

    with no_sql(store), pytest.raises(SessionTooLarge, match="10001 keys; 10000 is the most") as caught:
        store.set("a", session | {"more": 1})

    assert (caught.value.size, caught.value.limit) == (10_001, 10_000)
    assert store.get("a") == session


def test_a_dict_inside_a_session_has_as_many_keys_at_most(make_store):
    store = make_store(max_size=1_000_000)
    store.set("a", {"cart": dict.fromkeys(range(10_000), 1)})

    with no_sql(store), pytest.raises(UnserializableValue, match="a dict of 10001 keys") as caught:
        store.set("a", {"cart": dict.fromkeys(range(10_001), 1)})

    assert caught.value.key == "cart"
    assert len(store.get("a")["cart"]) == 10_000


def test_declared_columns_are_no_keys_of_the_rest(make_store):
    store = make_store(max_size=1_000_000)
    session = {f"k{number}": number for number in range(10_000)} | {"user_id": 1, "device": "x"}
    store.set("a", session)

    assert store.get("a") == session
