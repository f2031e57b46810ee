"""A Pyramid application for a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid_schema_session import SchemaSessionFactory
from real_server import store_of_environment, wait_for


def create_app() -> Any:
    """The application, on the store that the environment names."""
    config = Configurator(session_factory=SchemaSessionFactory(store_of_environment(), cookie_secure=False))
    for page in (data, change, change_slowly, new_id, logout):
        name = page.__name__.replace("_", "-")
        config.add_route(name, f"/{name}")
        config.add_view(page, route_name=name, renderer="json")
    return config.make_wsgi_app()


def data(request: Any) -> Any:
    return dict(request.session)


def change(request: Any) -> Any:
    request.session.update(json.loads(request.GET["keys"]))
    return data(request)


def change_slowly(request: Any) -> Any:
    request.session.get("user_id")
    directory = Path(request.GET["directory"])
    (directory / "read").touch()
    wait_for(directory / "go on")
    return change(request)


def new_id(request: Any) -> Any:
    request.session.rotate()
    return change(request)


def logout(request: Any) -> Any:
    request.session.invalidate()
    return {}
