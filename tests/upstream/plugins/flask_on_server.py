"""Flask applications keep their sessions with Flask-Session instead of in cookies."""

from __future__ import annotations

from typing import Any

import flask
from flask_session.cachelib.cachelib import CacheLibSessionInterface


class OnServer:
    """Stands for `Flask.session_interface`: each application gets a Flask-Session at its first use."""

    def __init__(self, cache):
        self._cache = cache

    def __get__(self, app, owner=None):
        if app is None:
            return self
        app.session_interface = CacheLibSessionInterface(app, client=self._cache, permanent=False)
        return app.session_interface


def keep_sessions_in(cache):
    application: Any = flask.Flask
    application.session_interface = OnServer(cache)
