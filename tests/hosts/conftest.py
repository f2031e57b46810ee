"""What the tests of hosts can ask for: a small site on each host in turn, and a clock to move."""

from __future__ import annotations

import time
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import beaker.session
import pytest
from beaker_site import open_beaker_site
from flask_site import FlaskSite
from pyramid_site import PyramidSite

import schema_session_backend.beaker.session
from leaks import nothing_leaks  # noqa: F401 - a fixture for every test here
from schema_session_backend import SessionStore, _shared
from schema_session_backend.beaker import SchemaSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browsing import Browser, Site

    from clocks import DatabaseClock

HOSTS: dict[str, Callable[..., Site]] = {
    "beaker": open_beaker_site,
    "SchemaSession": partial(open_beaker_site, session_class=SchemaSession),
    "flask": FlaskSite,
    "pyramid": PyramidSite,
}
"""Every contract of hosts runs on each of these, opened with `store=` and, in seconds, `timeout=`."""


@pytest.fixture(autouse=True)
def _close_shared_stores() -> Iterator[None]:
    """The stores that settings made live as long as the process; a test's go with its tables."""
    yield
    for store, _ in _shared._stores.values():
        store.close()
    _shared._stores.clear()


@pytest.fixture(params=list(HOSTS))
def host(request: pytest.FixtureRequest) -> str:
    """A host's name, each in turn."""
    return request.param


@pytest.fixture
def open_site(store: SessionStore, host: str) -> Callable[..., Site]:
    """Opens a site on the host; by default its sessions are in `store`."""
    return lambda **settings: HOSTS[host](**{"store": store, **settings})


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """A site whose sessions are in `store`."""
    return open_site()


@pytest.fixture
def browser(site: Site) -> Browser:
    """A browser that is signed in."""
    browser = site.browser()
    browser.log_in()
    return browser


@pytest.fixture
def down() -> Iterator[SessionStore]:
    """A store whose database cannot be reached."""
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", sync_timeout=0.05)
    yield store
    store.close()


@pytest.fixture
def clock_error() -> float:
    """Seconds that this host's clock is ahead of the database's."""
    return 0


@pytest.fixture
def let_pass(
    clock: DatabaseClock, clock_error: float, monkeypatch: pytest.MonkeyPatch
) -> Callable[[float], None]:
    """Moves the clock of the database, for stores of `moved_store`, and that of this host."""
    moved = SimpleNamespace(time=lambda: clock.time() + clock_error, strftime=time.strftime)
    for module in (beaker.session, schema_session_backend.beaker.session):
        monkeypatch.setattr(module, "time", moved)
    return clock.advance
