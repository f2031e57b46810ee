"""Flask-Session on a `SchemaCache`, by configuration alone."""

from __future__ import annotations

import flask
import pytest
from browsing import LOGIN, in_flight
from sqlalchemy import select
from values import no_sql, stored_rows

from schema_session_backend import InvalidField, SessionStore, StoreUnavailable, UnserializableValue
from schema_session_backend.cachelib import SchemaCache

HOUR = 3600


@pytest.fixture
def host():
    """The one that this file is about."""
    return "flask"


@pytest.fixture
def browser(site):
    """A browser that is signed in."""
    browser = site.browser()
    browser.log_in()
    return browser


def headers(site, cookie=None, do=lambda session: None):
    """The headers of an answer to one request."""
    client = site.application.test_client()
    if cookie is not None:
        client.set_cookie("session", cookie)
    return client.get("/", environ_overrides={"site.do": do}).headers


# -- columns and handles


def test_declared_fields_land_in_columns_and_can_be_searched(browser, store):
    query = select(*(store.repo().c[name] for name in ("user_id", "device", "additional")))
    with store.engine.begin() as connection:
        row = connection.execute(query).one()

    assert tuple(row) == (42, "phone", '{"_permanent":true,"cart":[1]}')
    assert [record.data["cart"] for record in store.find(user_id=42)] == [[1]]


def test_the_current_sessions_handle_is_one_call_away_and_revoking_it_ends_it(site, browser, store):
    handle = browser.visit(lambda session: site.cache.current_handle())
    assert [record.handle for record in store.find(user_id=42)] == [handle]

    assert store.revoke(handle)
    assert browser.data() == {}


def test_revoking_the_current_session_in_its_own_request_ends_it_too(site, browser, store):
    browser.visit(lambda session: [session.update(cart=[2]), store.revoke(site.cache.current_handle())])

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_one_can_sign_out_everywhere_else(site, browser, store):
    other = site.browser()
    other.log_in(device="laptop")
    other.visit(lambda session: site.cache.store.revoke_where(user_id=42, keep=site.cache.current_sid()))

    assert browser.data() == {}
    assert other.data() == LOGIN | {"device": "laptop"}


def test_a_session_that_is_not_stored_yet_has_its_handle_already(site, store):
    _, handle = site.browser().visit(lambda session: (session.update(user_id=1), site.cache.current_handle()))

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


def test_without_refresh_a_request_that_only_looks_does_not_even_touch(moved_store, let_pass, open_site):
    site = open_site(store=moved_store(), timeout=HOUR, session_refresh_each_request=False)
    browser = site.browser()
    browser.log_in()
    let_pass(HOUR / 2)
    assert browser.data() == LOGIN
    let_pass(HOUR / 2 + 1)

    assert browser.data() == {}


def test_without_refresh_changes_are_saved_and_merged_all_the_same(open_site):
    site = open_site(session_refresh_each_request=False)
    browser = site.browser()
    browser.log_in()
    other = site.browser(browser.cookie)
    with in_flight(browser, lambda session: session.update(device="laptop")):
        other.visit(lambda session: session.update(cart=[2]))

    assert browser.data() == LOGIN | {"device": "laptop", "cart": [2]}


def test_a_visitor_who_only_looks_gets_no_cookie_and_no_row(site, store):
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


# -- a new id


def created(store):
    return [record.created_at for record in store.find(limit=1000)]


def test_regenerate_keeps_the_session_and_its_creation_time_under_a_new_id(site, browser, store):
    old, before = browser.sid(), created(store)
    browser.visit(lambda session: [session.update(cart=[2]), site.new_id(session)])

    assert browser.sid() != old
    assert browser.data() == LOGIN | {"cart": [2]}
    assert store.get(old) is None
    assert created(store) == before


def test_p6_regenerate_does_not_extend_the_absolute_timeout(moved_store, let_pass, open_site):
    store = moved_store(timestamps=True, absolute_max_age=HOUR)
    site = open_site(store=store)
    browser = site.browser()
    browser.log_in()
    let_pass(HOUR - 60)
    browser.visit(site.new_id)
    assert browser.data() == LOGIN
    let_pass(70)

    assert browser.data() == {}


def test_p4_regenerate_keeps_what_another_request_saved_meanwhile(site, browser):
    other = site.browser(browser.cookie)
    with in_flight(browser, lambda session: [site.new_id(session), session.update(device="laptop")]):
        other.visit(lambda session: session.update(cart=[2]))

    assert browser.data() == LOGIN | {"device": "laptop", "cart": [2]}


@pytest.mark.parametrize("when", ["before", "after"])
def test_p5_a_session_that_was_revoked_does_not_come_back_by_regenerate(site, browser, store, when):
    def do(session):
        if when == "after":
            site.new_id(session)
        assert store.revoke_where(user_id=42) == 1
        if when == "before":
            site.new_id(session)

    browser.visit(do)

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_p5_nor_if_it_is_revoked_after_a_save_under_the_new_id(site, browser, store):
    def do(session):
        site.new_id(session)
        assert site.cache.set(site.sid(session), dict(session)) is True
        assert store.revoke_where(user_id=42) == 1

    browser.visit(do)

    assert stored_rows(store) == []


def test_p5_a_request_under_the_old_id_is_dropped(site, browser, store):
    other = site.browser(browser.cookie)
    with in_flight(other, lambda session: session.update(cart=[2])):
        browser.visit(site.new_id)

    assert len(stored_rows(store)) == 1
    assert browser.data() == LOGIN


def test_regenerate_can_be_called_twice_and_by_a_new_visitor(site, store):
    browser = site.browser()
    browser.visit(lambda session: [site.new_id(session), session.update(LOGIN), site.new_id(session)])
    browser.visit(lambda session: [site.new_id(session), site.new_id(session)])

    assert browser.data() == LOGIN
    assert len(stored_rows(store)) == 1


def test_a_logout_after_regenerate_removes_the_row(site, browser, store):
    browser.visit(lambda session: [site.new_id(session), session.clear()])

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_a_login_that_fails_leaves_the_visitor_the_session_of_before(site, browser, store):
    before = stored_rows(store)

    with pytest.raises(InvalidField):
        browser.visit(lambda session: [site.new_id(session), session.update(user_id="43")])

    assert stored_rows(store) == before
    assert browser.data() == LOGIN


# -- the cache in a request


def test_an_application_that_deletes_its_own_session_ends_it(site, browser, store):
    def do(session):
        session["cart"] = [2]
        assert site.cache.delete(site.sid(session)) is True
        assert site.cache.get(site.sid(session)) is None
        assert not site.cache.has(site.sid(session))
        assert site.cache.set(site.sid(session), dict(session)) is False

    browser.visit(do)

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_also_when_flask_does_not_save_it(open_site, store):
    site = open_site(session_refresh_each_request=False)
    browser = site.browser()
    browser.log_in()
    browser.visit(lambda session: site.cache.delete(site.sid(session)))

    assert stored_rows(store) == []


def test_other_values_are_cached_in_a_request_as_anywhere(site, browser):
    cache = site.cache

    def do(session):
        cache.set("prices", {"tea": 3})
        assert cache.get("prices") == {"tea": 3}
        cache.delete("prices")
        assert cache.get("prices") is None
        cache.set("prices", {"tea": 4})
        assert cache.get("prices") == {"tea": 4}
        cache.delete("prices")
        cache.set("prices", {"tea": 4})
        cache.set("count", 1)
        assert cache.get("count") == 1
        cache.set("count", {"of": "tea"})

    browser.visit(do)

    assert cache.get_many("prices", "count") == [{"tea": 4}, {"of": "tea"}]
    assert browser.data() == LOGIN


def test_a_page_that_only_caches_does_not_depend_on_the_cookie(open_site):
    """Otherwise a proxy could not keep it."""
    site = open_site(session_refresh_each_request=False)

    @site.application.get("/prices")
    def prices():
        site.cache.set("prices", {"tea": 3})
        site.cache.get("prices")
        site.cache.set("prices", {"tea": 4})
        site.cache.set("count", 1)
        site.cache.get("count")
        site.cache.inc("count")
        site.cache.delete_many("count", "nobody")
        site.cache.delete("count")
        return "done"

    client = site.application.test_client()
    with client.session_transaction() as session:
        session.update(LOGIN)
    assert "Vary" not in client.get("/prices").headers


@pytest.mark.parametrize(
    "remove",
    [
        lambda cache, *keys: cache.delete_many(*keys),
        lambda cache, *keys: cache.clear(),
        lambda cache, *keys: [cache.delete(key) for key in keys],
    ],
    ids=["delete_many", "clear", "delete"],
)
def test_what_a_request_removes_it_can_cache_anew_but_not_its_own_session(site, browser, store, remove):
    site.cache.set("prices", {"tea": 3})

    def do(session):
        assert site.cache.get("prices") == {"tea": 3}
        remove(site.cache, "prices", site.sid(session))
        assert site.cache.set("prices", {"tea": 4}) is True

    browser.visit(do)

    assert site.cache.get("prices") == {"tea": 4}
    assert browser.data() == {}
    assert store.count() == 1


def test_a_value_that_is_no_session_is_no_harm_before_the_session_is_open(open_site):
    """An id from a cookie may name any value, if there is no prefix."""
    site = open_site(session_key_prefix="", testing=False)
    site.cache.set("a" * 43, 7)
    client = site.application.test_client()
    client.set_cookie("session", "a" * 43)

    client.get("/", environ_overrides={"site.do": dict})
    assert site.cache.get("a" * 43) == 7


def test_a_value_that_somebody_else_removed_can_be_cached_anew(site, browser, store):
    site.cache.set("prices", {"tea": 3})

    def do(session):
        assert site.cache.get("prices") == {"tea": 3}
        store.destroy("prices")
        assert site.cache.get("prices") is None
        assert site.cache.set("prices", {"tea": 4})

    browser.visit(do)

    assert site.cache.get("prices") == {"tea": 4}


def test_p4_a_look_at_the_own_row_does_not_make_the_session_undo_what_others_did(site, browser):
    other = site.browser(browser.cookie)

    def do(session):
        other.visit(lambda theirs: theirs.update(color="red"))
        site.cache.get(site.sid(session))
        session["cart"] = [2]

    browser.visit(do)

    assert browser.data() == LOGIN | {"cart": [2], "color": "red"}


def test_a_set_outside_of_a_request_overwrites(site, browser):
    site.cache.set(browser.sid(), {"user_id": 42, "_permanent": True})

    assert browser.data() == {"user_id": 42}


def test_a_set_outside_of_a_request_overwrites_in_an_open_application_context_too(site, browser, store):
    sid = browser.sid()
    with site.application.app_context():
        browser.data()
        store.destroy(sid)
        assert site.cache.get(sid) is None
        assert site.cache.set(sid, dict(LOGIN)) is True

    assert browser.data() == LOGIN


def test_set_tells_whether_the_session_was_stored(site, browser, store):
    def do(session):
        assert site.cache.set(site.sid(session), dict(session)) is True
        store.clear()
        assert site.cache.set(site.sid(session), {"user_id": 42, "cart": [2]}) is False

    browser.visit(do)

    assert stored_rows(store) == []


# -- errors


@pytest.mark.parametrize(
    ("change", "error"),
    [({"user_id": "42"}, InvalidField), ({"thing": object()}, UnserializableValue)],
    ids=["column", "object"],
)
def test_what_cannot_be_stored_is_an_error_and_the_old_session_stays(site, browser, change, error):
    with pytest.raises(error):
        browser.visit(lambda session: session.update(change))

    assert browser.data() == LOGIN


@pytest.fixture
def down():
    """A store whose database cannot be reached."""
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", sync_timeout=0.05)
    yield store
    store.close()


def test_an_outage_is_an_error_500_and_no_login_lost_in_silence(open_site, down):
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
