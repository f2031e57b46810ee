"""A `SchemaCache` counts whole numbers without losing any."""

from __future__ import annotations

import threading

import pytest
from values import stored_rows, write_row
from workers import count_up

from processes import at_once
from schema_session_backend import NotAnInteger, StoreUnavailable
from schema_session_backend.cachelib import SchemaCache

MINUTE = 60


@pytest.fixture
def cache(store) -> SchemaCache:
    return SchemaCache(store)


@pytest.mark.parametrize("value", [1.5, True, None, "1", [1], {"user_id": 1}], ids=repr)
def test_only_an_int_can_be_counted(cache, store, value):
    cache.set("a", value)
    before = stored_rows(store)

    for call in (cache.inc, cache.dec):
        with pytest.raises(NotAnInteger, match="the value is no int but"):
            call("a")
    with pytest.raises(NotAnInteger, match="delta is no int but"):
        cache.inc("a", value)

    assert stored_rows(store) == before


def test_a_corrupt_counter_is_an_error_and_not_an_endless_loop(cache, store):
    cache.set("a", 1)
    write_row(store, "a", additional="{")

    with pytest.raises(StoreUnavailable, match="a counter is corrupt"):
        cache.inc("a")


def test_counting_leaves_the_expiry_alone(moved_store, clock):
    cache = SchemaCache(moved_store(timestamps=True))
    cache.set("a", 1, MINUTE)
    cache.set("b", 1, 0)
    clock.advance(MINUTE - 20)
    cache.inc("a")
    cache.dec("b")
    clock.advance(30)

    assert cache.get_many("a", "b") == [None, 0]


def test_p11_no_count_of_eight_processes_is_lost(make_store, url, table_name):
    cache = SchemaCache(make_store())
    at_once(count_up, [(url, table_name)] * 8)

    assert cache.get("counter") == 8 * 20
    assert cache.get("other") == 8 * 20 * 2**64


def test_of_eight_threads_that_add_the_same_key_one_succeeds(cache):
    ready, added = threading.Barrier(8), []

    def add():
        ready.wait(30)
        added.append(cache.add("a", 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(added) == [False] * 7 + [True]
