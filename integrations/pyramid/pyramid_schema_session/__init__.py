"""Pyramid's sessions in a table that can be searched: `config.include("pyramid_schema_session")`.

The settings begin with `schema_session.`: those of the store, as `schema_session_backend` takes them, and
those of `SchemaSessionFactory`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .factory import SchemaSessionFactory
from .session import SchemaSession
from .sessions import UserSessions

if TYPE_CHECKING:
    from pyramid.config import Configurator

__all__ = ["SchemaSession", "SchemaSessionFactory", "UserSessions", "includeme"]


def includeme(config: Configurator) -> None:
    """Use the session factory that the settings describe, and give requests `schema_sessions`.

    Raises:
        ConfigurationError: naming a setting that is none, or that cannot work.
    """
    factory = SchemaSessionFactory.from_settings(config.get_settings())
    config.set_session_factory(factory)
    config.add_request_method(factory.sessions, "schema_sessions", reify=True)
