"""A Flask application for a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, jsonify, request, session
from flask_session import Session
from real_server import store_of_environment, wait_for

from schema_session_backend.cachelib import SchemaCache

if TYPE_CHECKING:
    from flask import Response


def create_app() -> Flask:
    """The application, on the store that the environment names."""
    app = Flask(__name__)
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SchemaCache(store_of_environment()))
    Session(app)

    @app.get("/data")
    def data() -> Response:
        return jsonify({key: value for key, value in session.items() if key[0] != "_"})

    @app.get("/change")
    def change() -> Response:
        session.update(json.loads(request.args["keys"]))
        return data()

    @app.get("/change-slowly")
    def change_slowly() -> Response:
        session.get("user_id")
        directory = Path(request.args["directory"])
        (directory / "read").touch()
        wait_for(directory / "go on")
        return change()

    @app.get("/new-id")
    def new_id() -> Response:
        app.session_interface.regenerate(session)  # type: ignore[attr-defined]
        return change()

    @app.get("/logout")
    def logout() -> Response:
        session.clear()
        return jsonify({})

    return app
