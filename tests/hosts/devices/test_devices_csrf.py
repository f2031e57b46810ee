"""Forms of other sites do nothing on the page of devices."""

from __future__ import annotations

import pytest
from devices_calls import handles, sessions

ELSEWHERE = {
    "origin": {"Origin": "https://evil.example"},
    "null origin": {"Origin": "null"},
    "no url": {"Origin": "https://[evil"},
    "same host, other port": {"Origin": "http://localhost:8080"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "subdomain": {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
}


@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("path", ["/sign-out", "/sign-out-others"])
def test_a_form_of_another_site_does_nothing(browser, store, headers, path):
    this = browser(42)
    browser(42)
    fields = {"csrf_token": sessions(this)["csrf_token"], "handle": handles(this)[0]}

    assert this.post(f"/devices{path}", fields, headers=headers, status=403)
    as_header = {"X-CSRF-Token": fields["csrf_token"], **headers}
    assert this.post_json(f"/devices{path}", {"handle": fields["handle"]}, headers=as_header, status=403)
    assert store.count() == 2


@pytest.mark.parametrize(
    "token", ["", "made up", "AAAA", "ä", lambda browser: sessions(browser(42))["csrf_token"], None]
)
def test_a_form_without_the_sessions_own_token_does_nothing(browser, store, token):
    this = browser(42)
    browser(42)
    given = token(browser) if callable(token) else token
    before = store.count()

    assert this.post("/devices/sign-out-others", {} if given is None else {"csrf_token": given}, status=403)
    assert store.count() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:80", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://LOCALHOST"},
        {"Origin": "https://account.example"},
        # Behind a proxy that changes the host, only `Sec-Fetch-Site` tells where the form is from.
        {"Origin": "https://www.example.com", "Sec-Fetch-Site": "same-origin"},
        {},
    ],
)
def test_the_pages_own_form_is_accepted(open_site, store, headers):
    this = open_site(origins=["https://account.example"])(42)
    fields = {"csrf_token": sessions(this)["csrf_token"]}

    # WebTest's own name for the host has its port.
    assert this.post("/devices/sign-out-others", fields, headers={"Host": "localhost", **headers}, status=303)


def test_csrf_tokens_differ_each_time_and_work_for_their_session_only(browser):
    one, other = browser(42), browser(42)
    tokens = {sessions(one)["csrf_token"] for _ in range(3)}

    assert len(tokens) == 3
    for token in tokens:
        assert one.post("/devices/sign-out-others", {"csrf_token": token}, status="*").status_int == 303
    assert other.get("/whoami").text == "None"
