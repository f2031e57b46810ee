"""A request holds one connection of the pool at a time, unless its transaction has failed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from pyramid.response import Response
from sqlalchemy import create_engine, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import registry
from transaction_steps import look
from webtest import TestApp

THREADS = 2


@pytest.fixture
def connections():
    """How many connections the pool has."""
    return THREADS


@pytest.fixture
def engine(url, connections):
    """An engine with a pool that is soon exhausted."""
    engine = create_engine(url, pool_size=connections, max_overflow=0, pool_timeout=5)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("first", ["the data", "the session"])
@pytest.mark.parametrize(
    ("transactional", "connections"),
    [(True, THREADS), (False, THREADS + 1)],
    ids=["transactional", "each by itself"],
)
def test_a_small_pool_is_enough(application, store, engine, signed_in, first, transactional):
    barrier = Barrier(THREADS)

    def use_data(request):
        request.dbsession.execute(select(1))
        # Each thread holds a connection now.
        barrier.wait(timeout=10)

    def do(request):
        if first == "the session":
            look(request)
        use_data(request)
        look(request)
        assert len(request.schema_sessions.list()) == 2
        request.session[request.params["key"]] = 1

    site = application(do, transactional=transactional).app

    def visit(key):
        TestApp(site).get("/", {"key": key}, headers=signed_in)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(visit, ["a", "b"]))

    assert store.get("phone") == {"user_id": 42, "a": 1, "b": 1}


def flush(request, notes):
    class Note:
        id: int

    registry().map_imperatively(Note, notes)
    note = Note()
    note.id = 1
    request.dbsession.add(note)
    request.dbsession.flush()


def execute(request, notes):
    request.dbsession.execute(insert(notes).values(id=1))


@pytest.mark.parametrize("write", [flush, execute])
def test_a_session_can_be_read_after_an_error_in_the_transaction(
    application, engine, notes, signed_in, write
):
    with engine.begin() as connection:
        connection.execute(insert(notes).values(id=1))

    def do(request):
        with pytest.raises(IntegrityError):
            write(request, notes)
        return Response(str(request.session["user_id"]), 400)

    answer = application(do).get("/", headers=signed_in, status=400)

    assert answer.text == "42"
