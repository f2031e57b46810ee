"""What is tried with each application: two clients sign in, and one is kicked out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .serving import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from schema_session_backend import SessionStore

    from .applications import Application


class NotSeen(Exception):
    """Something that has to be seen was not; the message says what."""


def two_clients(
    application: Application, store: SessionStore, chromium: Browser, address: str
) -> Iterator[str]:
    """Sign in on two devices and kick one out; tells what was seen, one step at a time.

    Args:
        application: which one.
        store: its sessions, in another process than the application's.
        chromium: the browser for both clients.
        address: the address of the application's server.

    Raises:
        NotSeen: saying what has to be seen and was not.
    """
    laptop, phone = (Client(chromium, address, application) for _ in range(2))
    user = application.user(application.data)

    laptop.sign_in()
    kept = [record.handle for record in store.find(user)]
    phone.sign_in()
    found = [record.handle for record in store.find(user)]
    yield _seen(len(kept) == 1 and len(found) == 2, "two clients sign in, and both are found by their user")

    for client in (laptop, phone):
        client.restart()
    yield _seen(laptop.is_in() and phone.is_in(), "both stay in when their browsers are closed and opened")
    yield _seen(store.count(user) == 2, "that made no further session of the user")

    [kicked] = set(found) - set(kept)
    store.revoke(kicked, user)
    yield _seen(not phone.is_in(), "one is kicked out, and its next page is the login page")
    yield _seen(not phone.is_in(), "it stays out")
    phone.restart()
    yield _seen(not phone.is_in(), "it stays out when its browser is closed and opened")
    yield _seen(laptop.is_in() and store.count(user) == 1, "the other one stays in")

    phone.sign_in()
    yield _seen(phone.is_in() and store.count(user) == 2, "the one that was kicked out can sign in again")
    store.revoke_where(user, keep=kept[0])
    yield _seen(laptop.is_in() and not phone.is_in(), "all but one are kicked out, and that one stays in")

    if application.remember_me is not None:
        phone.sign_in(remember=False)
        phone.restart()
        yield _seen(not phone.is_in(), "one that is not to be remembered is out when its browser is closed")


def _seen(it_is: bool, what: str) -> str:
    if not it_is:
        raise NotSeen(what)
    return what
