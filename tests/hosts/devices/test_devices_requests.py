"""Requests without a visitor, and requests that make no sense, change nothing and get a fitting answer."""

from __future__ import annotations

from io import BytesIO

import pytest
from devices_calls import sessions


def test_a_visitor_without_a_user_sees_nothing(browser, store):
    browser(42)

    for path in ("/devices/", "/devices/sessions", "/devices/admin"):
        assert "Firefox" not in browser().get(path, status=401).text
    for path in ("/devices/sign-out", "/devices/sign-out-others", "/devices/admin/sign-out"):
        browser().post(path, {"handle": store.find(limit=1000)[0].handle}, status=401)
    assert store.count() == 1


def test_a_visitor_without_a_user_is_redirected_to_sign_in_url(open_site):
    client = open_site(sign_in_url="/login")()

    assert client.get("/devices/", status=303).location.endswith("/login")
    assert client.get("/devices/sessions", status=401).json["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/devices/nothing", 404),
        ("GET", "/devices/static/../page.py", 404),
        ("GET", "/devices/static/nothing.css", 404),
        ("GET", "/devices/sign-out", 405),
        ("POST", "/devices/", 405),
        ("HEAD", "/devices/", 200),
    ],
)
def test_an_unknown_path_or_method_is_a_404_or_a_405(browser, method, path, status):
    answer = browser(42).request(path, method=method, status="*")

    assert answer.status_int == status
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("path", ["/devices/", "/devices/sessions", "/devices/admin"])
def test_a_query_string_that_is_read_and_is_no_utf8_is_refused(open_site, path, accept):
    administrator = open_site(administers=lambda *_environ: True)(42)

    answer = administrator.get(f"{path}?done=one&device=\xbb", headers={"Accept": accept}, status="*")

    assert answer.status_int == (200 if path == "/devices/sessions" else 400)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"handle": {"a": 1}}', "application/json", 400),
        (b'{"handle": ["a", 1]}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"&".join(b"a=1" for _ in range(2_000)), "application/x-www-form-urlencoded", 400),
        (b"a" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"handle", "text/plain", 415),
        (
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--",
            "multipart/form-data; boundary=x",
            415,
        ),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("path", ["/sign-out", "/sign-out-others"])
def test_a_body_that_makes_no_sense_is_refused(browser, store, path, body, kind, status):
    this = browser(42)
    browser(42)
    headers = {"Content-Type": kind, "X-CSRF-Token": sessions(this)["csrf_token"]}

    answer = this.request(f"/devices{path}", method="POST", body=body, headers=headers, status="*")

    assert answer.status_int == status
    assert store.count() == 2


@pytest.mark.parametrize(("user", "status", "most"), [(None, 401, 0), (42, 413, 100_000)])
@pytest.mark.parametrize("length", ["", "5"])
def test_a_body_of_unknown_or_wrong_length_is_read_to_the_limit_only(
    browser, store, user, status, most, length
):
    this = browser(user)
    browser(42)
    body = BytesIO(b"a" * 10_000_000)
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if user is not None:
        headers["X-CSRF-Token"] = sessions(this)["csrf_token"]
    count = store.count()
    request = this.RequestClass.blank(
        "/devices/sign-out-others", {**this.extra_environ, **environ}, method="POST", headers=headers
    )
    request.environ["CONTENT_LENGTH"] = length
    if length:
        del request.environ["HTTP_TRANSFER_ENCODING"]

    assert this.do_request(request, status="*").status_int == status
    assert body.tell() <= most
    assert store.count() == count


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/sign-out", {"handle": []}),
        ("/sign-out", {"csrf_token": [], "handle": "a"}),
        ("/sign-out-others", {"csrf_token": []}),
        ("/admin/sign-out", {"handle": [], "query": []}),
    ],
)
def test_empty_lists_in_json_are_no_error_of_the_server(open_site, path, sent):
    this = open_site(administers=lambda *_: True)(42)
    for headers in ({}, {"X-CSRF-Token": sessions(this)["csrf_token"]}):
        assert this.post_json(f"/devices{path}", sent, headers=headers, status="*").status_int < 500


def test_bytes_that_are_no_text_are_no_error_of_the_server(browser):
    this = browser(42)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers["X-CSRF-Token"] = sessions(this)["csrf_token"]

    answer = this.request(
        "/devices/sign-out", method="POST", body=b"handle=\xff", headers=headers, status="*"
    )

    assert answer.status_int in {400, 404}


def test_a_negative_content_length_is_refused(browser):
    this = browser(42)
    environ = {"CONTENT_LENGTH": "-5", "CONTENT_TYPE": "application/json"}

    assert this.post("/devices/sign-out", "", extra_environ=environ, status="*").status_int in {400, 403, 415}
