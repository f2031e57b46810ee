"""`SchemaSessionMiddleware`: Beaker's middleware with `SchemaSession`, also from an ini file."""

from __future__ import annotations

from configparser import ConfigParser
from functools import partial

import pytest
from beaker.session import Session
from beaker_site import BeakerSite
from browsing import LOGIN

from clocks import HOUR, MINUTE
from schema_session_backend import ConfigurationError
from schema_session_backend.beaker import SchemaSession, SchemaSessionMiddleware

Site = partial(BeakerSite, wrap=SchemaSessionMiddleware)


def test_an_ini_file_is_enough(make_store, url, table_name):
    parser = ConfigParser(interpolation=None)
    parser.read_string(f"""
        [app:main]
        session.url = {url}
        session.table_name = {table_name}
        session.schemas = user_id Integer index; device String(50); ip String(45)
        session.timeout = {HOUR}
        session.unrenewed_paths = /poll /live/events
    """)
    browser = Site(dict(parser["app:main"])).browser("an unknown id")
    browser.log_in()

    assert browser.cookie != "an unknown id"
    assert browser.data() == LOGIN
    [record] = make_store().find(user_id=42)
    assert record.data["cart"] == [1]


@pytest.mark.parametrize("prefix", ["session.", "beaker.session.", ""])
def test_keyword_arguments_work_too(moved_store, let_pass, prefix):
    settings = {"type": "schema", "store": moved_store(), "timeout": HOUR, "unrenewed_paths": "/poll"}
    named = {f"{prefix}{name}": value for name, value in settings.items()}
    browser = Site({}, wrap=lambda app, _: SchemaSessionMiddleware(app, **named)).browser()
    browser.log_in()
    let_pass(HOUR - MINUTE)
    assert browser.visit(lambda session: session["user_id"], "/poll") == 42
    let_pass(2 * MINUTE)

    assert browser.data() == {}


def test_the_application_may_have_a_session_class_of_its_own(store):
    class Counting(SchemaSession):
        def count(self):
            self["visits"] = self.get("visits", 0) + 1

    site = Site(
        {"session.store": store, "session.session_class": Counting, "session.unrenewed_paths": "/poll"}
    )
    browser = site.browser()
    for path in ("/", "/poll"):
        browser.visit(lambda session: (session.count(), session.save()), path)

    assert browser.data() == {"visits": 2}


@pytest.mark.parametrize("session_class", [Session, dict, "SchemaSession", None])
def test_another_session_class_is_refused(store, session_class):
    with pytest.raises(ConfigurationError, match="session_class takes a subclass of SchemaSession"):
        Site({"session.store": store, "session.session_class": session_class})


@pytest.mark.parametrize("settings", [{}, {"session.session_class": SchemaSession}], ids=["type", "class"])
def test_the_paths_are_refused_where_nothing_knows_the_path(store, settings):
    site = BeakerSite(
        {"session.type": "schema", "session.store": store, "session.unrenewed_paths": "/poll", **settings}
    )
    with pytest.raises(ConfigurationError, match="unrenewed_paths needs SchemaSessionMiddleware"):
        site.browser().log_in()


def test_a_misspelt_setting_is_refused(store):
    with pytest.raises(ConfigurationError, match="did you mean 'unrenewed_paths'"):
        Site({"session.store": store, "session.unrenewed_path": "/poll"}).browser().log_in()
