"""This store: by itself, and as each host's back end. All defaults are on, and three columns declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pyramid.request import Request
from pyramid.response import Response
from pyramid_schema_session import SchemaSessionFactory

from schema_session_backend import SessionStore
from schema_session_backend.beaker import SchemaNamespaceManager, SchemaSession
from schema_session_backend.cachelib import SchemaCache
from sealed import new_key

from ..sessions import MAX_AGE, SCHEMAS, SESSIONS_OF_A_USER, session, sid
from .base import AT_ONCE, Contender, clone, drop
from .hosts import BeakerContender, FlaskContender

if TYPE_CHECKING:
    from collections.abc import Callable


def open_store(url: str, table: str, **options: Any) -> SessionStore:
    """A store with a table that is new."""
    drop(url, table)
    return SessionStore(url, schemas=SCHEMAS, table_name=table, max_age=MAX_AGE, **options)


def preload(store: SessionStore, url: str, count: int, sid_of: Callable[[int], str] = sid) -> None:
    """Make many sessions of the one that is stored."""
    clone(url, store.repo().name, "sid", lambda number: store.handle(sid_of(number)), count)


class Store(Contender):
    """`SessionStore` by itself."""

    name = "this store"
    table: ClassVar = "bench_store"
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._store = open_store(url, self.table, **self.options)

    def preload(self, count: int) -> None:
        self._store.set(sid(0), session(0))
        preload(self._store, self.url, count)

    def read(self, number: int) -> None:
        data = self._store.get(sid(number))
        assert data is not None
        assert data["user_id"] is not None

    def write(self, number: int) -> None:
        self._store.set(sid(number), session(number))

    def rmw(self, number: int) -> None:
        loaded = self._store.load(sid(number))
        assert loaded is not None
        loaded.data["visits"] += 1
        self._store.save(loaded)

    create = write

    def find(self, user: int) -> int:
        """Read the sessions of a user; how many."""
        return len(self._store.find(user_id=user, limit=SESSIONS_OF_A_USER))

    def revoke_user(self, user: int) -> int:
        """End the sessions of a user; how many."""
        return self._store.revoke_where(user_id=user)

    def store_many(self, sessions: dict[str, dict[str, Any]]) -> None:
        """Store sessions in one transaction."""
        self._store.set_many(sessions)

    def touch(self, number: int) -> None:
        self._store.touch(sid(number))

    def delete(self, number: int) -> None:
        self._store.destroy(sid(number))

    def close(self) -> None:
        self._store.close()


class Sealed(Store):
    """`SessionStore` with `encryption_keys`."""

    name = "this store, sealed"
    table = "bench_sealed"
    options: ClassVar = {"encryption_keys": [new_key()]}

    def preload(self, count: int) -> None:
        # A sealed session opens in its own row only, so they cannot be made of one.
        for start in range(0, count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, count))
            self.store_many({sid(number): session(number) for number in numbers})


class ThroughFlask(FlaskContender):
    """As Flask-Session's cachelib."""

    name = "this store, Flask-Session"

    def __init__(self, url: str) -> None:
        self._store = open_store(url, "bench_flask")
        cache = SchemaCache(self._store)
        super().__init__(url, SESSION_TYPE="cachelib", SESSION_CACHELIB=cache)

    def preload(self, count: int) -> None:
        self.write(0)
        preload(self._store, self.url, count, lambda number: f"session:{sid(number)}")

    def close(self) -> None:
        self._store.close()


class ThroughBeaker(BeakerContender):
    """As Beaker's back end, with its session class."""

    name = "this store, Beaker"
    session_class = SchemaSession

    def __init__(self, url: str) -> None:
        self._store = open_store(url, "bench_beaker")
        super().__init__(url, SchemaNamespaceManager, store=self._store)

    def preload(self, count: int) -> None:
        self.create(0)
        preload(self._store, self.url, count)

    def close(self) -> None:
        self._store.close()


class ThroughPyramid(Contender):
    """As Pyramid's session factory."""

    name = "this store, Pyramid"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._store = open_store(url, "bench_pyramid")
        self._factory = SchemaSessionFactory(self._store)

    def preload(self, count: int) -> None:
        self._store.set(sid(0), session(0))
        preload(self._store, self.url, count)

    def _request(self, number: int, do: Callable[[Any], Any]) -> None:
        request = Request.blank("/", headers={"Cookie": f"__Host-session={sid(number)}"})
        do(self._factory(request))
        request._process_response_callbacks(Response())

    def read(self, number: int) -> None:
        self._request(number, lambda session: session["user_id"])

    def write(self, number: int) -> None:
        self._request(number, lambda found: found.update(session(number), visits=found["visits"] + 1))

    def rmw(self, number: int) -> None:
        self._request(number, lambda session: session.update(visits=session["visits"] + 1))

    def create(self, number: int) -> None:
        request = Request.blank("/")
        self._factory(request).update(session(number))
        request._process_response_callbacks(Response())

    touch = read

    def delete(self, number: int) -> None:
        self._request(number, lambda session: session.invalidate())

    def close(self) -> None:
        self._store.close()
