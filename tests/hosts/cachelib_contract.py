"""The contract of every cache in cachelib's documentation."""

from __future__ import annotations

import datetime as dt

import pytest

MINUTE = 60
VALUES = {
    "None": None,
    "False": False,
    "int": 7,
    "text": "é😀",
    "bytes": b"\x00\xff",
    "list": [1, [2, {"a": None}]],
    "tuple": (1, (2, 3)),
    "set": {1, 2},
    "datetime": dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
    "dict": {"user_id": 42, "cart": [1]},
    "dict with other keys": {1: "a", (2, 3): "b"},
    "empty dict": {},
}


class CacheContract:
    """Takes a fixture `cache`, whose default timeout is five minutes, and `let_pass`, to move its clock."""

    @pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
    def test_a_value_comes_back_equal_and_of_the_same_type(self, cache, value):
        assert cache.set("a", value)

        assert cache.get("a") == value
        assert type(cache.get("a")) is type(value)

    def test_what_was_never_set_is_none(self, cache):
        assert cache.get("nobody") is None
        assert not cache.has("nobody")

    def test_a_value_that_is_read_is_the_readers_own(self, cache):
        value = {"cart": [1]}
        cache.set("a", value)
        value["cart"].append(2)
        cache.get("a")["cart"].append(3)

        assert cache.get("a") == {"cart": [1]}

    def test_set_overwrites(self, cache):
        cache.set("a", {"user_id": 1, "cart": [1]})
        cache.set("a", {"device": "phone"})
        assert cache.get("a") == {"device": "phone"}
        cache.set("a", 3)
        assert cache.get("a") == 3
        cache.set("a", {"user_id": 2})

        assert cache.get("a") == {"user_id": 2}

    def test_has_tells_whether_there_is_a_value(self, cache):
        cache.set("a", None)

        assert cache.has("a")
        assert not cache.has("b")

    def test_delete_removes_and_tells_whether_there_was_one(self, cache):
        cache.set("a", {"user_id": 1})
        cache.set("b", 2)

        assert cache.delete("a") is True
        assert cache.delete("a") is False
        assert cache.get("a") is None
        assert cache.get("b") == 2

    def test_what_was_deleted_can_be_set_again(self, cache):
        cache.set("a", {"user_id": 1})
        cache.get("a")
        cache.delete("a")

        assert cache.get("a") is None
        assert cache.set("a", {"user_id": 2})
        assert cache.get("a") == {"user_id": 2}

    # -- add

    def test_add_overwrites_nothing(self, cache):
        assert cache.add("a", {"user_id": 1}) is True
        assert cache.add("a", 2) is False

        assert cache.get("a") == {"user_id": 1}

    def test_what_was_deleted_or_has_expired_can_be_added_again(self, cache, let_pass):
        cache.set("a", 1, MINUTE)
        cache.set("b", 1)
        cache.delete("b")
        let_pass(MINUTE + 10)

        assert cache.add("a", {"user_id": 2}, MINUTE) is True
        assert cache.add("b", 2) is True
        assert cache.get("a") == {"user_id": 2}
        let_pass(MINUTE + 10)
        assert cache.get("a") is None
        assert cache.get("b") == 2

    # -- timeouts

    @pytest.mark.parametrize("write", ["set", "add", "set_many"])
    @pytest.mark.parametrize("timeout", [2 * MINUTE, dt.timedelta(minutes=2)], ids=["seconds", "timedelta"])
    def test_a_value_lives_for_its_timeout(self, cache, let_pass, write, timeout):
        getattr(cache, write)(*([{"a": 1}] if write == "set_many" else ["a", 1]), timeout)
        let_pass(MINUTE)
        assert cache.get("a") == 1
        let_pass(MINUTE + 10)

        assert cache.get("a") is None
        assert not cache.has("a")
        assert cache.get_many("a") == [None]
        assert cache.get_dict("a") == {"a": None}

    @pytest.mark.parametrize("write", ["set", "add", "set_many"])
    def test_without_one_for_the_default_timeout(self, cache, let_pass, write):
        getattr(cache, write)(*([{"a": 1}] if write == "set_many" else ["a", 1]))
        let_pass(4 * MINUTE)
        assert cache.get("a") == 1
        let_pass(MINUTE + 10)

        assert cache.get("a") is None

    @pytest.mark.parametrize("write", ["set", "add", "set_many"])
    @pytest.mark.parametrize("timeout", [0, dt.timedelta(0)], ids=["0", "timedelta(0)"])
    def test_a_timeout_of_0_is_for_ever(self, cache, let_pass, write, timeout):
        getattr(cache, write)(*([{"a": 1}] if write == "set_many" else ["a", 1]), timeout)
        let_pass(365 * 24 * 60 * MINUTE)

        assert cache.get("a") == 1

    def test_set_starts_the_timeout_anew(self, cache, let_pass):
        cache.set("a", 1, MINUTE)
        let_pass(MINUTE - 20)
        cache.set("a", 2, MINUTE)
        let_pass(MINUTE - 20)

        assert cache.get("a") == 2

    def test_a_read_does_not(self, cache, let_pass):
        cache.set("a", 1, MINUTE)
        let_pass(MINUTE - 20)
        assert cache.get("a") == 1
        let_pass(30)

        assert cache.get("a") is None

    # -- many

    def test_many_are_set_and_got_in_the_keys_order(self, cache):
        assert cache.set_many({"a": 1, "b": {"user_id": 2}, "c": None}) == ["a", "b", "c"]

        assert cache.get_many("b", "nobody", "a", "b", "c") == [{"user_id": 2}, None, 1, {"user_id": 2}, None]
        assert cache.get_dict("a", "nobody") == {"a": 1, "nobody": None}
        assert cache.get_many() == []

    def test_many_are_deleted_and_an_absent_one_counts_as_deleted(self, cache):
        cache.set_many({"a": 1, "b": 2, "c": 3})

        assert cache.delete_many("a", "nobody", "c") == ["a", "nobody", "c"]
        assert cache.get_many("a", "b", "c") == [None, 2, None]
        assert cache.delete_many() == []

    def test_clear_removes_all(self, cache):
        cache.set_many({"a": 1, "b": {"user_id": 2}})

        assert cache.clear() is True
        assert cache.get_many("a", "b") == [None, None]
        assert cache.clear() is True

    # -- counting

    def test_inc_and_dec_count(self, cache):
        cache.set("a", 5)

        assert cache.inc("a") == 6
        assert cache.inc("a", 10) == 16
        assert cache.dec("a") == 15
        assert cache.dec("a", 20) == -5
        assert cache.get("a") == -5

    def test_counting_begins_at_0(self, cache):
        assert cache.inc("a") == 1
        assert cache.inc("b", 5) == 5
        assert cache.dec("c") == -1
        assert cache.dec("d", 5) == -5

    def test_what_counting_began_has_the_default_timeout(self, cache, let_pass):
        cache.inc("a")
        let_pass(4 * MINUTE)
        assert cache.get("a") == 1
        let_pass(MINUTE + 10)

        assert cache.get("a") is None

    def test_counting_begins_anew_when_the_value_has_expired(self, cache, let_pass):
        cache.set("a", 5, MINUTE)
        let_pass(MINUTE + 10)

        assert cache.inc("a") == 1

    def test_no_count_is_lost(self, cache, in_threads):
        def count(number):
            for _ in range(5):
                cache.inc("a", number + 1)
                cache.dec("a")

        in_threads(8, count)

        assert cache.get("a") == 5 * (sum(range(1, 9)) - 8)
