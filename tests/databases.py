"""The databases that every contract runs on; a new database is a line in `DATABASES`, or in `SERVERS`.

`TEST_DATABASES=sqlite,postgresql` runs the tests on those only. Tests of the others are deselected, and no
server is looked for that no test needs. `TEST_DRIVERS=psycopg2,mysqldb` runs them with these drivers, and on
the databases of these only; `TEST_DRIVERS=pgbouncer` runs those of PostgreSQL through PgBouncer.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pytest
from sqlalchemy import make_url

from servers import SERVERS, ServerMissing, pgbouncer_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import URL

# Drivers beside those of the extras, and what else leads to a database, with the databases that they are for.
DRIVERS = {"psycopg2": "postgresql", "mysqldb": "mariadb", "pgbouncer": "postgresql"}


def chosen_drivers() -> dict[str, str]:
    """The drivers that `TEST_DRIVERS` chooses, by their databases; empty where it is not set.

    Raises:
        pytest.UsageError: if a name is unknown, or two are for the same database.
    """
    names = [name.strip() for name in os.environ.get("TEST_DRIVERS", "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in DRIVERS]:
        msg = f"TEST_DRIVERS has {unknown[0]!r}, which is no driver: it takes {', '.join(DRIVERS)}"
        raise pytest.UsageError(msg)
    drivers = {DRIVERS[name]: name for name in names}
    if len(drivers) < len(names):
        msg = f"TEST_DRIVERS has several for one database: {', '.join(names)}"
        raise pytest.UsageError(msg)
    return drivers


def _with_driver(url: str, driver: str | None) -> str:
    if driver is None:
        return url
    if driver == "pgbouncer":
        return pgbouncer_url()
    parsed = make_url(url)
    other = parsed.set(drivername=f"{parsed.get_backend_name()}+{driver}")
    # An option of PyMySQL's.
    return other.difference_update_query(["ssl_disabled"]).render_as_string(hide_password=False)


def _on_server(name: str, url: Callable[[], str]) -> Callable[[Path], str]:
    def find(_directory: Path) -> str:
        try:
            return _with_driver(url(), chosen_drivers().get(name))
        except ServerMissing as missing:
            do_without(missing)

    return find


def do_without(missing: ServerMissing) -> NoReturn:
    """Skip the test, or fail it on CI."""
    if os.environ.get("CI"):
        pytest.fail(f"no database server: {missing}", pytrace=False)
    pytest.skip(f"NO DATABASE SERVER: {missing}")


DATABASES: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda directory: f"sqlite:///{directory}/sessions.db",
    **{name: _on_server(name, url) for name, url in SERVERS.items()},
}

PGBOUNCER = "postgresql, pgbouncer"
"""The name for `through_pgbouncer` in tests."""
through_pgbouncer = _on_server("postgresql", pgbouncer_url)
"""The URL of the database `postgresql` through PgBouncer."""


def is_pooled(url: URL | str) -> bool:
    """Whether a URL leads through the tests' PgBouncer."""
    there = os.environ.get("TEST_PGBOUNCER_URL")
    return there is not None and make_url(url).port == make_url(there).port


def chosen_databases() -> list[str]:
    """The names of the databases that `TEST_DATABASES` or `TEST_DRIVERS` chooses; all where neither is set.

    Raises:
        pytest.UsageError: if a name is unknown, or on CI, whose result has to count for every database.
    """
    chosen = os.environ.get("TEST_DATABASES")
    if not chosen:
        drivers = chosen_drivers()
        return [name for name in DATABASES if not drivers or name in drivers]
    if os.environ.get("CI"):
        raise pytest.UsageError("TEST_DATABASES leaves databases out, which CI must not: unset it")
    names = [name.strip() for name in chosen.split(",")]
    if unknown := [name for name in names if name not in DATABASES]:
        msg = f"TEST_DATABASES has {unknown[0]!r}, which is no database: it takes {', '.join(DATABASES)}"
        raise pytest.UsageError(msg)
    return [name for name in DATABASES if name in names]
