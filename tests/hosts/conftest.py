"""What the tests of Beaker can ask for: a small site on its middleware, browsers, and its clock."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import beaker.session
import pytest
from beaker_site import Site

import schema_session_backend.beaker
from schema_session_backend import config
from schema_session_backend.beaker import SchemaSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clocks import MovedClock
    from schema_session_backend import SessionStore


@pytest.fixture(autouse=True)
def _close_shared_stores() -> Iterator[None]:
    """The stores that settings made live as long as the process; a test's go with its tables."""
    yield
    for store, _ in config._stores.values():
        store.close()
    config._stores.clear()


@pytest.fixture(params=[None, SchemaSession], ids=["plain", "SchemaSession"])
def session_class(request: pytest.FixtureRequest) -> type[SchemaSession] | None:
    """Beaker's own session class, and ours."""
    return request.param


@pytest.fixture
def open_site(store: SessionStore, session_class: type[SchemaSession] | None) -> Callable[..., Site]:
    """Opens a site; by default its sessions are in `store`."""

    def open_site(**settings: Any) -> Site:
        chosen = {"type": "schema", "store": store, "session_class": session_class} | settings
        return Site({f"session.{name}": value for name, value in chosen.items() if value is not None})

    return open_site


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """A site whose sessions are in `store`."""
    return open_site()


@pytest.fixture
def clock_error() -> float:
    """Seconds that this host's clock is ahead of the database's."""
    return 0


@pytest.fixture
def let_pass(
    clock: MovedClock, clock_error: float, monkeypatch: pytest.MonkeyPatch
) -> Callable[[float], None]:
    """Moves the clock of the database, for stores of `moved_store`, and that of this host."""
    moved = SimpleNamespace(time=lambda: time.time() + clock.offset + clock_error)
    for module in (beaker.session, schema_session_backend.beaker):
        monkeypatch.setattr(module, "time", moved)
    return clock.advance
