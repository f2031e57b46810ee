"""A site on Flask, with Flask-Session on a `SchemaCache`."""

from __future__ import annotations

from typing import Any

import flask
from browsing import Site
from flask_session import Session

from schema_session_backend.cachelib import SchemaCache


class FlaskSite(Site):
    """A site with Flask-Session's sessions.

    Args:
        store: where they are.
        timeout: seconds, the sessions' lifetime.
        settings: more of Flask's configuration, in small letters.
    """

    cookie = "session"

    def __init__(self, *, store: Any, timeout: int | None = None, **settings: Any) -> None:
        self.cache = SchemaCache(store)
        self.application = flask.Flask(__name__)
        self.application.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=self.cache, TESTING=True)
        if timeout is not None:
            self.application.config["PERMANENT_SESSION_LIFETIME"] = timeout
        self.application.config.update({name.upper(): value for name, value in settings.items()})
        Session(self.application)
        self.application.add_url_rule("/", view_func=_answer)
        self.application.add_url_rule("/<path:_path>", view_func=_answer)

    @staticmethod
    def save(session: Any) -> None:
        """Flask saves at the end of each request."""

    @staticmethod
    def end(session: Any) -> None:
        session.clear()

    @staticmethod
    def new_id(session: Any) -> None:
        flask.current_app.session_interface.regenerate(session)  # type: ignore[attr-defined]

    @staticmethod
    def remember(session: Any, max_age: float | None) -> None:
        """Flask has one lifetime for all of them, `PERMANENT_SESSION_LIFETIME`."""
        session.permanent = max_age is not None

    @staticmethod
    def keep_expiry(session: Any) -> None:
        flask.current_app.config["SESSION_CACHELIB"].keep_expiry()

    @staticmethod
    def sid(session: Any) -> str:
        return f"session:{session.sid}"


def _answer(_path: str = "") -> str:
    flask.request.environ["site.do"](flask.session._get_current_object())  # type: ignore[attr-defined]
    return "done"
