"""P14: with the set-up of docs/howto/kicked_out.md, a device that was signed out stays out.

The applications are the examples of that page. Ann is signed in on a laptop and on a phone, on both with
"remember me" where there is such a thing.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from webtest import TestApp

from schema_session_backend import SessionStore

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


class FlaskLogin:
    program = "flask_login_app"
    shows_ann = "User 7"

    @staticmethod
    def sign_in(browser):
        browser.post("/sign-in", {"user": "7", "remember": "1"})

    @staticmethod
    def sign_out(browser):
        browser.post("/sign-out")


class FlaskSecurity:
    program = "flask_security_app"
    shows_ann = "ann@example.com"

    @staticmethod
    def sign_in(browser):
        form = browser.get("/login").form
        form["email"], form["password"], form["remember"] = "ann@example.com", "tea for two", True
        form.submit(status=302)

    @staticmethod
    def sign_out(browser):
        browser.post("/logout")

    @staticmethod
    def change_password(browser):
        form = browser.get("/change").form
        form["password"] = "tea for two"
        form["new_password"] = form["new_password_confirm"] = "coffee for one"
        form.submit(status=302)


class Pyramid:
    program = "pyramid_security_app"
    shows_ann = "User 7"

    @staticmethod
    def sign_in(browser):
        form = browser.get("/").form
        form["user"] = "7"
        form.submit(status=302)

    @staticmethod
    def sign_out(browser):
        browser.get("/").form.submit(status=302)


class TurboGears:
    program = "turbogears_app"
    shows_ann = "<h1>ann</h1>"

    @staticmethod
    def sign_in(browser):
        form = browser.get("/login").form
        form["login"], form["password"] = "ann", "tea for two"
        form.submit(status=302)

    @staticmethod
    def sign_out(browser):
        browser.get("/logout_handler", status=302)


def others(browser):
    """The handles of the user's other sessions, as the devices page shows them."""
    return [one["handle"] for one in browser.get("/devices/sessions").json["sessions"] if not one["current"]]


def kick_out(browser, handle):
    """Sign out a device on the devices page of another one."""
    token = browser.get("/devices/sessions").json["csrf_token"]
    browser.post_json("/devices/sign-out", {"handle": handle}, headers={"X-CSRF-Token": token})


@pytest.fixture(params=[FlaskLogin, FlaskSecurity, Pyramid, TurboGears], ids=lambda example: example.__name__)
def example(request):
    return request.param


@pytest.fixture
def application(example, tmp_path, monkeypatch):
    """The example, on a file of the test's own."""
    stores = []

    class ClosedStore(SessionStore):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            stores.append(self)

    monkeypatch.syspath_prepend(EXAMPLES)
    program = importlib.import_module(example.program)
    monkeypatch.setattr(program, "SessionStore", ClosedStore, raising=False)
    yield program.create_app(f"sqlite:///{tmp_path}/sessions.db")
    for store in stores:
        store.close()
        # Flask-Security's example has an engine of its own.
        store.engine.dispose()


@pytest.fixture
def signed_in(example, application):
    """Signs in a new browser."""

    def signed_in():
        browser = TestApp(application)
        example.sign_in(browser)
        assert example.shows_ann in browser.get("/")
        return browser

    return signed_in


def test_a_device_that_is_signed_out_on_the_devices_page_is_out_and_stays_out(example, signed_in):
    laptop, phone = signed_in(), signed_in()
    [handle] = others(laptop)
    kick_out(laptop, handle)

    for _ in range(3):
        assert example.shows_ann not in phone.get("/")
    assert phone.get("/devices/sessions", status=401)
    assert example.shows_ann in laptop.get("/")


def test_it_stays_out_with_all_cookies_that_it_ever_got(example, application, signed_in):
    laptop, phone = signed_in(), signed_in()
    kept = dict(phone.cookies)
    kick_out(laptop, *others(laptop))
    phone.get("/")
    again = TestApp(application)
    for name, value in kept.items():
        again.set_cookie(name, value.strip('"'))

    assert example.shows_ann not in again.get("/")


def test_a_login_that_is_remembered_has_one_cookie_which_outlives_the_browser(example, application):
    browser = TestApp(application)
    example.sign_in(browser)
    cookies = {cookie.name: cookie for cookie in browser.cookiejar}

    assert set(cookies) == {"session"}
    assert cookies["session"].expires


def test_a_device_that_was_signed_out_can_sign_in_again(example, signed_in):
    laptop, phone = signed_in(), signed_in()
    kick_out(laptop, *others(laptop))
    example.sign_in(phone)

    assert example.shows_ann in phone.get("/")


def test_signing_out_signs_out_this_device_only(example, application, signed_in):
    laptop, phone = signed_in(), signed_in()
    kept = dict(phone.cookies)
    example.sign_out(phone)
    again = TestApp(application)
    for name, value in kept.items():
        again.set_cookie(name, value.strip('"'))

    for browser in (phone, again):
        assert example.shows_ann not in browser.get("/")
    assert example.shows_ann in laptop.get("/")
    assert others(laptop) == []


def test_an_id_that_was_known_before_a_login_is_worth_nothing_after_it(example, application):
    victim, attacker = TestApp(application), TestApp(application)
    # Pages with a form may begin a session for its token.
    victim.get("/")
    victim.get("/login", expect_errors=True)
    known = victim.cookies.get("session", "planted").strip('"')
    example.sign_in(victim)
    attacker.set_cookie("session", known)

    assert example.shows_ann in victim.get("/")
    assert example.shows_ann not in attacker.get("/")


def test_the_examples_give_no_warning(application, example, signed_in, caplog):
    signed_in()

    assert [record for record in caplog.records if record.name == "schema_session_backend"] == []


@pytest.mark.parametrize("example", [FlaskLogin], ids=["FlaskLogin"])
class TestFlaskLoginsSignal:
    def test_each_login_gives_the_session_a_new_id(self, application, signed_in):
        laptop, thief = signed_in(), TestApp(application)
        thief.set_cookie("session", laptop.cookies["session"])
        FlaskLogin.sign_in(laptop)

        assert FlaskLogin.shows_ann in laptop.get("/")
        assert FlaskLogin.shows_ann not in thief.get("/")
        assert others(laptop) == []

    def test_a_login_that_is_not_remembered_ends_with_the_browser(self, application):
        laptop = TestApp(application)
        laptop.post("/sign-in", {"user": "7"})

        assert [(cookie.name, cookie.expires) for cookie in laptop.cookiejar] == [("session", None)]


@pytest.mark.parametrize("example", [FlaskSecurity], ids=["FlaskSecurity"])
class TestANewPassword:
    def test_it_ends_the_sessions_of_all_other_devices(self, application, signed_in):
        laptop, phone = signed_in(), signed_in()
        FlaskSecurity.change_password(laptop)

        assert FlaskSecurity.shows_ann in laptop.get("/")
        assert FlaskSecurity.shows_ann not in phone.get("/")
        assert others(laptop) == []
        assert application.config["SESSION_CACHELIB"].store.count() == 1

    def test_a_password_that_is_refused_ends_no_session(self, signed_in):
        laptop, phone = signed_in(), signed_in()
        form = laptop.get("/change").form
        form["password"] = "wrong"
        form["new_password"] = form["new_password_confirm"] = "coffee for one"
        form.submit()

        assert FlaskSecurity.shows_ann in phone.get("/")
        assert len(others(laptop)) == 1

    def test_an_administrator_can_change_it_outside_of_a_request(self, application, signed_in):
        phone = signed_in()
        users = application.extensions["security"].datastore
        with application.app_context():
            users.set_uniquifier(users.find_user(email="ann@example.com"))
            users.commit()

        assert FlaskSecurity.shows_ann not in phone.get("/")
        assert application.config["SESSION_CACHELIB"].store.count() == 0

    def test_a_change_that_is_rolled_back_ends_no_session(self, application, signed_in):
        phone = signed_in()
        users = application.extensions["security"].datastore
        with application.app_context():
            users.set_uniquifier(users.find_user(email="ann@example.com"))
            users.db.session.rollback()

        assert FlaskSecurity.shows_ann in phone.get("/")
