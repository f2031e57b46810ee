"""The page of devices in a Pyramid application: `config.add_devices_page("/devices")`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pyramid.request import Request
from pyramid.security import NO_PERMISSION_REQUIRED

from schema_session_backend.devices import DevicesPage, Visitor
from schema_session_backend.devices.arguments import require_user_field
from schema_session_backend.devices.mounting import mount_path, mounted_before

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pyramid.config import Configurator
    from pyramid.response import Response

    from schema_session_backend import SessionStore

    from .factory import SchemaSessionFactory
    from .session import SchemaSession

__all__ = ["add_devices_page"]

REQUEST = "pyramid_schema_session.request"
"""The key under which a WSGI environment has the request that it was made from."""


def add_devices_page(
    config: Configurator, factory: SchemaSessionFactory, path: str = "/devices", **options: Any
) -> DevicesPage:
    """Show the page at a path of the application, as the route `devices`.

    Args:
        config: of the application.
        factory: makes its sessions.
        path: where the page is.
        options: those of `DevicesPage`. `visitor` and `administers` take a request here, and the first is
            not needed: who is asking is whom `request.schema_sessions` lists.

    Returns:
        the page.

    Raises:
        ConfigurationError: for what cannot work.
    """
    where = mount_path(path)
    require_user_field(factory.store, "add_devices_page")
    visitor = options.pop("visitor", partial(_visitor, factory.store))
    administers = options.pop("administers", None)
    if administers is not None:
        options["administers"] = lambda environ: administers(environ[REQUEST])
    page = DevicesPage(
        factory.store,
        lambda environ: visitor(environ[REQUEST]),
        connection=lambda environ: _connection(environ[REQUEST]),
        **options,
    )

    def devices(request: Request) -> Response:
        matched: Any = request.matchdict
        environ = {**mounted_before(request.environ, matched.get("rest", "")), REQUEST: request}
        response: Response = Request(environ).get_response(page)
        return response

    routes = {"devices": f"{where}/", "devices without slash": where, "devices below": f"{where}/{{rest:.+}}"}
    for name, pattern in routes.items():
        config.add_route(name, pattern)
        # It has a token of its own.
        config.add_view(devices, route_name=name, permission=NO_PERMISSION_REQUIRED, require_csrf=False)
    return page


def _connection(request: Request) -> AbstractContextManager[Any]:
    """The transaction in which the request's session is saved, if it has one."""
    session: SchemaSession = request.session
    return session.transaction.connection(writes=True)


def _visitor(store: SessionStore, request: Request) -> Visitor | None:
    session: SchemaSession = request.session
    user, sid = store.user_of(session), session.sid
    return None if user is None or sid is None else Visitor(user, sid)
