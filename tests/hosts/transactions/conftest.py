"""An application on pyramid_tm with data of its own, which saves its sessions in its transactions."""

from __future__ import annotations

import pytest
import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid_schema_session import SchemaSessionFactory
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.orm import Session
from webtest import TestApp


@pytest.fixture
def engine(url):
    """The application's own engine."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def notes(engine, table_name):
    """A table of the application's own, of short notes."""
    notes = Table(
        f"{table_name}_notes",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("text", String(50), unique=True),
    )
    notes.create(engine)
    return notes


@pytest.fixture
def store(engine, make_store):
    """The store, on the application's engine."""
    store = make_store(engine, timestamps=True)
    store.wait_for_sync()
    return store


@pytest.fixture
def application(store, engine):
    """Makes an application on pyramid_tm and zope.sqlalchemy, whose only view does `do(request)`."""

    def dbsession(request):
        # As Pyramid's cookiecutter does, for tests that bring a database session of their own.
        if "app.dbsession" in request.environ:
            return request.environ["app.dbsession"]
        session = Session(engine)
        zope.sqlalchemy.register(session, transaction_manager=request.tm)
        return session

    def application(do, configure=lambda config: None, store=store, **options):
        settings = {
            "tm.manager_hook": "pyramid_tm.explicit_manager",
            "tm.commit_veto": "pyramid_tm.default_commit_veto",
        }
        config = Configurator(settings=settings)
        config.include("pyramid_tm")
        factory = SchemaSessionFactory(store, **{"cookie_secure": False, "transactional": True, **options})
        config.set_session_factory(factory)
        config.add_request_method(factory.sessions, "schema_sessions", reify=True)
        config.add_request_method(dbsession, "dbsession", reify=True)
        config.add_route("page", "/")
        config.add_view(lambda request: do(request) or Response("done"), route_name="page")
        configure(config)
        return TestApp(config.make_wsgi_app())

    return application


@pytest.fixture
def noted(engine, notes):
    """Reads the stored notes."""

    def noted():
        with engine.connect() as connection:
            return list(connection.execute(select(notes.c.text)).scalars())

    return noted


@pytest.fixture
def signed_in(store):
    """The Cookie header of a user who is signed in twice."""
    store.set_many({"phone": {"user_id": 42}, "laptop": {"user_id": 42}})
    return {"Cookie": "session=phone"}
