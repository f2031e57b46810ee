"""`SchemaCache` keeps cachelib's contract, and `SimpleCache` shows that the contract is cachelib's."""

from __future__ import annotations

import inspect
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import cachelib.simple
import pytest
from cachelib import BaseCache, SimpleCache
from cachelib_contract import CacheContract
from flask import Flask

from schema_session_backend.cachelib import SchemaCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def in_threads():
    """Does work in threads, as many as are asked for; each gets its number."""

    def in_threads(number: int, work: Callable[[int], object]) -> None:
        with ThreadPoolExecutor(number) as pool:
            list(pool.map(work, range(number)))

    return in_threads


class TestSimpleCache(CacheContract):
    @pytest.fixture
    def cache(self) -> SimpleCache:
        return SimpleCache(default_timeout=300)

    @pytest.fixture
    def let_pass(self, monkeypatch):
        passed = [0.0]
        monkeypatch.setattr(cachelib.simple, "time", lambda: time.time() + passed[0])
        return lambda seconds: passed.append(passed.pop() + seconds)


class TestSchemaCache(CacheContract):
    @pytest.fixture
    def cache(self, moved_store) -> SchemaCache:
        return SchemaCache(moved_store(timestamps=True), default_timeout=300)

    @pytest.fixture
    def let_pass(self, clock):
        return clock.advance


class TestSchemaCacheWithPrefix(TestSchemaCache):
    @pytest.fixture
    def cache(self, moved_store) -> SchemaCache:
        return SchemaCache(moved_store(), default_timeout=300, key_prefix="shop:")


class TestSchemaCacheInARequest(TestSchemaCache):
    """Inside a Flask request only the session's own key behaves differently, and no test here uses it."""

    @pytest.fixture(autouse=True)
    def request_of_flask(self) -> Iterator[None]:
        with Flask(__name__).test_request_context():
            yield


@pytest.mark.parametrize(
    "name",
    [name for name, method in inspect.getmembers(BaseCache, inspect.isfunction) if not name.startswith("_")],
)
def test_every_method_has_cachelibs_signature(name):
    ours, theirs = (
        [
            (one.name, one.kind, one.default)
            for one in inspect.signature(getattr(cache, name)).parameters.values()
        ]
        for cache in (SchemaCache, BaseCache)
    )

    assert ours == theirs
