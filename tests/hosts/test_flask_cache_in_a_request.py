"""What an application does with its `SchemaCache` itself, in a request and outside of it."""

from __future__ import annotations

import pytest
from browsing import LOGIN
from values import stored_rows


@pytest.fixture
def host():
    """The host that this file is about."""
    return "flask"


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


def test_an_application_that_deletes_its_own_session_ends_it_without_refresh(open_site, store):
    site = open_site(session_refresh_each_request=False)
    browser = site.browser()
    browser.log_in()
    browser.visit(lambda session: site.cache.delete(site.sid(session)))

    assert stored_rows(store) == []


def test_other_values_are_cached_in_a_request_as_outside_of_it(site, browser):
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
    """With `Vary: Cookie` a proxy could not cache the page."""
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


def delete_each(cache, *keys):
    for key in keys:
        cache.delete(key)


REMOVALS = {
    "delete_many": lambda cache, *keys: cache.delete_many(*keys),
    "clear": lambda cache, *_keys: cache.clear(),
    "delete": delete_each,
}


@pytest.mark.parametrize("remove", REMOVALS.values(), ids=REMOVALS)
def test_a_request_can_cache_a_removed_value_anew_but_not_its_own_session(site, browser, store, remove):
    site.cache.set("prices", {"tea": 3})

    def do(session):
        assert site.cache.get("prices") == {"tea": 3}
        remove(site.cache, "prices", site.sid(session))
        assert site.cache.set("prices", {"tea": 4}) is True

    browser.visit(do)

    assert site.cache.get("prices") == {"tea": 4}
    assert browser.data() == {}
    assert store.count() == 1


def test_a_cookie_that_names_a_cached_value_leaves_the_value_alone(open_site):
    """An id from a cookie may name any value, if there is no prefix."""
    site = open_site(session_key_prefix="", testing=False)
    site.cache.set("a" * 43, 7)
    client = site.application.test_client()
    client.set_cookie("session", "a" * 43)

    client.get("/", environ_overrides={"site.do": dict})
    assert site.cache.get("a" * 43) == 7


def test_a_value_that_another_request_removed_can_be_cached_anew(site, browser, store):
    site.cache.set("prices", {"tea": 3})

    def do(session):
        assert site.cache.get("prices") == {"tea": 3}
        store.destroy("prices")
        assert site.cache.get("prices") is None
        assert site.cache.set("prices", {"tea": 4})

    browser.visit(do)

    assert site.cache.get("prices") == {"tea": 4}


def test_p4_a_get_of_the_requests_own_row_undoes_no_change_of_another_request(site, browser):
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


def test_a_set_in_an_application_context_without_a_request_overwrites(site, browser, store):
    sid = browser.sid()
    with site.application.app_context():
        browser.data()
        store.destroy(sid)
        assert site.cache.get(sid) is None
        assert site.cache.set(sid, dict(LOGIN)) is True

    assert browser.data() == LOGIN


def test_set_says_whether_the_session_was_stored(site, browser, store):
    def do(session):
        assert site.cache.set(site.sid(session), dict(session)) is True
        store.clear()
        assert site.cache.set(site.sid(session), {"user_id": 42, "cart": [2]}) is False

    browser.visit(do)

    assert stored_rows(store) == []
