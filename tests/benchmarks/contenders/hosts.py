"""What a request does with its session in Flask-Session and in Beaker, whatever is behind it."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, ClassVar

import flask
from beaker.session import Session
from flask_session import Session as FlaskSession

from ..sessions import MAX_AGE, session, sid
from .base import Contender, OpenedContender

if TYPE_CHECKING:
    from collections.abc import Callable


class FlaskContender(Contender):
    """An application with Flask-Session; timed are its opening and its saving of the session.

    Args:
        url: of the database.
        extensions: of Flask, to set up first.
        settings: of the application.
    """

    def __init__(self, url: str, *extensions: Any, **settings: Any) -> None:
        super().__init__(url)
        self.application = flask.Flask(__name__)
        self.application.config.update(settings, PERMANENT_SESSION_LIFETIME=MAX_AGE)
        for extension in extensions:
            extension.init_app(self.application)
        FlaskSession(self.application)
        self._interface: Any = self.application.session_interface

    def timed(self, operation: str, number: int) -> int:
        # A new session has a new id, which Flask-Session itself makes.
        headers = {} if operation == "create" else {"Cookie": f"session={sid(number)}"}
        context: Any = self.application.test_request_context(headers=headers)
        response = self.application.response_class()
        work: Callable[[Any], Any] = getattr(self, f"_{operation}", lambda _session: None)
        with self.application.app_context():
            # Pushing the context opens the session; what else that takes is no part of it.
            start = perf_counter_ns()
            context.push()
            opened = flask.session._get_current_object()  # type: ignore[attr-defined]
            work(opened)
            if operation not in {"read", "write"}:
                self._interface.save_session(self.application, opened, response)
            taken = perf_counter_ns() - start
            context.pop()
        return taken

    @staticmethod
    def _read(opened: Any) -> None:
        assert opened["user_id"] is not None

    _touch = _read

    def _write(self, opened: Any) -> None:
        opened.update(session(1), visits=opened["visits"] + 1)
        self._interface.save_session(self.application, opened, self.application.response_class())

    @staticmethod
    def _rmw(opened: Any) -> None:
        opened["visits"] += 1

    @staticmethod
    def _create(opened: Any) -> None:
        opened.update(session(1))

    @staticmethod
    def _delete(opened: Any) -> None:
        opened.clear()

    def write(self, number: int) -> None:
        """Store one under an id that is given, which no request can."""
        lifetime = timedelta(seconds=MAX_AGE)
        with self.application.app_context():
            store_id = f"{self._interface.key_prefix}{sid(number)}"
            self._interface._upsert_session(lifetime, session(number), store_id)

    read = rmw = create = touch = delete = write


class BeakerContender(OpenedContender):
    """Beaker's sessions.

    Args:
        url: of the database.
        namespace_class: the back end.
        settings: its arguments.
    """

    session_class: ClassVar[type[Session]] = Session

    def __init__(self, url: str, namespace_class: type[Any], /, **settings: Any) -> None:
        super().__init__(url)
        self._settings = {
            "namespace_class": namespace_class,
            "timeout": MAX_AGE,
            "use_cookies": True,
            "data_dir": tempfile.mkdtemp(prefix="bench-beaker-"),
            **settings,
        }

    def _open(self, number: int) -> Any:
        return self.session_class({"cookie": f"beaker.session.id={sid(number)}"}, **self._settings)

    def write(self, number: int) -> None:
        opened = self._open(number)
        opened.update(session(number), visits=opened["visits"] + 1)
        opened.save()

    def create(self, number: int) -> None:
        opened = self.session_class({}, id=sid(number), **{**self._settings, "use_cookies": False})
        opened.update(session(number))
        opened.save()

    def touch(self, number: int) -> None:
        opened = self._open(number)
        assert opened["user_id"] is not None
        opened.save(accessed_only=True)
