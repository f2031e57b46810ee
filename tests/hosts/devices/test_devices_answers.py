"""The answers of the page: their form, their headers, the files they need, and an outage."""

from __future__ import annotations

import pytest
from devices_calls import SCHEMAS
from webtest import TestApp

from schema_session_backend import SessionStore
from schema_session_backend.devices import DevicesPage, Visitor


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("text/html, application/json", "text/html"),
        ("*/*", "text/html"),
        ("", "text/html"),
        (";q=,\0, é;q=x", "text/html"),
    ],
)
def test_an_error_has_the_content_type_that_the_client_prefers(browser, accept, kind):
    answer = browser(42).get("/devices/nothing", headers={"Accept": accept}, status=404)

    assert answer.content_type == kind


@pytest.mark.parametrize("path", ["/devices/", "/devices/sessions"])
def test_an_outage_is_a_503_and_logged(store, path, caplog):
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    store = SessionStore(nowhere, schemas=SCHEMAS, sync_timeout=0.1)
    page = DevicesPage(store, lambda _environ: Visitor({"user_id": 1}, "an-id"))

    answer = TestApp(page).get(path.removeprefix("/devices"), status=503)

    assert "cannot be reached" in answer.text
    assert "cannot connect" in caplog.text


def test_answers_are_not_cached_and_run_no_foreign_scripts(browser):
    headers = browser(42).get("/devices/").headers

    assert headers["Cache-Control"] == "no-store"
    assert "Cookie" in headers["Vary"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_has_no_inline_scripts_or_styles(browser):
    browser(42)
    html = browser(42).get("/devices/").html

    assert html.find_all("style") == []
    assert [
        tag for tag in html.find_all(True) for name in tag.attrs if name == "style" or name[:2] == "on"
    ] == []
    assert [script.text for script in html.find_all("script")] == [""]


def test_the_files_of_the_page_may_be_cached_for_ever(browser):
    this = browser(42)
    html = this.get("/devices/").html
    files = [html.find("link")["href"], html.find("script")["src"]]

    for file in files:
        answer = this.get(file)
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.content_type in {"text/css", "text/javascript"}
