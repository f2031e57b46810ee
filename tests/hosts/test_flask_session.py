"""Flask-Session on a `SchemaCache`, by configuration alone."""

from __future__ import annotations

import flask
import pytest
from browsing import LOGIN, in_flight
from values import no_sql, stored_columns, stored_rows

from schema_session_backend import InvalidField, NoSuchSession, StoreUnavailable, UnserializableValue
from schema_session_backend.cachelib import SchemaCache

HOUR = 3600


@pytest.fixture
def host():
    """The host that this file is about."""
    return "flask"


def headers(site, cookie=None, do=lambda session: None):
    """The headers of an answer to one request."""
    client = site.application.test_client()
    if cookie is not None:
        client.set_cookie("session", cookie)
    return client.get("/", environ_overrides={"site.do": do}).headers


# -- columns and handles


def test_declared_fields_land_in_columns_and_can_be_searched(browser, store):
    [row] = stored_columns(store, "user_id", "device", "additional")

    assert row == (42, "phone", '{"_permanent":true,"cart":[1]}')
    assert [record.data["cart"] for record in store.find(user_id=42)] == [[1]]


def test_revoking_the_current_handle_ends_the_session(site, browser, store):
    handle = browser.visit(lambda session: site.cache.current_handle())
    assert [record.handle for record in store.find(user_id=42)] == [handle]

    assert store.revoke(handle)
    assert browser.data() == {}


def test_revoking_the_current_session_in_its_own_request_ends_the_session(site, browser, store):
    def change_and_revoke(session):
        session["cart"] = [2]
        store.revoke(site.cache.current_handle())

    browser.visit(change_and_revoke)

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_a_user_can_sign_out_all_other_sessions(site, browser, store):
    other = site.browser()
    other.log_in(device="laptop")
    other.visit(lambda session: site.cache.store.revoke_where(user_id=42, keep=site.cache.current_sid()))

    assert browser.data() == {}
    assert other.data() == LOGIN | {"device": "laptop"}


@pytest.mark.parametrize("prefix", [None, "shop:"], ids=["whole store", "prefixed store"])
def test_without_a_prefix_of_flask_session_the_store_takes_the_sessions_own_id(open_site, store, prefix):
    store = store if prefix is None else store.prefixed(prefix)
    site = open_site(store=store, session_key_prefix="")
    other, browser = site.browser(), site.browser()
    other.log_in()
    browser.log_in()

    def sign_out_others(session):
        assert store.get(session.sid) == LOGIN | {"_permanent": True}
        assert store.handle(session.sid) == site.cache.current_handle()
        return store.revoke_where(user_id=42, keep=session.sid)

    assert browser.visit(sign_out_others) == 1
    assert (browser.data(), other.data()) == (LOGIN, {})


def test_with_a_prefix_of_flask_session_keep_refuses_the_sessions_own_id(browser, store):
    with pytest.raises(NoSuchSession, match="its id with the prefix, if any, under which its host stores it"):
        browser.visit(lambda session: store.revoke_where(user_id=42, keep=session.sid))

    assert browser.data() == LOGIN


def test_a_session_that_is_not_stored_yet_has_its_handle_already(site, store):
    def sign_in(session):
        session["user_id"] = 1
        return site.cache.current_handle()

    handle = site.browser().visit(sign_in)

    assert [record.handle for record in store.find(user_id=1)] == [handle]


def test_in_a_request_without_flask_session_there_is_no_current_session(store):
    with flask.Flask(__name__).test_request_context():
        assert SchemaCache(store).current_handle() is None


# -- what Flask does with sessions


def test_a_change_deep_inside_is_saved(browser):
    browser.visit(lambda session: session["cart"].extend([2]))

    assert browser.data() == LOGIN | {"cart": [1, 2]}


def test_messages_are_flashed_once(site):
    browser = site.browser()
    for message in (("saved",), ("é", "warning")):
        browser.visit(lambda session, message=message: flask.flash(*message))

    shown = browser.visit(lambda session: flask.get_flashed_messages(with_categories=True))
    assert shown == [("message", "saved"), ("warning", "é")]
    assert browser.visit(lambda session: flask.get_flashed_messages()) == []


@pytest.mark.parametrize("permanent", [True, False])
def test_a_permanent_session_has_a_cookie_that_lasts(open_site, permanent):
    site = open_site(session_permanent=permanent)
    cookie = headers(site, do=lambda session: session.update(user_id=42))["Set-Cookie"]

    assert ("Expires=" in cookie) is permanent


def test_a_session_that_becomes_permanent_gets_a_cookie_that_lasts_at_once(site, browser):
    browser.visit(lambda session: setattr(session, "permanent", not session.permanent))

    assert browser.was_sent_cookie
    browser.visit(site.saving(cart=[2]))
    assert not browser.was_sent_cookie


@pytest.mark.parametrize("permanent", [True, False])
def test_a_session_lives_for_its_lifetime_after_its_last_request(moved_store, let_pass, open_site, permanent):
    site = open_site(store=moved_store(), timeout=HOUR, session_permanent=permanent)
    browser = site.browser()
    browser.log_in()
    for _ in range(3):
        let_pass(HOUR - 70)
        assert browser.data() == LOGIN
    let_pass(HOUR + 1)

    assert browser.data() == {}


def test_applications_with_different_key_prefixes_share_a_table(open_site, store):
    shop, blog = (open_site(session_key_prefix=prefix) for prefix in ("shop:", "blog:"))
    browser = shop.browser()
    browser.log_in()

    assert blog.browser(browser.cookie).data() == {}
    assert shop.browser(browser.cookie).data() == LOGIN
    assert store.has(f"shop:{browser.cookie}")
    [record] = store.find(user_id=42)
    assert record.handle == browser.visit(lambda session: shop.cache.current_handle())


def test_without_refresh_a_request_that_only_reads_does_not_renew_the_session(
    moved_store, let_pass, open_site
):
    site = open_site(store=moved_store(), timeout=HOUR, session_refresh_each_request=False)
    browser = site.browser()
    browser.log_in()
    let_pass(HOUR / 2)
    assert browser.data() == LOGIN
    let_pass(HOUR / 2 + 1)

    assert browser.data() == {}


def test_without_refresh_changes_are_saved_and_merged(open_site):
    site = open_site(session_refresh_each_request=False)
    browser = site.browser()
    browser.log_in()
    other = site.browser(browser.cookie)
    with in_flight(browser, lambda session: session.update(device="laptop")):
        other.visit(lambda session: session.update(cart=[2]))

    assert browser.data() == LOGIN | {"device": "laptop", "cart": [2]}


def test_a_request_that_only_reads_gets_no_cookie_and_no_row(site, store):
    store.wait_for_sync()
    with no_sql(store):
        assert "Set-Cookie" not in headers(site, do=lambda session: session.get("user_id"))


def test_an_unknown_id_from_a_cookie_is_never_adopted(site, store):
    visitor = site.browser("a" * 43)
    visitor.log_in()

    assert visitor.cookie != "a" * 43
    assert store.count() == 1


@pytest.mark.parametrize("cookie", ["", "é", "a\\000b", "a" * 4000, '";--'], ids=ascii)
def test_a_junk_cookie_is_a_visitor_without_a_session(site, store, cookie):
    store.wait_for_sync()

    assert site.browser().send(f'session="{cookie}"'.encode()) == {"_permanent": True}
    assert stored_rows(store) == []


def test_a_test_can_change_the_session_through_the_client(site, store):
    client = site.application.test_client()
    with client.session_transaction() as session:
        session.update(LOGIN)
    with client.session_transaction() as session:
        session["cart"].append(2)

    assert [record.data["cart"] for record in store.find(user_id=42)] == [[1, 2]]


# -- errors


@pytest.mark.parametrize(
    ("change", "error"),
    [({"user_id": "42"}, InvalidField), ({"thing": object()}, UnserializableValue)],
    ids=["column", "object"],
)
def test_a_value_that_cannot_be_stored_is_an_error_and_the_old_session_stays(site, browser, change, error):
    with pytest.raises(error):
        browser.visit(lambda session: session.update(change))

    assert browser.data() == LOGIN


@pytest.mark.parametrize("renew", [False, True], ids=["same id", "new id"])
def test_a_value_that_cannot_be_stored_is_an_error_500_that_names_the_key_and_sends_no_cookie(
    open_site, store, caplog, renew
):
    site = open_site(testing=False)
    browser = site.browser()
    browser.log_in()
    before = stored_rows(store)
    client = site.application.test_client()
    client.set_cookie("session", browser.cookie)

    def do(session):
        if renew:
            site.new_id(session)
        session["thing"] = object()

    answer = client.get("/", environ_overrides={"site.do": do})

    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (500, [])
    assert "session key 'thing'" in caplog.text
    assert stored_rows(store) == before
    assert browser.data() == LOGIN


def test_an_outage_is_an_error_500_and_sends_no_cookie(open_site, down):
    site = open_site(store=down, testing=False)
    client = site.application.test_client()

    answer = client.get("/", environ_overrides={"site.do": lambda session: session.update(LOGIN)})
    assert answer.status_code == 500
    assert "Set-Cookie" not in answer.headers
    client.set_cookie("session", "a" * 43)
    assert client.get("/", environ_overrides={"site.do": dict}).status_code == 500


def test_an_outage_reaches_the_caller(open_site, down):
    with pytest.raises(StoreUnavailable):
        open_site(store=down).browser().log_in()
