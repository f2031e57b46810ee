"""The promises through hosts on a real server of several processes and threads, by real HTTP."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from real_server import PATIENCE, Visitor, serving, wait_for
from values import stored_rows

from databases import DATABASES

LOGINS = int(os.environ.get("LOGINS", "40"))
"""How many logins there are beside writes; LOGINS=1000 takes a few minutes."""


@pytest.fixture(scope="module", params=list(DATABASES))
def url(request, tmp_path_factory):
    """The URL of a database, each in turn; shared by all tests, because a server takes a second to start."""
    return DATABASES[request.param](tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="module")
def table_name(url, own_tables):
    """The name of the server's table."""
    with own_tables(url) as name:
        yield name


@pytest.fixture(scope="module", params=["beaker_server", "flask_server", "pyramid_server"])
def address(request, url, table_name):
    """Where each host's server answers."""
    with serving(request.param, url, table_name) as address:
        yield address


@pytest.fixture
def visitor(address, store):
    """The only visitor, who has signed in."""
    store.clear()
    visitor = Visitor(address)
    visitor.change(user_id=42, device="phone")
    return visitor


@contextmanager
def in_flight(visitor, directory, **keys):
    """A request that has read its session before the block, and changes it after."""
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(visitor.get, "/change-slowly", keys=json.dumps(keys), directory=str(directory))
        try:
            wait_for(directory / "read")
            yield
        finally:
            (directory / "go on").touch()
        request.result(PATIENCE)


def test_p4_two_requests_in_flight_that_write_different_keys_both_win(visitor, store, tmp_path):
    with in_flight(visitor.other_tab(), tmp_path, device="laptop", cart=[1]):
        visitor.change(ip="::1", color="red")

    expected = {"user_id": 42, "device": "laptop", "cart": [1], "ip": "::1", "color": "red"}
    assert visitor.get("/data") == expected
    assert [record.data["device"] for record in store.find(user_id=42)] == ["laptop"]


def test_p4_of_many_keys_that_four_tabs_write_none_is_lost(visitor):
    def write(number):
        tab = visitor.other_tab()
        for turn in range(25):
            tab.change(**{f"{number}-{turn}": turn})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    assert len(visitor.get("/data")) == 2 + 4 * 25


def test_p5_a_session_that_is_revoked_while_a_request_runs_stays_dead(visitor, store, tmp_path):
    with in_flight(visitor.other_tab(), tmp_path, cart=[1]):
        assert store.revoke_where(user_id=42) == 1

    assert stored_rows(store) == []
    assert visitor.get("/data") == {}


def test_p5_a_logout_or_a_new_id_while_a_request_runs_is_final(visitor, store, tmp_path):
    for page, left in (("/new-id", 1), ("/logout", 0)):
        directory = tmp_path / page[1:]
        directory.mkdir()
        with in_flight(visitor.other_tab(), directory, cart=[1]):
            visitor.get(page, keys="{}")

        assert store.count() == left


def test_p9_requests_that_only_read_write_nothing(visitor, store):
    before = stored_rows(store)

    for _ in range(50):
        assert visitor.get("/data") == {"user_id": 42, "device": "phone"}
    assert stored_rows(store) == before


def test_p2_a_field_that_was_never_set_is_absent(visitor):
    assert "ip" not in visitor.get("/data")
    visitor.change(ip=None)

    assert visitor.get("/data")["ip"] is None


def test_p13_logins_beside_writes_sign_nobody_out_and_lose_nothing(visitor, store):
    """Four tabs of one browser: one gives the session a new id again and again, the others write.

    A tab whose request arrives with the old id sees no session, and so its write does not count.
    """
    tabs = [visitor.same_cookies() for _ in range(3)]

    def write(number, turn):
        return tabs[number].change(**{f"tab {number}": turn}).get("user_id") == 42

    with ThreadPoolExecutor(4) as pool:
        for turn in range(LOGINS):
            writes = [pool.submit(write, number, turn) for number in range(3)]
            login = pool.submit(visitor.get, "/new-id", keys=json.dumps({"login": turn}))
            assert login.result(PATIENCE)["login"] == turn
            saved = {f"tab {number}": turn for number, one in enumerate(writes) if one.result(PATIENCE)}

            data = visitor.get("/data")
            assert data["user_id"] == 42, f"signed out by login {turn}"
            assert saved.items() <= data.items(), f"lost at login {turn}"
    assert store.count() == 1
