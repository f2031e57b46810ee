"""Requests to the page of devices: forms, JSON, CSRF tokens, searches, and the headers that are read."""

from __future__ import annotations

import io
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from schema_session_backend import SessionStore, new_session_id
from schema_session_backend.devices import DevicesPage, Visitor
from test_request_fields import FIREFOX

from .target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

SID = "the-visitors-session"
OWN: dict[str, Any] = {SID: {"user_id": 42, "device": "phone"}, "own": {"user_id": 42}}
FOREIGN: dict[str, Any] = {"foreign": {"user_id": 7, "device": "laptop"}}
VISITOR = Visitor({"user_id": 42}, SID)
DOCUMENTED = {200, 303, 400, 401, 403, 404, 405, 413, 415}


@cache
def _store() -> SessionStore:
    return SessionStore(
        "sqlite://",
        schemas="user_id Integer index; device String(50); ip String(45); user_agent String(300)",
        timestamps=True,
        gc_interval=None,
        request_fields="ip/24/48 user_agent device",
    )


@cache
def _page() -> DevicesPage:
    return DevicesPage(_store(), lambda _environ: VISITOR)


@cache
def _administration() -> DevicesPage:
    """The page for an administrator of whose CSRF tokens the seeds have none."""
    administrator = Visitor({"user_id": 42}, new_session_id())
    return DevicesPage(_store(), lambda _environ: administrator, administers=lambda _environ: True)


def _seeds() -> Iterator[bytes]:
    store, token = _store(), VISITOR.csrf_token()
    form, json = b"Content-Type: application/x-www-form-urlencoded\n", b"Content-Type: application/json\n"
    handles = [store.handle(sid).encode() for sid in (*OWN, *FOREIGN)]
    for path in (b"/", b"/?done=one", b"/sessions", b"/admin", b"/static/devices.css", b"/nowhere"):
        yield b"GET " + path + b"\nAccept: application/json;q=0.5, text/html\n\n"
    for search in (b"user_id=42", b"user_id=x&device=phone", b"-after=" + handles[0], b"-done=3&ip=%00"):
        yield b"GET /admin?" + search + b"\n\n"
    for path in (b"/sign-out", b"/sign-out-others", b"/admin/sign-out"):
        for handle in handles:
            fields = b"csrf_token=" + token.encode() + b"&handle=" + handle + b"&query=user_id%3D42"
            yield b"POST " + path + b"\n" + form + b"Origin: http://localhost\n\n" + fields
            yield (
                b"POST "
                + path
                + b"\n"
                + json
                + b"X-CSRF-Token: "
                + token.encode()
                + b"\n\n"
                + (b'{"handle": ["' + handle + b'"], "csrf_token": "AAAA"}')
            )
    yield (
        b"POST /sign-out\nSec-Fetch-Site: cross-site\nOrigin: https://[evil\n"
        + form
        + b"\nhandle="
        + b"a" * 64
    )
    yield b"POST /sign-out\n" + json + b"Content-Length: -1\n\n[[[["
    yield b"DELETE /sign-out\nContent-Type: text/plain; charset=\xff\n\n\xff"


def _environ(data: bytes) -> dict[str, Any]:
    """The WSGI environment for a request that is written as in HTTP, but with any bytes."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    method, _, target = first.partition(" ")
    path, _, query = target.partition("?")
    headers = {
        name.strip().upper().replace("-", "_"): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    return {
        "HTTP_HOST": "localhost",
        **{f"HTTP_{name}": value for name, value in headers.items()},
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "/devices",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("CONTENT_TYPE", ""),
        "CONTENT_LENGTH": headers.get("CONTENT_LENGTH", str(len(body))),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }


def _answer(page: DevicesPage, environ: dict[str, Any]) -> int:
    statuses: list[str] = []
    b"".join(page(environ, lambda status, _headers: statuses.append(status)))
    status = int(statuses[0][:3])
    assert status in DOCUMENTED
    return status


def _check(data: bytes) -> bool:
    """A request has a documented status, and ends nothing without a valid token nor of another user."""
    store = _store()
    store.set_many(OWN | FOREIGN)
    _answer(_administration(), _environ(data))
    assert store.get_many([*OWN, *FOREIGN]) == OWN | FOREIGN
    status = _answer(_page(), _environ(data))
    assert store.get_many([*FOREIGN]) == FOREIGN
    return status < HTTPStatus.BAD_REQUEST


def _field_seeds() -> Iterator[bytes]:
    for address in ("192.0.2.7:80", "[2001:db8::1%eth0]:443", "::ffff:192.0.2.7", "unix:", ""):
        for agent in (FIREFOX, "curl/8", "", "\xff" * 400):
            yield f"{address}\n{agent}".encode("latin-1")


def _check_fields(data: bytes) -> bool:
    """What is read off a request fits its columns."""
    address, _, agent = data.decode("latin-1").partition("\n")
    environ = {"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent}
    store = _store()
    assert store.save(store.blank("fields"), {"n": 1}, environ=environ).was_written
    read = store.get("fields")
    assert read is not None
    assert all(text.isprintable() for name, text in read.items() if name != "n")
    store.destroy("fields")
    return len(read) > 1


WORDS = (
    "Accept: ", "Content-Type: ", "Content-Length: ", "Host: ", "Origin: ", "Sec-Fetch-Site: ",
    "X-CSRF-Token: ", "application/json", "application/x-www-form-urlencoded", "csrf_token=", "handle=",
    "query=", "-after=", "user_id=", "/admin", "/sign-out",
)  # fmt: skip
FIELD_WORDS = ("::ffff:", "[", "]:80", "%eth0", "Mozilla/5.0 (", "Firefox/1", "iPhone", "Android 1")
DEVICES = Target("devices", _seeds, _check, WORDS)
REQUEST_FIELDS = Target("request_fields", _field_seeds, _check_fields, FIELD_WORDS)
