"""Making an engine of a URL."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import NullPool, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import make_url

from ..errors import ConfigurationError, MissingDependency
from .vendors import vendor_of

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL


def new_engine(given: URL | str, timeout: float) -> Engine:
    """An engine for a store alone.

    Args:
        given: the database's URL.
        timeout: seconds that connecting may take.

    Raises:
        ConfigurationError: for a URL that cannot be used.
        MissingDependency: naming the extra that installs the URL's driver.
    """
    try:
        url = make_url(given)
    except (sa_exc.ArgumentError, ValueError):  # the latter for a port that is no number
        url = None
    if url is None:
        msg = (
            "the database's URL cannot be understood; it looks like"
            " postgresql+psycopg://user:password@host/name or sqlite:///sessions.db"
        )
        raise ConfigurationError(msg)
    vendor = vendor_of(url)
    try:
        # By its module, where OpenTelemetry and its like put one that tells of each engine.
        engine = sqlalchemy.create_engine(
            url,
            **{
                # Slots stay open instead: see connections.py.
                "poolclass": NullPool,
                # Logs and exceptions hold no session's values.
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
    event.listen(engine, "connect", lambda connection, _record: vendor.on_connect(connection))
    return engine


def _without_rows(record: logging.LogRecord) -> bool:
    """SQLAlchemy logs statements as INFO, but as DEBUG the rows, which are sessions."""
    return record.levelno > logging.DEBUG
