"""Bodies without end cost a real server no memory, whether a user is signed in or not."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from http.client import BadStatusLine, HTTPResponse
from urllib.parse import urlsplit

import pytest
from real_server import PATIENCE, Visitor, serving

MIB = 1024 * 1024
PIECE = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
"""A chunk of 64 KiB."""


@pytest.fixture(scope="module", params=["beaker", "flask", "pyramid"])
def address(request, tmp_path_factory, own_tables):
    """Where each host's server answers, which is a single process."""
    url = f"sqlite:///{tmp_path_factory.mktemp('database')}/sessions.db"
    workers, create = ("--workers=1", "--threads=4"), f"create_app({request.param!r})"
    with (
        own_tables(url) as name,
        serving("devices_server", url, name, workers=workers, create=create) as address,
    ):
        yield address


@pytest.fixture
def visitor(address):
    """A visitor who has signed in."""
    visitor = Visitor(address)
    visitor.get_text("/sign-in", user="42")
    return visitor


CHUNKED = {"Transfer-Encoding": "chunked"}


@contextmanager
def post(address, path, headers, body=CHUNKED):
    """A connection on which the headers of a request are sent, and what they say of its body."""
    server = urlsplit(address)
    head = {"Host": server.netloc, **body, **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    with socket.create_connection((server.hostname, server.port), PATIENCE) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode())
        yield connection


def status_of(connection):
    """The status of the answer."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def send(connection, size):
    """Send a body of at least `size` bytes; a server that does not want it may close the connection."""
    with suppress(ConnectionError):
        for _ in range(size // 0x10000):
            connection.sendall(PIECE)
        connection.sendall(b"0\r\n\r\n")


def next_status(connection):
    """The status of the answer to another request on the connection; None if the server has closed it."""
    try:
        connection.sendall(b"GET /devices/static/devices.css HTTP/1.1\r\nHost: a\r\n\r\n")
        return status_of(connection)
    except (ConnectionError, BadStatusLine):
        return None


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize("path", ["/devices/sign-out", "/devices/sign-out-others"])
def test_a_body_of_unknown_length_takes_no_memory(address, visitor, path, kind):
    token = visitor.get("/devices/sessions")["csrf_token"]
    before = visitor.get("/memory")

    for cookie in ("", visitor.cookie):
        headers = {"Content-Type": kind, "X-CSRF-Token": token, "Cookie": cookie}
        with post(address, path, headers) as connection:
            send(connection, 50 * MIB)
            # Who is asking may be known from the body only.
            assert status_of(connection) in ({413} if cookie else {401, 413})
            assert next_status(connection) in {200, None}

    assert visitor.get("/memory") - before < 10 * MIB
    assert visitor.get("/devices/sessions")["sessions"]


@pytest.mark.parametrize("body", [CHUNKED, {"Content-Length": "1000"}], ids=["chunked", "of known length"])
def test_a_visitor_who_may_not_send_a_form_is_refused_before_the_body_comes(address, visitor, body):
    """A body that is sent slowly, or never, keeps a thread of the server waiting only for who may send it."""
    wrong = {"X-CSRF-Token": "wrong", "Cookie": visitor.cookie}
    foreign = {"Sec-Fetch-Site": "cross-site", "Cookie": visitor.cookie}

    for expected, headers in ((401, {}), (403, wrong), (403, foreign)):
        with post(address, "/devices/sign-out-others", headers, body) as connection:
            assert status_of(connection) == expected
