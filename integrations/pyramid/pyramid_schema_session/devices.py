"""The page of devices in a Pyramid application: `config.add_devices_page("/devices")`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyramid.events import ApplicationCreated
from pyramid.interfaces import ISecurityPolicy
from pyramid.request import Request
from pyramid.security import NO_PERMISSION_REQUIRED

from schema_session_backend import ConfigurationError
from schema_session_backend.devices import DevicesPage, Visitor
from schema_session_backend.devices.arguments import require_user, require_user_field
from schema_session_backend.devices.http import limit_body
from schema_session_backend.devices.mounting import mount_path, mounted_before
from schema_session_backend.devices.visitor import confirmed_visitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pyramid.config import Configurator
    from pyramid.response import Response

    from .factory import SchemaSessionFactory
    from .session import SchemaSession

__all__ = ["add_devices_page"]

REQUEST = "pyramid_schema_session.request"
"""The key under which a WSGI environment has the request that it was made from."""


def add_devices_page(
    config: Configurator,
    factory: SchemaSessionFactory,
    path: str = "/devices",
    *,
    user: Callable[[Request], object] | None = None,
    administers: Callable[[Request], bool] | None = None,
    **options: Any,
) -> DevicesPage:
    """Show the page at a path of the application, as the route `devices`.

    A visitor is whom both the application's authentication and the session name.

    Args:
        config: of the application.
        factory: makes its sessions.
        path: where the page is.
        user: returns the user that the application's authentication names for a request, such as 42 or the
            text "42"; None for nobody. The security policy's `request.authenticated_userid` unless given;
            without a security policy it is required.
        administers: returns whether the visitor of a request is an administrator.
        options: further options of `DevicesPage`.

    Returns:
        the page.

    Raises:
        ConfigurationError: for what cannot work; without `user` and a security policy when the application
            is made.
    """
    where = mount_path(path)
    require_user_field(factory.store, "add_devices_page")
    if user is None:
        config.add_subscriber(_require_security_policy, ApplicationCreated)
    authenticated = (lambda request: request.authenticated_userid) if user is None else user
    require_user(authenticated, "add_devices_page")
    if administers is not None:
        options["administers"] = lambda environ: administers(environ[REQUEST])

    def visitor(environ: Any) -> Visitor | None:
        request = environ[REQUEST]
        # The authentication comes first, because it may sign the session out.
        named = authenticated(request)
        session: SchemaSession = request.session
        return confirmed_visitor(factory.store, session, session.sid, named)

    page = DevicesPage(
        factory.store,
        visitor,
        connection=lambda environ: _connection(environ[REQUEST]),
        **options,
    )

    def devices(request: Request) -> Response:
        # The authentication may read the body. WebOb can seek in a body that was read before.
        if not request.is_body_seekable:
            limit_body(request.environ)
        matched: Any = request.matchdict
        environ = {**mounted_before(request.environ, matched.get("rest", "")), REQUEST: request}
        response: Response = Request(environ).get_response(page)
        return response

    routes = {"devices": f"{where}/", "devices without slash": where, "devices below": f"{where}/{{rest:.+}}"}
    for name, pattern in routes.items():
        config.add_route(name, pattern)
        # The page checks a token of its own.
        config.add_view(devices, route_name=name, permission=NO_PERMISSION_REQUIRED, require_csrf=False)
    return page


def _connection(request: Request) -> AbstractContextManager[Any]:
    """The transaction in which the request's session is saved, if it has one."""
    session: SchemaSession = request.session
    return session.transaction.connection(writes=True)


def _require_security_policy(created: ApplicationCreated) -> None:
    if created.app.registry.queryUtility(ISecurityPolicy) is None:
        msg = (
            "add_devices_page has to know who is asking: set a security policy, or pass user=, such as"
            " user=lambda request: request.session.get('user_id') if the session is the application's only"
            " authentication"
        )
        raise ConfigurationError(msg)
