"""A Beaker application for a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beaker.middleware import SessionMiddleware
from real_server import store_of_environment, wait_for
from webob import Request, Response

from schema_session_backend.beaker import SchemaSession


def create_app() -> Any:
    """The application, on the store that the environment names."""
    pages = {
        f"/{page.__name__.replace('_', '-')}": page for page in (data, change, change_slowly, new_id, logout)
    }

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        session = environ["beaker.session"]
        answer = pages[environ["PATH_INFO"]](session, Request(environ).GET)
        return Response(json=answer)(environ, start_response)

    settings = {"type": "schema", "store": store_of_environment(), "session_class": SchemaSession}
    return SessionMiddleware(application, {f"session.{name}": value for name, value in settings.items()})


def data(session: Any, _arguments: Any) -> Any:
    return {key: value for key, value in session.items() if key[0] != "_"}


def change(session: Any, arguments: Any) -> Any:
    session.update(json.loads(arguments["keys"]))
    session.save()
    return data(session, arguments)


def change_slowly(session: Any, arguments: Any) -> Any:
    session.get("user_id")
    directory = Path(arguments["directory"])
    (directory / "read").touch()
    wait_for(directory / "go on")
    return change(session, arguments)


def new_id(session: Any, arguments: Any) -> Any:
    session.regenerate_id()
    return change(session, arguments)


def logout(session: Any, _arguments: Any) -> Any:
    session.delete()
    return {}
