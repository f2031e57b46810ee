"""What differs between the databases, each difference a small named hook; one module per database."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from ...errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from .base import Vendor

_MODULES: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "mysql": "mariadb",
    "mariadb": "mariadb",
}
# How other tools write it: libpq, Heroku, Ruby and the drivers' own names.
_ELSEWHERE: Final = {
    "pg": "postgresql",
    "pgsql": "postgresql",
    "postgres": "postgresql",
    "psql": "postgresql",
    "psycopg": "postgresql",
    "mysql2": "mariadb",
    "pymysql": "mariadb",
    "file": "sqlite",
    "sqlite3": "sqlite",
}


def vendor_of(url: URL) -> Vendor:
    """The hooks for the database that a URL names; a database's module is imported when it is used.

    Raises:
        ConfigurationError: for a database that this package does not know.
    """
    backend = url.get_backend_name()
    if backend in _MODULES:
        return _vendor(_MODULES[backend])
    meant = {**_MODULES, **_ELSEWHERE}.get(backend.lower())
    if meant is not None:
        start = _vendor(meant).drivers[0]
        msg = f"no database's URL starts with {url.drivername}://: write {start}:// instead"
    else:
        msg = f"no sessions on {backend!r}: the URL has to start with sqlite, postgresql or mariadb"
    raise ConfigurationError(msg)


def _vendor(module: str) -> Vendor:
    vendor: Vendor = import_module(f".{module}", __name__).VENDOR
    return vendor
