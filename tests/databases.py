"""The databases that every contract runs on; a new database is a line in `DATABASES`, or in `SERVERS`.

`TEST_DATABASES=sqlite,postgresql` runs the tests on those only. Tests of the others are deselected, and no
server is looked for that no test needs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from servers import SERVERS, ServerMissing

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
    **{name: _on_server(url) for name, url in SERVERS.items()},
}


def chosen_databases() -> list[str]:
    """The names of the databases that `TEST_DATABASES` chooses; all of them where it is not set.

    Raises:
        pytest.UsageError: if a name is unknown, or on CI, whose result has to count for every database.
    """
    chosen = os.environ.get("TEST_DATABASES")
    if not chosen:
        return list(DATABASES)
    if os.environ.get("CI"):
        raise pytest.UsageError("TEST_DATABASES leaves databases out, which CI must not: unset it")
    names = [name.strip() for name in chosen.split(",")]
    if unknown := [name for name in names if name not in DATABASES]:
        msg = f"TEST_DATABASES has {unknown[0]!r}, which is no database: it takes {', '.join(DATABASES)}"
        raise pytest.UsageError(msg)
    return [name for name in DATABASES if name in names]
