"""Pyramid's sessions in a table that can be searched: `config.include("pyramid_schema_session")`.

The settings begin with `schema_session.`; they are the options of the store and of `SchemaSessionFactory`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyramid.events import ApplicationCreated
from pyramid.interfaces import IRequestExtensions, IRequestFactory, ISessionFactory
from pyramid.request import Request

from schema_session_backend import ConfigurationError, StoreUnavailable
from schema_session_backend._spelling import did_you_mean

from .factory import PREFIX, SchemaSessionFactory
from .session import SchemaSession
from .sessions import UserSessions
from .tickets import warn_of_tickets

if TYPE_CHECKING:
    from pyramid.config import Configurator
    from pyramid.registry import Registry

    from schema_session_backend.devices import DevicesPage

__all__ = ["SchemaSession", "SchemaSessionFactory", "UserSessions", "includeme"]

_ONE_FACTORY = "keep either the include or the other's set_session_factory (or session_factory=)"
_log = logging.getLogger("schema_session_backend")


def includeme(config: Configurator) -> None:
    """Use the session factory that the settings of `config` describe, and give requests `schema_sessions`.

    Raises:
        ConfigurationError: naming a setting that is unknown or cannot work, or another session factory that
            the application has. One that replaces this later is an error when the application is made.
    """
    other = config.registry.queryUtility(ISessionFactory)
    if other is not None:
        msg = f"include pyramid_schema_session would replace {_name(other)}: {_ONE_FACTORY}"
        raise ConfigurationError(msg)
    factory = SchemaSessionFactory.from_settings(config.get_settings())
    config.set_session_factory(factory)
    config.add_request_method(factory.sessions, "schema_sessions", reify=True)

    def add_devices_page(config: Configurator, path: str = "/devices", **options: Any) -> DevicesPage:
        """See `devices.add_devices_page`."""
        # Imported here, because the page needs the extra `devices`, which not every application installs.
        from . import devices  # noqa: PLC0415

        return devices.add_devices_page(config, factory, path, **options)

    config.add_directive("add_devices_page", add_devices_page, action_wrap=False)
    config.add_subscriber(lambda created: _prepare(created.app.registry, factory), ApplicationCreated)


def _prepare(registry: Registry, factory: SchemaSessionFactory) -> None:
    """Check at start what would otherwise go unnoticed, or fail inside a request's transaction."""
    used = registry.queryUtility(ISessionFactory)
    if used is not factory:
        msg = f"{_name(used)} has replaced the factory of pyramid_schema_session: {_ONE_FACTORY}"
        raise ConfigurationError(msg)
    warn_of_tickets(registry)
    if factory.dbsession is None:
        return
    for name in ("tm", factory.dbsession):
        _require_attribute(registry, name)
    # Once a transaction has written, SQLite lets no other connection create the table.
    try:
        factory.store.wait_for_sync()
    except StoreUnavailable as error:
        _log.warning("the sessions' table will be checked at the first request: %s", error)


def _name(factory: object) -> str:
    named = factory if hasattr(factory, "__qualname__") else type(factory)
    return f"{named.__module__}.{named.__qualname__}"


def _require_attribute(registry: Registry, name: Any) -> None:
    extensions = registry.queryUtility(IRequestExtensions)
    added = {*extensions.methods, *extensions.descriptors}
    if name in added or hasattr(registry.queryUtility(IRequestFactory, default=Request), name):
        return
    advice = "include pyramid_tm" if name == "tm" else did_you_mean(name, added)
    msg = f"{PREFIX}transactional needs request.{name}, and no request method has that name: {advice}"
    raise ConfigurationError(msg)
