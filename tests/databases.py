"""The databases that every contract runs on; a new database is one more line in `DATABASES`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from servers import ServerMissing, mariadb_url, postgresql_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _on_server(url: Callable[[], str]) -> Callable[[Path], str]:
    def find(_directory: Path) -> str:
        try:
            return url()
        except ServerMissing as missing:
            if os.environ.get("CI"):
                pytest.fail(f"no database server: {missing}", pytrace=False)
            pytest.skip(f"NO DATABASE SERVER: {missing}")

    return find


DATABASES: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda directory: f"sqlite:///{directory}/sessions.db",
    "postgresql": _on_server(postgresql_url),
    "mariadb": _on_server(mariadb_url),
}
