"""Everyday values through each host: what applications and extensions put into sessions without a thought."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import flask
import flask_login
import pytest
from beaker_site import BeakerSite
from browsing import LOGIN
from everyday import AS_PLAIN, EXACT, UNEQUAL, Plan, lazy_text
from flask_babel import Babel
from flask_site import FlaskSite
from markupsafe import Markup
from pyramid.request import Request
from values import identical, stored_columns, stored_rows
from webtest import TestApp
from werkzeug.datastructures import MultiDict

from schema_session_backend import SessionTooLarge, UnserializableValue

BAD: dict[str, Any] = {
    **{name: UNEQUAL[name][0] for name in ("request.args", "request.GET of WebOb", "a dataclass")},
    "a text of 100 kB": "x" * 100_000,
}


@pytest.fixture
def site(open_site):
    """A site whose sessions are in `store`, on Flask with Flask-Babel."""
    site = open_site()
    if isinstance(site, FlaskSite):
        Babel(site.application)
    return site


def test_values_of_an_applications_own_class_come_back(open_site, make_store):
    site = open_site(store=make_store(types={Fraction: (str, Fraction)}))
    browser = site.browser()
    browser.visit(site.saving(share=[Fraction(1, 3)]))

    assert browser.data() == {"share": [Fraction(1, 3)]}


def test_a_converter_that_lies_is_an_error_and_sets_no_cookie(open_site, make_store):
    store = make_store(types={Fraction: (str, lambda text: Fraction(0))})
    store.wait_for_sync()
    site = open_site(store=store)
    browser = site.browser()

    with pytest.raises(UnserializableValue, match=r"'share': the converter of fractions\.Fraction"):
        browser.visit(site.saving(share=Fraction(1, 3)))

    assert browser.cookie == ""
    assert stored_rows(store) == []


def test_with_strict_types_a_value_has_to_be_of_an_exact_type(open_site, make_store):
    site = open_site(store=make_store(strict_types=True))
    browser = site.browser()
    browser.log_in()

    with pytest.raises(
        UnserializableValue, match=r"'plan': strict_types refuses a value of type everyday\.Plan"
    ):
        browser.visit(site.saving(plan=Plan.FREE))

    assert browser.data() == LOGIN


# A LazyProxy of Babel can be pickled but not unpickled, so Beaker's own session class cannot have it.
@pytest.mark.parametrize("name", [name for name in (*AS_PLAIN, *EXACT) if "LazyProxy" not in name])
def test_a_value_comes_back_as_it_is_or_as_its_plain_value(site, store, name):
    value, plain = AS_PLAIN.get(name, (EXACT.get(name), EXACT.get(name)))
    browser = site.browser()
    browser.visit(site.saving(value=value))

    assert identical(browser.data(), {"value": plain})
    before = stored_rows(store)
    browser.visit(site.saving(value=value))
    assert stored_rows(store) == before


@pytest.mark.parametrize(
    "value", [Plan.FREE, lazy_text("free"), Markup("free")], ids=lambda value: type(value).__name__
)
def test_a_column_takes_the_plain_value(site, store, value):
    site.browser().visit(site.saving(device=value))

    assert identical(stored_columns(store, "device"), [("free",)])


@pytest.mark.parametrize("name", BAD)
def test_a_value_that_cannot_be_stored_is_an_error_and_the_session_stays(site, store, name):
    browser = site.browser()
    browser.log_in()
    before, cookie = stored_rows(store), browser.cookie

    with pytest.raises((UnserializableValue, SessionTooLarge), match="'bad'"):
        browser.visit(site.saving(good=1, bad=BAD[name]))

    assert stored_rows(store) == before
    assert browser.cookie == cookie
    assert browser.data() == LOGIN


@pytest.mark.parametrize("name", BAD)
def test_a_visitor_whose_value_cannot_be_stored_gets_no_cookie(site, store, name):
    browser = site.browser()
    store.wait_for_sync()

    with pytest.raises((UnserializableValue, SessionTooLarge)):
        browser.visit(site.saving(bad=BAD[name]))

    assert browser.cookie == ""
    assert stored_rows(store) == []


@pytest.mark.parametrize("host", ["beaker"])
def test_a_value_that_beaker_cannot_unpickle_is_an_error(site):
    with pytest.raises(UnserializableValue, match=r"cannot be unpickled; store plain values"):
        site.browser().visit(BeakerSite.saving(value=AS_PLAIN["LazyProxy of Babel"][0]))


@pytest.mark.parametrize("host", ["SchemaSession"])
def test_beakers_json_has_the_same_plain_values(open_site):
    site = open_site(data_serializer="json")
    browser = site.browser()
    browser.visit(BeakerSite.saving(a=Plan.FREE, b=[lazy_text("later"), Markup("<b>")], rate=math.inf))

    assert identical(browser.data(), {"a": "free", "b": ["later", "<b>"], "rate": math.inf})
    with pytest.raises(UnserializableValue, match=r"'args': .* store value\.to_dict\(flat=False\)"):
        browser.visit(BeakerSite.saving(args=MultiDict([("a", 1), ("a", 2)])))


# -- extensions of Flask


@pytest.mark.parametrize("host", ["flask"])
def test_flask_flashes_markup_once(site):
    browser = site.browser()
    browser.visit(lambda session: flask.flash(Markup("<b>saved</b>"), "info"))

    shown = browser.visit(lambda session: flask.get_flashed_messages(with_categories=True))
    assert identical(shown, [("info", Markup("<b>saved</b>"))])
    assert browser.visit(lambda session: flask.get_flashed_messages()) == []


@pytest.mark.parametrize("host", ["flask"])
def test_flask_logins_message_may_be_a_lazy_text_of_flask_babel(site):
    manager = flask_login.LoginManager(site.application)
    manager.login_view, manager.login_message = "/login", lazy_text("Please log in.")
    manager.user_loader(lambda user_id: None)
    site.application.add_url_rule("/private", view_func=flask_login.login_required(lambda: "private"))
    app = TestApp(site.application)

    assert app.get("/private").status_code == 302
    messages: list[Any] = []
    app.get("/", extra_environ={"site.do": lambda session: messages.extend(flask.get_flashed_messages())})
    assert identical(messages, ["Please log in."])


@pytest.mark.parametrize("host", ["flask"])
def test_flask_shows_a_visitor_an_error_of_status_500_and_sets_no_cookie(site):
    site.application.testing = False
    answer = site.application.test_client().get(
        "/?tag=a&tag=b",
        environ_overrides={"site.do": lambda session: session.update(args=flask.request.args)},
    )

    assert answer.status_code == 500
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("host", ["pyramid"])
def test_pyramid_flashes_translation_strings_and_markup(site):
    browser = site.browser()
    browser.visit(lambda session: session.flash(AS_PLAIN["TranslationString"][0]))
    browser.visit(lambda session: session.flash(Markup("<b>saved</b>")))

    assert identical(browser.visit(lambda session: session.pop_flash()), ["hello", Markup("<b>saved</b>")])


@pytest.mark.parametrize("host", ["pyramid"])
def test_pyramids_query_is_stored_as_lists(site):
    request = Request.blank("/?tag=a&tag=b")
    browser = site.browser()
    browser.visit(site.saving(query=request.GET.dict_of_lists()))

    assert browser.data() == {"query": {"tag": ["a", "b"]}}
