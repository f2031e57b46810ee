"""`transactional=True`: the session is saved with the application's own data, or neither is."""

from __future__ import annotations

import pytest
import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPBadRequest
from pyramid.response import Response
from pyramid_retry import RetryableException
from pyramid_schema_session import SchemaSessionFactory
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    inspect,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, scoped_session, sessionmaker
from webtest import TestApp

from schema_session_backend import ConfigurationError, InvalidField, SessionMixin, SessionStore


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


def note(request, notes, text="a note"):
    request.dbsession.execute(insert(notes).values(text=text))
    zope.sqlalchemy.mark_changed(request.dbsession, request.tm)


@pytest.fixture
def noted(engine, notes):
    """Tells the notes that are stored."""

    def noted():
        with engine.connect() as connection:
            return list(connection.execute(select(notes.c.text)).scalars())

    return noted


@pytest.fixture
def signed_in(store):
    """The Cookie header of someone who is signed in twice."""
    store.set_many({"phone": {"user_id": 42}, "laptop": {"user_id": 42}})
    return {"Cookie": "session=phone"}


def test_both_are_stored(application, notes, noted, store):
    def do(request):
        note(request, notes)
        request.session["user_id"] = 42

    client = application(do)
    answer = client.get("/")

    assert noted() == ["a note"]
    assert store.count(user_id=42) == 1
    assert store.has(client.cookies["session"])
    assert answer.headers["Vary"] == "Cookie"


def test_a_session_is_stored_without_other_data_too(application, notes, store):
    client = application(lambda request: request.session.update(visits=request.session.get("visits", 0) + 1))
    for _ in range(3):
        client.get("/")

    assert store.get(client.cookies["session"]) == {"visits": 3}


def fails(error):
    def fail(request):
        raise error

    return fail


def sorry(error, request):
    return Response("sorry", 500)


ENDS = {
    "an exception": (fails(LookupError()), {}, LookupError),
    "an exception view": (
        fails(LookupError()),
        {
            "configure": lambda config: config.add_exception_view(
                lambda error, request: Response("oh", 500), LookupError
            )
        },
        None,
    ),
    "a veto": (lambda request: Response("no", 400), {}, None),
    "an HTTP exception": (fails(HTTPBadRequest()), {}, None),
    "a doomed transaction": (lambda request: request.tm.doom(), {}, None),
    "a session that cannot be stored": (
        lambda request: request.session.update(user_id="x"),
        {},
        InvalidField,
    ),
}


@pytest.mark.parametrize(("end", "options", "error"), ENDS.values(), ids=ENDS)
def test_neither_is_stored(application, notes, noted, store, end, options, error):
    def do(request):
        note(request, notes)
        request.session["user_id"] = 42
        return end(request)

    client = application(do, **options)
    if error is None:
        client.get("/", status="*")
    else:
        with pytest.raises(error):
            client.get("/")

    assert noted() == []
    assert store.count() == 0
    assert "session" not in client.cookies


def test_nor_if_the_database_refuses_the_applications_data(application, notes, noted, store):
    def do(request):
        note(request, notes)
        request.session["user_id"] = 42

    client = application(do)
    client.get("/")
    client.reset()
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        client.get("/")

    assert noted() == ["a note"]
    assert store.count() == 1
    assert "session" not in client.cookies


def test_nor_if_the_commit_itself_fails_and_an_exception_view_answers(application, notes, noted, store):
    class Refusal(Exception):
        """What another resource of the transaction raises when it is asked to commit."""

    class Refusing:
        """A resource that joins the transaction and cannot commit."""

        transaction_manager = None

        def abort(self, transaction):
            """Nothing to undo."""

        tpc_begin = commit = tpc_finish = tpc_abort = abort

        def tpc_vote(self, transaction):
            raise Refusal

        def sortKey(self):  # noqa: N802 - IDataManager's name
            return "~last"

    def do(request):
        note(request, notes)
        request.session["user_id"] = 42
        request.tm.get().join(Refusing())

    client = application(do, lambda config: config.add_exception_view(sorry, Refusal))
    client.get("/", status=500)

    assert noted() == []
    assert store.count() == 0
    assert "session" not in client.cookies


@pytest.mark.parametrize("committed", [True, False])
def test_a_new_password_and_signing_out_everywhere_else_are_one(
    application, notes, noted, store, signed_in, committed
):
    def do(request):
        note(request, notes, "a new password")
        assert request.schema_sessions.revoke_others() == 1
        assert [record.handle for record in request.schema_sessions.list()] == [store.handle("phone")]
        request.session.rotate()
        if not committed:
            raise HTTPBadRequest

    client = application(do)
    client.get("/", headers=signed_in, status="*")

    assert noted() == (["a new password"] if committed else [])
    assert store.count() == (1 if committed else 2)
    assert store.has("phone") is not committed
    assert ("session" in client.cookies) is committed


@pytest.mark.parametrize("committed", [True, False])
def test_a_logout_counts_if_it_is_committed(application, notes, store, signed_in, committed):
    def do(request):
        request.session.invalidate()
        return Response("done", 200 if committed else 400)

    answer = application(do).get("/", headers=signed_in, status="*")

    assert store.has("phone") is not committed
    assert ("Set-Cookie" in answer.headers) is committed


def test_what_another_request_saved_meanwhile_stays(application, notes, store, signed_in):
    def do(request):
        request.session["mine"] = 1
        store.save(store.load("phone"), {"user_id": 42, "theirs": 1})

    application(do).get("/", headers=signed_in)

    assert store.get("phone") == {"user_id": 42, "mine": 1, "theirs": 1}


def test_a_session_that_was_revoked_meanwhile_stays_dead(application, notes, noted, store, signed_in):
    def do(request):
        request.session["mine"] = 1
        store.revoke(store.handle("phone"))
        note(request, notes)

    application(do).get("/", headers=signed_in)

    assert not store.has("phone")
    assert noted() == ["a note"]


def never(request):
    """An activation hook of pyramid_tm."""
    return False


def test_a_request_without_a_transaction_saves_by_itself(application, notes, store):
    client = application(
        lambda request: request.session.update(user_id=42),
        lambda config: config.add_settings({"tm.activate_hook": never}),
    )
    client.get("/")

    assert store.has(client.cookies["session"])


@pytest.mark.parametrize("missing", ["tm", "dbsession"])
def test_without_what_it_needs_the_error_says_so(store, missing):
    config = Configurator(session_factory=SchemaSessionFactory(store, transactional=True))
    if missing != "tm":
        config.include("pyramid_tm")
    config.add_route("page", "/")
    config.add_view(lambda request: request.session.update(a=1), route_name="page")

    with pytest.raises(ConfigurationError, match=f"transactional needs request.{missing}"):
        TestApp(config.make_wsgi_app()).get("/")


# -- who looks at the session when


def look(request):
    request.session.get("user_id")


def tween(work, *, over_tm):
    """Has a tween do `work(request)` first, outside of the transaction or in it."""

    def factory(handler, _registry):
        def answer(request):
            work(request)
            return handler(request)

        return answer

    def configure(config):
        config.registry["tween"] = factory
        place = {"over" if over_tm else "under": "pyramid_tm.tm_tween_factory"}
        config.add_tween("test_pyramid_transactions.tween_of_registry", **place)

    return configure


def tween_of_registry(handler, registry):
    return registry["tween"](handler, registry)


@pytest.mark.parametrize("over_tm", [True, False])
def test_a_look_before_the_transaction_keeps_the_session_not_out_of_it(application, store, over_tm):
    def do(request):
        request.session["user_id"] = 42
        request.tm.doom()

    client = application(do, tween(look, over_tm=over_tm))
    client.get("/")

    assert store.count() == 0
    assert not client.cookies


@pytest.mark.parametrize("end", ["invalidate", "revoke", "revoke_others"])
def test_sessions_can_be_ended_after_the_commit(application, store, signed_in, end):
    def late(request, _response):
        if end == "invalidate":
            request.session.invalidate()
        elif end == "revoke":
            assert request.schema_sessions.revoke(store.handle("laptop"))
        else:
            assert request.schema_sessions.revoke_others() == 1

    def do(request):
        look(request)
        request.add_response_callback(late)

    application(do).get("/", headers=signed_in)

    assert store.has("phone") is (end != "invalidate")
    assert store.has("laptop") is (end == "invalidate")


def test_what_is_written_after_the_commit_is_saved_too(application, store, signed_in):
    def do(request):
        request.session["early"] = 1
        request.add_response_callback(lambda request, _response: request.session.update(late=2))
        request.tm.get().addBeforeCommitHook(lambda: request.session.update(hook=3))

    application(do).get("/", headers=signed_in)

    assert store.get("phone") == {"user_id": 42, "early": 1, "hook": 3, "late": 2}


def test_a_view_may_begin_another_transaction(application, store, signed_in):
    def do(request):
        request.session["first"] = 1
        request.session.rotate()
        request.tm.commit()
        request.tm.begin()
        request.session["dropped"] = 2
        request.tm.abort()
        request.tm.begin()
        assert dict(request.session) == {"user_id": 42, "first": 1}
        request.session["third"] = 3

    client = application(do)
    client.get("/", headers=signed_in)

    assert store.get(client.cookies["session"]) == {"user_id": 42, "first": 1, "third": 3}
    assert not store.has("phone")


def test_a_session_that_was_revoked_after_its_commit_is_sent_no_cookie(application, store, signed_in):
    def do(request):
        request.session.rotate()
        request.tm.commit()
        request.tm.begin()
        store.revoke(request.session.handle)
        request.tm.abort()
        request.tm.begin()
        look(request)

    client = application(do)
    client.get("/", headers=signed_in)

    assert not client.cookies
    assert store.count() == 1


def test_an_exception_view_after_a_failed_commit_sees_what_is_stored(application, notes, store, signed_in):
    def do(request):
        request.session["user_id"] = 7
        request.tm.get().addBeforeCommitHook(fails(ZeroDivisionError), args=(request,))

    def view(error, request):
        request.session["error"] = "sorry"
        return Response(str(request.session["user_id"]), 500)

    client = application(do, lambda config: config.add_exception_view(view, context=ZeroDivisionError))

    assert client.get("/", headers=signed_in, status=500).text == "42"
    assert store.get("phone") == {"user_id": 42, "error": "sorry"}


def test_a_commit_hook_may_look_at_the_session_after_an_error_that_was_answered(
    application, notes, noted, signed_in
):
    def answering(handler, _registry):
        def answer(request):
            try:
                return handler(request)
            except LookupError:
                return request.invoke_exception_view()

        return answer

    def configure(config):
        config.registry["tween"] = answering
        config.add_tween("test_pyramid_transactions.tween_of_registry", under="pyramid_tm.tm_tween_factory")
        config.add_exception_view(lambda error, request: Response("found nothing"), context=LookupError)

    def do(request):
        note(request, notes)
        look(request)
        request.tm.get().addBeforeCommitHook(look, args=(request,))
        raise LookupError

    application(do, configure).get("/", headers=signed_in)

    assert noted() == ["a note"]


def test_an_answer_with_a_session_is_nobody_elses_whatever_goes_wrong(application, store, signed_in):
    def no_database(request):
        raise ZeroDivisionError

    def configure(config):
        config.add_request_method(no_database, "broken", reify=True)
        config.add_exception_view(sorry, context=ZeroDivisionError)

    answer = application(look, configure, dbsession="broken").get("/", headers=signed_in, status=500)

    assert answer.headers["Vary"] == "Cookie"
    assert "no-store" in answer.headers["Cache-Control"]


# -- the application's database session


def test_a_foreign_key_may_want_a_row_that_was_only_added(engine, url, make_store, table_name, application):
    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = f"{table_name}_users"
        id = mapped_column(Integer, primary_key=True, autoincrement=False)

    class WebSession(SessionMixin, Base):
        __tablename__ = f"{table_name}_sessions"
        user_id = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))

    Base.metadata.create_all(engine)
    store = make_store(engine, table=WebSession)

    def do(request):
        request.dbsession.add(User(id=42))
        request.session["user_id"] = 42

    try:
        application(do, store=store).get("/")
        assert store.count(user_id=42) == 1
    finally:
        Base.metadata.drop_all(engine)


def test_a_scoped_session_serves_too(application, store, engine):
    def scoped(request):
        session = scoped_session(sessionmaker(engine))
        zope.sqlalchemy.register(session, transaction_manager=request.tm)
        return session

    def do(request):
        request.session["user_id"] = 42

    configure = lambda config: config.add_request_method(scoped, "scoped", reify=True)  # noqa: E731
    application(do, configure, dbsession="scoped").get("/")

    assert store.count(user_id=42) == 1


def test_a_read_only_transaction_may_look_at_the_session(application, store, engine, signed_in):
    def read_only(request):
        session = Session(engine)
        zope.sqlalchemy.register(session, initial_state="readonly", transaction_manager=request.tm)
        session.execute(select(1))
        return session

    def do(request):
        look(request)
        assert len(request.schema_sessions.list()) == 2

    configure = lambda config: config.add_request_method(read_only, "reading", reify=True)  # noqa: E731
    application(do, configure, dbsession="reading").get("/", headers=signed_in)


def test_a_process_that_saves_in_transactions_removes_expired_sessions(application, store, monkeypatch):
    woken = []
    monkeypatch.setattr(store._janitor, "wake", lambda: woken.append(1))

    application(lambda request: request.session.update(a=1)).get("/")

    assert woken


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)  # the others wait instead of refusing it
def test_a_request_whose_save_met_another_transaction_is_tried_again(application, store, signed_in):
    attempts = []

    def do(request):
        attempts.append(1)
        request.dbsession.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        request.dbsession.execute(select(1))
        look(request)
        if len(attempts) == 1:
            store.update("phone", lambda data: data | {"theirs": 1})
        request.session["mine"] = 2

    application(do, lambda config: config.include("pyramid_retry")).get("/", headers=signed_in)

    assert len(attempts) == 2
    assert store.get("phone") == {"user_id": 42, "theirs": 1, "mine": 2}


@pytest.mark.parametrize("transactional", [True, False])
def test_an_attempt_that_is_tried_again_leaves_nothing_behind(application, store, signed_in, transactional):
    attempts = []

    def do(request):
        attempts.append(dict(request.session))
        request.session.rotate()
        request.session["visits"] = 1
        if len(attempts) == 1:
            raise RetryableException

    def configure(config):
        config.include("pyramid_retry")
        config.add_exception_view(sorry, context=Exception)

    client = application(do, configure, transactional=transactional)
    client.get("/", headers=signed_in)

    assert attempts == [{"user_id": 42}, {"user_id": 42}]
    assert store.count(user_id=42) == 2
    assert store.get(client.cookies["session"]) == {"user_id": 42, "visits": 1}


# -- settings


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


def test_the_table_is_there_before_the_first_transaction(make_store, engine):
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
