"""SQLAlchemy engines for stores that are given a URL."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import NullPool, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, make_url

from ..errors import ConfigurationError, MissingDependency
from .vendors import vendor_of

if TYPE_CHECKING:
    from sqlalchemy import Engine


def new_engine(database_url: URL | str, timeout: float, deadline: float) -> Engine:
    """An engine for one store.

    Args:
        database_url: the database's URL.
        timeout: seconds to wait for a connection.
        deadline: seconds that a statement may take.

    Raises:
        ConfigurationError: for a URL that cannot be used.
        MissingDependency: naming the extra that installs the URL's driver.
    """
    try:
        url = make_url(database_url)
    except (sa_exc.ArgumentError, ValueError):  # ValueError for a port that is no number
        url = None
    # Raise outside of the handler: the cause quotes the URL, which may have a password.
    if not isinstance(url, URL):  # some versions of make_url return anything else as it is
        msg = (
            "the database's URL cannot be understood; it looks like"
            " postgresql+psycopg://user:password@host/name or sqlite:///sessions.db"
        )
        raise ConfigurationError(msg)
    vendor = vendor_of(url)
    try:
        # Look the function up in its module, because OpenTelemetry and the like replace it there.
        engine = sqlalchemy.create_engine(
            url,
            **{
                # No pool: the store's slots keep their connections open, see connections.py.
                "poolclass": NullPool,
                # Keep the values of sessions out of logs and exceptions.
                "hide_parameters": True,
                "logging_name": "schema_session_backend",
                **vendor.engine_options(url, timeout),
            },
        )
    except (ImportError, sa_exc.NoSuchModuleError):
        engine = None
    if engine is None:
        msg = f"the driver for {url.drivername}:// is not installed"
        drivers = " or ".join(f"{name}://" for name in vendor.drivers)
        if vendor.extra is None:
            raise ConfigurationError(f"{msg}; Python brings the one for {drivers}")
        if url.drivername not in vendor.drivers:
            msg += f": start the URL with {drivers} for the driver of the extra {vendor.extra!r}"
        raise MissingDependency(msg, extra=vendor.extra)
    if isinstance(engine.logger, logging.Logger):
        engine.logger.addFilter(_without_rows)
    event.listen(engine, "connect", lambda connection, _record: vendor.on_connect(connection, deadline))
    return engine


def _without_rows(record: logging.LogRecord) -> bool:
    """Filter out the rows, which hold sessions: SQLAlchemy logs them as DEBUG, and statements as INFO."""
    return record.levelno > logging.DEBUG
