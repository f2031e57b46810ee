"""What Beaker's own session class leaves open under any back end, and `SchemaSession` cures."""

from __future__ import annotations

import pickle

import pytest
from beaker.exceptions import BeakerWarning
from beaker_site import BeakerSite, open_beaker_site
from browsing import JUNK_COOKIES, LOGIN, in_flight
from values import identical, no_sql, stored_rows

from schema_session_backend import ConfigurationError, InvalidField, StoreUnavailable
from schema_session_backend.beaker import SchemaSession

PLANTED = "a" * 32


def new_id(session):
    """Give the session a new id without saving it."""
    session.regenerate_id()


def new_id_and_logout(session):
    """End the session right after it got a new id."""
    session.regenerate_id()
    session.delete()


@pytest.fixture
def host():
    """The session class that this file is about."""
    return "SchemaSession"


@pytest.fixture
def plain_site(store) -> BeakerSite:
    """The same site with Beaker's own session class."""
    return BeakerSite({"session.type": "schema", "session.store": store})


# -- session fixation


def test_an_unknown_id_from_a_cookie_is_never_adopted(site, store):
    visitor = site.browser()
    visitor.cookie = PLANTED
    visitor.log_in()

    assert visitor.sid() != PLANTED
    assert visitor.cookie == visitor.sid()
    assert visitor.data() == LOGIN
    assert store.get(PLANTED) is None


@pytest.mark.parametrize("end", ["destroy", "expire"])
def test_the_id_of_a_session_that_has_ended_is_never_adopted(moved_store, let_pass, open_site, end):
    store = moved_store(max_age=600)
    visitor = open_site(store=store).browser()
    visitor.log_in()
    old = visitor.sid()
    if end == "destroy":
        store.destroy(old)
    else:
        let_pass(601)
    visitor.log_in()

    assert visitor.sid() != old
    assert store.get(old) is None


def test_a_visitor_with_an_impossible_id_can_sign_in(site):
    visitor = site.browser()
    visitor.cookie = "x" * 300
    visitor.log_in()

    assert visitor.data() == LOGIN


def test_ids_have_256_random_bits(site):
    ids = set()
    for _ in range(20):
        visitor = site.browser()
        visitor.log_in()
        ids.add(visitor.sid())

    assert len(ids) == 20
    assert {len(sid) for sid in ids} == {43}


def test_beakers_own_class_adopts_the_planted_id(plain_site, store):
    """A back end cannot prevent this, because Beaker adopts the id without asking it."""
    visitor = plain_site.browser()
    visitor.cookie = PLANTED
    visitor.log_in()

    assert store.get(PLANTED)["user_id"] == 42


# -- orphaned rows


def test_regenerate_id_moves_the_row(site, store):
    browser = site.browser()
    browser.log_in()
    old = browser.sid()
    browser.visit(BeakerSite.renewing())

    assert store.get(old) is None
    assert store.count() == 1
    assert browser.data() == LOGIN


@pytest.mark.parametrize("save_accessed_time", [True, False])
def test_regenerate_id_moves_the_row_even_without_a_save(open_site, store, save_accessed_time):
    browser = open_site(save_accessed_time=save_accessed_time).browser()
    browser.log_in()
    old = browser.sid()

    def change_and_renew(session):
        session["cart"] = [2]
        session.regenerate_id()

    browser.visit(change_and_renew)

    assert store.get(old) is None
    assert store.count() == 1
    assert browser.data() == LOGIN


def test_without_saved_access_times_a_new_id_stores_nothing_that_was_not_saved(open_site):
    browser = open_site(save_accessed_time=False).browser()
    browser.log_in()

    def change_inside_and_renew(session):
        session["cart"].append(2)
        session.regenerate_id()

    browser.visit(change_inside_and_renew)

    assert browser.data() == LOGIN


def test_a_login_with_a_new_id_takes_the_visitors_cart_along(site, store):
    browser = site.browser()
    browser.visit(BeakerSite.saving(cart=[1]))
    browser.visit(BeakerSite.renewing(user_id=42))

    assert browser.data() == {"cart": [1], "user_id": 42}
    assert store.count() == 1


def test_a_first_visit_can_regenerate_its_id(site, store):
    browser = site.browser()
    browser.visit(BeakerSite.renewing(**LOGIN))

    assert browser.data() == LOGIN
    assert len(stored_rows(store)) == 1


def test_a_login_that_fails_leaves_the_previous_session(site):
    """The answer is an error, without the cookie that has the new id."""
    browser = site.browser()
    browser.log_in()

    with pytest.raises(InvalidField):
        browser.visit(BeakerSite.renewing(user_id="43"))

    assert browser.data() == LOGIN


@pytest.mark.parametrize("save_accessed_time", [True, False])
def test_only_one_of_two_simultaneous_logins_counts_and_the_browser_keeps_its_cookie(
    open_site, store, save_accessed_time
):
    site = open_site(save_accessed_time=save_accessed_time)
    browser = site.browser()
    browser.visit(BeakerSite.saving(cart=[1]))
    old = browser.cookie
    slower = site.browser(old)

    with in_flight(slower, new_id):
        browser.visit(BeakerSite.renewing(user_id=42))
    # A browser applies the cookies of both answers, the slower answer's last.
    if slower.cookie != old:
        browser.cookie = slower.cookie

    assert browser.data() == {"cart": [1], "user_id": 42}
    assert store.count() == 1


@pytest.mark.parametrize("save_accessed_time", [True, False])
def test_a_session_that_was_revoked_meanwhile_cannot_save_itself_under_a_new_id(
    open_site, store, save_accessed_time
):
    browser = open_site(save_accessed_time=save_accessed_time).browser()
    browser.log_in()

    with in_flight(browser, BeakerSite.renewing()):
        store.revoke_where(user_id=42)

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_a_logout_right_after_a_new_id_removes_the_row(site, store):
    browser = site.browser()
    browser.log_in()
    browser.visit(new_id_and_logout)

    assert stored_rows(store) == []
    assert browser.cookie == ""


def test_a_logout_of_a_session_that_is_gone_removes_the_cookie(open_site, store):
    browser = open_site(save_accessed_time=False).browser()
    browser.log_in()
    with in_flight(browser, new_id_and_logout):
        store.clear()

    assert browser.cookie == ""


def test_a_request_under_the_old_id_is_saved_under_the_new_one(site, store):
    browser, other = site.browser(), site.browser()
    browser.log_in()
    other.cookie = browser.cookie

    def do(session):
        session["cart"] = [2]
        browser.visit(BeakerSite.renewing())
        session.save()

    other.visit(do)

    assert store.count() == 1
    assert browser.data() == LOGIN | {"cart": [2]}
    assert other.data() == {}


def test_invalidate_removes_the_row(site, store):
    browser = site.browser()
    browser.log_in()
    browser.visit(lambda session: session.invalidate())

    assert stored_rows(store) == []


def test_a_timeout_removes_the_row(moved_store, let_pass, open_site):
    store = moved_store()
    browser = open_site(store=store, timeout=600).browser()
    browser.log_in()
    let_pass(601)
    browser.data()

    assert stored_rows(store) == []


@pytest.mark.parametrize("call", ["regenerate_id", "invalidate"])
def test_with_beakers_own_class_the_old_row_stays_until_it_expires(plain_site, store, call):
    browser = plain_site.browser()
    browser.log_in()
    old = browser.sid()

    def leave_the_old_id(session):
        getattr(session, call)()
        session["new"] = 1
        session.save()

    browser.visit(leave_the_old_id)

    assert store.get(old)["user_id"] == 42
    assert len(stored_rows(store)) == 2


# -- an outage is no logout


def test_an_outage_is_an_error_and_never_an_empty_session(open_site, down):
    visitor = open_site(store=down).browser()
    visitor.cookie = PLANTED

    with pytest.raises(StoreUnavailable):
        visitor.data()


def test_beakers_own_class_takes_an_outage_for_a_corrupt_session_and_tries_again(down):
    visitor = BeakerSite({"session.type": "schema", "session.store": down}).browser()
    visitor.cookie = PLANTED

    with pytest.warns(BeakerWarning, match="Invalidating corrupt session"), pytest.raises(StoreUnavailable):
        visitor.data()


# -- nothing is serialized on the way

SERIALIZERS = ["pickle", "json"]


def test_beaker_pickles_and_unpickles_nothing(site, monkeypatch):
    browser = site.browser()
    monkeypatch.delattr(pickle, "dumps")
    monkeypatch.delattr(pickle, "loads")
    browser.log_in()
    browser.visit(BeakerSite.saving(cart=[2]))

    assert browser.data() == LOGIN | {"cart": [2]}


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("ours_first", [True, False], ids=["from ours", "to ours"])
def test_a_site_that_changes_its_session_class_keeps_its_sessions(store, serializer, ours_first):
    ours = open_beaker_site(store=store, data_serializer=serializer, session_class=SchemaSession)
    beakers = open_beaker_site(store=store, data_serializer=serializer)
    first, second = (ours, beakers) if ours_first else (beakers, ours)
    before = first.browser()
    before.log_in()
    after = second.browser(before.cookie)

    assert after.data() == LOGIN
    after.visit(BeakerSite.saving(cart=[2]))
    assert before.data() == LOGIN | {"cart": [2]}


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_change_of_the_session_class_alone_writes_nothing(store, serializer):
    before = open_beaker_site(store=store, data_serializer=serializer).browser()
    before.log_in()
    rows = stored_rows(store)
    ours = open_beaker_site(store=store, data_serializer=serializer, session_class=SchemaSession)

    assert ours.browser(before.cookie).data() == LOGIN
    assert stored_rows(store) == rows


def test_a_session_of_the_other_serializer_is_read_on(open_site):
    browser = open_site(data_serializer="pickle").browser()
    browser.log_in()
    later = open_site(data_serializer="json").browser(browser.cookie)

    assert later.data() == LOGIN
    later.log_in(device="laptop")
    assert browser.data() == LOGIN | {"device": "laptop"}


def test_a_tuple_is_a_list_to_a_site_with_the_json_serializer(open_site):
    browser = open_site(data_serializer="pickle").browser()
    browser.visit(BeakerSite.saving(sizes=(1, 2)))

    assert identical(open_site(data_serializer="json").browser(browser.cookie).data(), {"sizes": [1, 2]})


def test_a_value_that_json_cannot_carry_is_an_error_that_names_the_key(open_site, store):
    store.wait_for_sync()
    browser = open_site(data_serializer="json").browser()

    with pytest.raises(ConfigurationError, match="'tags': data_serializer = json cannot carry a set"):
        browser.visit(BeakerSite.saving(tags={1}))
    assert stored_rows(store) == []


# -- cookies and settings

JUNK = JUNK_COOKIES | {"an attribute that no cookie has, an error in Beaker's own class": b"z $more=1"}


@pytest.mark.parametrize("secret", [None, "a secret"], ids=["plain", "signed"])
@pytest.mark.parametrize("cookie", JUNK.values(), ids=JUNK)
def test_a_visitor_with_a_junk_cookie_can_sign_in(open_site, cookie, secret):
    browser = open_site(secret=secret).browser()
    browser.send(b"beaker.session.id=" + cookie, BeakerSite.saving(**LOGIN))

    assert browser.data() == LOGIN


def test_an_illegal_cookie_of_another_application_ends_no_session(open_site):
    """Beaker's own class gives up on all cookies then."""
    browser = open_site(secret="a secret").browser()
    browser.log_in()
    session = f"beaker.session.id={browser.cookie}"

    junk = "beaker.session.id=junk and $more=1"
    headers = (f"{session}; c:d=1", f"c:d=1; {session}", f'a="x y"; c:d; {session}; e=1')
    for header in (*headers, f"{junk}; {session}", f"{session}; {junk}"):
        assert browser.send(header.encode())["user_id"] == 42


def test_an_encrypt_key_is_refused_at_once(open_site, store):
    store.wait_for_sync()
    site = open_site(encrypt_key="a key", validate_key="another")

    with no_sql(store), pytest.raises(ConfigurationError, match="encrypt_key hides the fields"):
        site.browser().data()


def test_cookies_may_be_a_dict(store):
    """As in a `SchemaSession` that an application makes by itself."""
    first = SchemaSession({}, store=store)
    first["user_id"] = 42
    first.save()

    again = SchemaSession({"cookie": {"beaker.session.id": first.id, "a:b": "c"}}, store=store)

    assert again["user_id"] == 42
