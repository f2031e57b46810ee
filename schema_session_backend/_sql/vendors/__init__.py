"""What differs between the databases, in one module for each; `Vendor` names the differences."""

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
# Names of the databases in the URLs of other tools: libpq, Heroku, Ruby, and the drivers' own names.
_SYNONYMS: Final = {
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
    """The vendor of the database that a URL names, whose module is imported only then.

    Raises:
        ConfigurationError: for a database that this package does not know.
    """
    backend = url.get_backend_name()
    if backend in _MODULES:
        return _vendor(_MODULES[backend])
    module = {**_MODULES, **_SYNONYMS}.get(backend.lower())
    if module is None:
        msg = f"{backend!r} is not supported: the URL has to start with sqlite, postgresql or mariadb"
    else:
        driver = _vendor(module).drivers[0]
        msg = f"no database's URL starts with {url.drivername}://: write {driver}:// instead"
    raise ConfigurationError(msg)


def _vendor(module: str) -> Vendor:
    vendor: Vendor = import_module(f".{module}", __name__).VENDOR
    return vendor
