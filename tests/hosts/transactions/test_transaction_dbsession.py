"""Any database session of the application can carry the session's transaction."""

from __future__ import annotations

import zope.sqlalchemy
from sqlalchemy import ForeignKey, Integer, select
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, scoped_session, sessionmaker
from transaction_steps import look

from schema_session_backend import SessionMixin


def test_a_session_may_refer_to_a_row_that_was_added_but_not_flushed(
    engine, url, make_store, table_name, application
):
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


def test_the_database_session_may_be_a_scoped_session(application, store, engine):
    def scoped(request):
        session = scoped_session(sessionmaker(engine))
        zope.sqlalchemy.register(session, transaction_manager=request.tm)
        return session

    def do(request):
        request.session["user_id"] = 42

    configure = lambda config: config.add_request_method(scoped, "scoped", reify=True)  # noqa: E731
    application(do, configure, dbsession="scoped").get("/")

    assert store.count(user_id=42) == 1


def test_a_read_only_transaction_may_read_the_session(application, store, engine, signed_in):
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
