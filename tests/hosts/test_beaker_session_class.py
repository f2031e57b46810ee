"""What Beaker's own session class leaves open under any back end, and `SchemaSession` cures."""

from __future__ import annotations

import pytest
from beaker.exceptions import BeakerWarning
from beaker_site import BeakerSite
from browsing import LOGIN, in_flight
from values import no_sql, stored_rows

from schema_session_backend import ConfigurationError, InvalidField, SessionStore, StoreUnavailable

PLANTED = "a" * 32


@pytest.fixture
def host():
    """The one that this file is about."""
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
def test_nor_is_one_whose_session_has_ended(moved_store, let_pass, open_site, end):
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
    """What a back end cannot cure, because Beaker never asks it."""
    visitor = plain_site.browser()
    visitor.cookie = PLANTED
    visitor.log_in()

    assert store.get(PLANTED)["user_id"] == 42


# -- orphaned rows


def test_regenerate_id_moves_the_row(site, store):
    browser = site.browser()
    browser.log_in()
    old = browser.sid()
    browser.visit(lambda session: [session.regenerate_id(), session.save()])

    assert store.get(old) is None
    assert len(stored_rows(store)) == 1
    assert browser.data() == LOGIN


@pytest.mark.parametrize("save_accessed_time", [True, False])
def test_regenerate_id_moves_the_row_even_without_a_save(open_site, store, save_accessed_time):
    browser = open_site(save_accessed_time=save_accessed_time).browser()
    browser.log_in()
    old = browser.sid()
    browser.visit(lambda session: [session.update(cart=[2]), session.regenerate_id()])

    assert store.get(old) is None
    assert len(stored_rows(store)) == 1
    assert browser.data() == LOGIN


def test_a_login_with_a_new_id_takes_the_visitors_cart_along(site, store):
    browser = site.browser()
    browser.visit(lambda session: [session.update(cart=[1]), session.save()])
    browser.visit(lambda session: [session.regenerate_id(), session.update(user_id=42), session.save()])

    assert browser.data() == {"cart": [1], "user_id": 42}
    assert len(stored_rows(store)) == 1


def test_a_first_visit_can_regenerate_its_id_too(site, store):
    browser = site.browser()
    browser.visit(lambda session: [session.regenerate_id(), session.update(LOGIN), session.save()])

    assert browser.data() == LOGIN
    assert len(stored_rows(store)) == 1


def test_a_login_that_fails_leaves_the_visitor_the_session_of_before(site):
    """The answer is an error, without the cookie that has the new id."""
    browser = site.browser()
    browser.log_in()

    with pytest.raises(InvalidField):
        browser.visit(lambda session: [session.regenerate_id(), session.update(user_id="43"), session.save()])

    assert browser.data() == LOGIN


@pytest.mark.parametrize("save_accessed_time", [True, False])
def test_of_two_logins_at_once_one_counts_and_the_browser_keeps_its_cookie(
    open_site, store, save_accessed_time
):
    site = open_site(save_accessed_time=save_accessed_time)
    browser = site.browser()
    browser.visit(lambda session: [session.update(cart=[1]), session.save()])
    old = browser.cookie
    slower = site.browser(old)

    with in_flight(slower, lambda session: session.regenerate_id()):
        browser.visit(lambda session: [session.regenerate_id(), session.update(user_id=42), session.save()])
    # What a browser does with the cookies of both answers, the slower one last.
    if slower.cookie != old:
        browser.cookie = slower.cookie

    assert browser.data() == {"cart": [1], "user_id": 42}
    assert len(stored_rows(store)) == 1


@pytest.mark.parametrize("save_accessed_time", [True, False])
def test_a_session_that_was_revoked_meanwhile_cannot_save_itself_under_a_new_id(
    open_site, store, save_accessed_time
):
    browser = open_site(save_accessed_time=save_accessed_time).browser()
    browser.log_in()

    with in_flight(browser, lambda session: [session.regenerate_id(), session.save()]):
        store.revoke_where(user_id=42)

    assert stored_rows(store) == []
    assert browser.data() == {}


def test_a_logout_right_after_a_new_id_removes_the_row(site, store):
    browser = site.browser()
    browser.log_in()
    browser.visit(lambda session: [session.regenerate_id(), session.delete()])

    assert stored_rows(store) == []
    assert browser.cookie == ""


def test_a_logout_of_a_session_that_is_gone_removes_the_cookie(open_site, store):
    browser = open_site(save_accessed_time=False).browser()
    browser.log_in()
    with in_flight(browser, lambda session: [session.regenerate_id(), session.delete()]):
        store.clear()

    assert browser.cookie == ""


def test_a_request_under_the_old_id_is_dropped(site, store):
    browser, other = site.browser(), site.browser()
    browser.log_in()
    other.cookie = browser.cookie

    def do(session):
        session["cart"] = [2]
        browser.visit(lambda own: [own.regenerate_id(), own.save()])
        session.save()

    other.visit(do)

    assert len(stored_rows(store)) == 1
    assert browser.data() == LOGIN


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
    browser.visit(lambda session: [getattr(session, call)(), session.update(new=1), session.save()])

    assert store.get(old)["user_id"] == 42
    assert len(stored_rows(store)) == 2


# -- an outage is no logout


@pytest.fixture
def down():
    """A store whose database cannot be reached."""
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", sync_timeout=0.1)
    yield store
    store.close()


def test_an_outage_is_an_error_and_never_an_empty_session(open_site, down):
    visitor = open_site(store=down).browser()
    visitor.cookie = PLANTED

    with pytest.raises(StoreUnavailable):
        visitor.data()


def test_beakers_own_class_takes_it_for_a_corrupt_session_and_tries_again(down):
    visitor = BeakerSite({"session.type": "schema", "session.store": down}).browser()
    visitor.cookie = PLANTED

    with pytest.warns(BeakerWarning, match="Invalidating corrupt session"), pytest.raises(StoreUnavailable):
        visitor.data()


# -- the rest


def test_an_illegal_cookie_of_somebody_else_costs_nobody_the_session(open_site):
    """Beaker's own class gives up on all cookies then."""
    browser = open_site(secret="a secret").browser()
    browser.log_in()
    session = f"beaker.session.id={browser.cookie}"

    for header in (f"{session}; c:d=1", f"c:d=1; {session}", f'a="x y"; c:d; {session}; e=1'):
        assert browser.send(header.encode())["user_id"] == 42


def test_a_session_of_the_other_serializer_is_read_on(open_site):
    browser = open_site(data_serializer="pickle").browser()
    browser.log_in()
    later = open_site(data_serializer="json").browser()
    later.cookie = browser.cookie

    assert later.data() == LOGIN
    later.log_in(device="laptop")
    assert browser.data() == LOGIN | {"device": "laptop"}


def test_an_encrypt_key_is_refused_at_once(open_site, store):
    store.wait_for_sync()
    site = open_site(encrypt_key="a key", validate_key="another")

    with no_sql(store), pytest.raises(ConfigurationError, match="encrypt_key hides the fields"):
        site.browser().data()


def test_it_works_on_a_site_that_had_beakers_own_class(plain_site, site):
    browser = plain_site.browser()
    browser.log_in()
    later = site.browser()
    later.cookie = browser.cookie

    assert later.data() == LOGIN
