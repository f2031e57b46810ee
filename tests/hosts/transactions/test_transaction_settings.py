"""An application with `transactional` starts only with pyramid_tm and a database session."""

from __future__ import annotations

import pytest
from pyramid.config import Configurator
from pyramid_schema_session import SchemaSessionFactory
from sqlalchemy import inspect
from sqlalchemy.orm import Session
from webtest import TestApp

from schema_session_backend import ConfigurationError, SessionStore


@pytest.mark.parametrize("missing", ["tm", "dbsession"])
def test_a_request_without_tm_or_dbsession_is_an_error_that_names_it(store, missing):
    config = Configurator(session_factory=SchemaSessionFactory(store, transactional=True))
    if missing != "tm":
        config.include("pyramid_tm")
    config.add_route("page", "/")
    config.add_view(lambda request: request.session.update(a=1), route_name="page")

    with pytest.raises(ConfigurationError, match=f"transactional needs request.{missing}"):
        TestApp(config.make_wsgi_app()).get("/")


def included(store, transactional="true", **settings):
    """Makes an application from settings, without a request."""
    config = Configurator(
        settings={
            "schema_session.store": store,
            "schema_session.transactional": transactional,
            **{f"schema_session.{name}": value for name, value in settings.items()},
        }
    )
    config.include("pyramid_schema_session")
    return config


def test_without_pyramid_tm_the_application_does_not_start(store):
    with pytest.raises(ConfigurationError, match="include pyramid_tm"):
        included(store).make_wsgi_app()


def test_without_the_database_session_the_application_does_not_start(store):
    config = included(store, dbsession="dbsesion")
    config.include("pyramid_tm")
    config.add_request_method(lambda request: None, "dbsession", reify=True)

    with pytest.raises(ConfigurationError, match="did you mean 'dbsession'"):
        config.make_wsgi_app()


def test_the_table_exists_before_the_first_transaction(make_store, engine):
    store = make_store(engine)
    config = included(store)
    config.include("pyramid_tm")
    config.add_request_method(lambda request: Session(engine), "dbsession", reify=True)

    config.make_wsgi_app()

    assert inspect(engine).has_table(store.repo().name)


def test_an_application_starts_while_its_database_is_down(caplog):
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", sync_timeout=0.1)
    config = included(store)
    config.include("pyramid_tm")
    config.add_request_method(lambda request: None, "dbsession", reify=True)

    config.make_wsgi_app()

    assert "will be checked at the first request" in caplog.text
