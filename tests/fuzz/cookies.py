"""Cookie headers, which anyone can send, through each host's real middleware.

Whatever the header: the visitor has the session whose id it names, or none, and an id under which nothing is
stored is never adopted.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from beaker_site import open_beaker_site
from flask_site import FlaskSite
from pyramid_site import PyramidSite
from webtest import TestRequest

from schema_session_backend import SessionStore
from schema_session_backend.beaker import SchemaSession

from .target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browsing import Site

SID = "a" * 42 + "Q"
DATA = {"user_id": 42}


@cache
def _store() -> SessionStore:
    store = SessionStore("sqlite://", schemas="user_id Integer index", gc_interval=None)
    store.set(f"session:{SID}", DATA)
    store.set(SID, DATA)
    return store


@cache
def _beaker() -> Site:
    return open_beaker_site(store=_store(), session_class=SchemaSession)


@cache
def _flask() -> Site:
    return FlaskSite(store=_store())


@cache
def _pyramid() -> Site:
    return PyramidSite(store=_store())


def _seeds(name: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        for value in (
            SID,
            SID.upper(),
            SID + " ",
            f'"{SID}"',
            SID[1:],
            "",
            "a" * 300,
            "é",
            "\0",
            "\\141",
            '"',
        ):
            yield f"{name}={value}".encode()
        yield f"{name}={SID}; other=1; {name}=x".encode()
        yield f"a=b; {name} = {SID} ;;, =; {name}; $Path=/".encode()
        yield f"{name}=\xff\xfe; a:b=c; {name}={SID}".encode("latin-1")

    return seeds


def _check(open_site: Callable[[], Site]) -> Callable[[bytes], bool]:
    def check(data: bytes) -> bool:
        seen: list[tuple[dict[str, Any], str | None]] = []

        def look(session: Any) -> None:
            values = {key: session[key] for key in session if key == "user_id"}
            seen.append((values, getattr(session, "sid", None) or getattr(session, "id", None)))

        site = open_site()
        request = TestRequest.blank("/", {"HTTP_COOKIE": data.decode("latin-1"), "site.do": look})
        answer = request.get_response(site.application)
        assert answer.status_int == 200
        [(values, sid)] = seen
        assert values in ({}, DATA)
        assert sid is None or (sid == SID) == (values == DATA)
        assert values == {} or SID.encode() in data.replace(b"\\", b"")
        assert values == DATA or sid is None or sid.encode() not in data
        assert _store().count() == 2
        return values == DATA

    return check


WORDS = ("; ", "=", '"', "$Path", "expires=", "session=", "beaker.session.id=", SID)
BEAKER = Target("beaker_cookie", _seeds("beaker.session.id"), _check(_beaker), WORDS)
FLASK = Target("flask_cookie", _seeds("session"), _check(_flask), WORDS)
PYRAMID = Target("pyramid_cookie", _seeds("session"), _check(_pyramid), WORDS)
