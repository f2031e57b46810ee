"""P8: rows that are changed at random, through each host and the page of devices.

`MUTATIONS=10000` changes so many rows on each database; without it, 200. `MUTATIONS_SEED` changes others.
"""

from __future__ import annotations

import html
import itertools
import logging
import math
import re
import time
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from beaker_site import open_beaker_site
from devices_site import SITES
from flask_site import FlaskSite
from mutations import ROWS, SCHEMAS, SEED, Stopwatch, mutate, remove_all_but, rows_of
from pyramid_site import PyramidSite
from webtest import TestApp

from schema_session_backend import new_session_id
from schema_session_backend.beaker import SchemaSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from browsing import Site

AT_ONCE = 24
USER, NEWCOMER = 7, 8
HOUR = 3600
HOSTS: dict[str, Callable[..., Site]] = {
    "beaker": partial(open_beaker_site, timeout=HOUR),
    "SchemaSession": partial(open_beaker_site, session_class=SchemaSession, timeout=HOUR),
    "flask": FlaskSite,
    "pyramid": PyramidSite,
}
HANDLE = re.compile('name="handle" value="([0-9a-f]{64})"')
NEXT = re.compile('href="([^"]*)" rel="next"')
PURPOSES = ("read", "renew", "look", "sign out", "end")
"""What becomes of the copies of a changed row."""


def read(session: Any) -> dict[Any, Any]:
    return dict(session.items())


def visit(site: Site, cookie: str) -> None:
    """Read and write a session: whatever its row holds, its visitor has a session afterwards."""
    browser = site.browser(cookie)
    browser.visit(read)
    browser.visit(site.saving(user_id=NEWCOMER))
    # Not the same browser, which may have two cookies of that name.
    assert site.browser(browser.cookie).visit(read)["user_id"] == NEWCOMER


def sign_in(site: Site, cookie: str) -> None:
    """Sign in with a new id, as an application does that knows what it sees."""
    browser = site.browser(cookie)
    browser.visit(site.renewing(user_id=NEWCOMER))
    # Not the same browser, which may have two cookies of that name.
    assert site.browser(browser.cookie).visit(read)["user_id"] == NEWCOMER


def look(page: Any, cookie_name: str, cookie: str) -> None:
    """Look at one's own devices, as a page and as JSON."""
    client = TestApp(page)
    client.set_cookie(cookie_name, cookie)
    for path in ("/devices/", "/devices/sessions"):
        assert client.get(path, status="*").status_int in {200, 401}


class Owner:
    """The browser of a user who is also an administrator, on the page of devices.

    Args:
        page: the site that has the page.
        stopwatch: measures each request.
    """

    def __init__(self, page: Any, stopwatch: Stopwatch) -> None:
        self._client = TestApp(page)
        self._stopwatch = stopwatch
        self._get(f"/sign-in?user={USER}")
        [self.cookie_name] = self._client.cookies
        self._token = self._get("/devices/sessions").json["csrf_token"]

    def _get(self, path: str) -> Any:
        return self._stopwatch.run(path, lambda: self._client.get(path))

    def others(self) -> set[str]:
        """The handles of the user's other devices, which JSON and the page agree on."""
        sessions = self._get("/devices/sessions").json["sessions"]
        handles = {one["handle"] for one in sessions if not one["current"]}
        assert set(HANDLE.findall(self._get("/devices/").text)) == handles
        return handles

    def all(self) -> set[str]:
        """The handles on the administrator's pages of all sessions."""
        page, handles = self._get("/devices/admin").text, set()
        while True:
            handles |= set(HANDLE.findall(page))
            next_page = NEXT.search(page)
            if next_page is None:
                return handles
            page = self._get(html.unescape(next_page[1])).text

    def send(self, path: str, **fields: Any) -> Any:
        """Send a form."""
        form = {"csrf_token": self._token, **fields}
        return self._stopwatch.run(path, lambda: self._client.post(f"/devices{path}", form, status="*"))


HOSTILE = {
    "a path with a new line": {"_path": "/\r\nSet-Cookie: a=b"},
    "a path that is a number": {"_path": 5},
    "a path with an attribute": {"_path": "/; Domain=example.com"},
    "a domain with NUL": {"_domain": "\0"},
    "a domain that is a list": {"_domain": ["example.com"]},
    "times of Beaker's that are none": {"_creation_time": "x", "_accessed_time": [1]},
    "an idle timeout beyond all numbers": {"_max_age": 1e306},
    "no idle timeout": {"_max_age": math.inf},
    "an idle timeout that is no number": {"_max_age": math.nan},
    "a creation time that is none": {"_schema_session_created": "x"},
    "a cached value that is no dict": {"<value>": 5},
    "a mark of Flask's that is a list": {"_permanent": [1]},
    "keys that are no text": {1: 2, None: 3},
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("timestamps", [True, False])
@pytest.mark.parametrize("host", HOSTS)
def test_what_a_host_itself_keeps_in_the_session_may_be_anything(make_store, host, timestamps, hostile):
    store = make_store(timestamps=timestamps)
    site = HOSTS[host](store=store)
    for cookie, request in (("a", visit), ("b", sign_in)):
        store.set(f"session:{cookie}" if host == "flask" else cookie, hostile)
        request(site, cookie)


@pytest.mark.parametrize("timestamps", [True, False])
def test_a_session_of_pyramid_has_a_token_messages_and_a_creation_time_whatever_is_stored(
    make_store, timestamps
):
    store = make_store(timestamps=timestamps)
    site = PyramidSite(store=store)
    for nonsense in ({"a": 1}, 5.5, "", "€"):
        keys = ("_csrft_", "_f_", "_f_queue", "_schema_session_created")
        store.set("a", dict.fromkeys(keys, nonsense))
        browser = site.browser("a")

        def use(session: Any) -> None:
            assert session.peek_flash() == []
            session.flash("one")
            assert session.pop_flash() == ["one"]
            assert session.pop_flash("queue") == []
            assert abs(session.created - time.time()) < HOUR

        browser.visit(use)
        token = browser.visit(lambda session: session.get_csrf_token())
        assert token.isascii()
        assert browser.visit(lambda session: session.get_csrf_token()) == token


@pytest.mark.parametrize("timestamps", [True, False])
def test_a_changed_row_costs_its_own_session_only(make_store, tmp_path, caplog, timestamps):
    caplog.set_level(logging.CRITICAL, "schema_session_backend")
    random, marker = Random(SEED), tmp_path / "was_run"
    visits, listings = Stopwatch(), Stopwatch()
    store = make_store(schemas=SCHEMAS, timestamps=timestamps)
    sites = {name: host(store=store) for name, host in HOSTS.items()}
    pages = {name: site(store, administers=lambda *_: True) for name, site in SITES.items()}
    owners = {name: Owner(page, listings) for name, page in pages.items()}
    others = {f"other{number}": {"user_id": USER} for number in range(3)}
    store.set_many(others)
    untouched = [store.handle(sid) for sid in others]
    before, done = rows_of(store, untouched), 0
    own = {record.handle for record in store.find(user_id=USER)}
    turns = zip(itertools.cycle(sites), itertools.cycle(pages), strict=False)

    while done < ROWS // 2:
        host, page = next(turns)
        owner = owners[page]
        cookies = [[new_session_id() for _ in PURPOSES] for _ in range(AT_ONCE)]
        # Flask-Session puts a prefix before the cookie's value.
        prefixes = [{"flask": "session:"}.get(name, "") for name in (host, host, page, "", "")]
        ids = [list(map(str.__add__, prefixes, row)) for row in cookies]
        # The first three are sessions of other users, who have no other devices.
        users = [[100 + number] * 3 + [USER] * 2 for number in range(AT_ONCE)]
        pairs = zip(itertools.chain(*ids), itertools.chain(*users), strict=True)
        store.set_many({sid: {"user_id": user} for sid, user in pairs})
        changes = mutate(store, [[*map(store.handle, row)] for row in ids], random, marker)
        done += AT_ONCE

        listings.about = f"with {AT_ONCE * len(PURPOSES)} changed rows on {page}"
        assert len(owner.others() & own) == len(own) - 1, changes
        assert owner.all() >= own, changes
        for change, row, (*_, signed_out, ended) in zip(changes, cookies, ids, strict=True):
            visits.about = f"{host}, {change}"
            visits.run("visit", partial(visit, sites[host], row[0]))
            visits.run("sign in", partial(sign_in, sites[host], row[1]))
            visits.about = f"{page}, {change}"
            visits.run("look", partial(look, pages[page], owner.cookie_name, row[2]))
            is_owners = not str(change).startswith("user_id")
            expected = {303, 404} if not is_owners else {303} if store.has(signed_out) else {404}
            listings.about = visits.about
            answer = owner.send("/sign-out", handle=store.handle(signed_out))
            assert answer.status_int in expected, change
            assert not is_owners or not store.has(signed_out)
            assert owner.send("/admin/sign-out", handle=store.handle(ended)).status_int == 303
            assert not store.has(ended)

        assert rows_of(store, untouched) == before
        remove_all_but(store, own)
        if done == AT_ONCE * len(sites):
            visits.forget()
            listings.forget()

    assert not marker.exists()
    print(f"\n{visits.report(done)}\n{listings.report(done)}")
