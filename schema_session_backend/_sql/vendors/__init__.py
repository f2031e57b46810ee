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


def vendor_of(url: URL) -> Vendor:
    """The hooks for the database that a URL names; a database's module is imported when it is used.

    Raises:
        ConfigurationError: for a database that this package does not know.
    """
    backend = url.get_backend_name()
    if backend not in _MODULES:
        msg = f"no sessions on {backend!r}: the URL has to start with sqlite, postgresql or mariadb"
        raise ConfigurationError(msg)
    vendor: Vendor = import_module(f".{_MODULES[backend]}", __name__).VENDOR
    return vendor
