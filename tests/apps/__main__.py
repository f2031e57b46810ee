"""`make apps`: tries the store in real applications, each in an environment of its own in build/apps.

For each, two clients sign in, and one is kicked out. What is seen is printed; the command fails where it is
something else. docs/explanation/tried.md tells about it.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from chromium import open_chromium
from playwright.sync_api import Error as PageError

from databases import DATABASES
from packages import NotInstalled
from schema_session_backend import SessionStore
from servers import SERVERS, ServerMissing

from .applications import APPLICATIONS, BUILD
from .serving import ApplicationBroken, serving
from .trial import NotSeen, two_clients

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from .applications import Application


def main() -> None:
    """Read the command line, try the applications, and tell."""
    arguments = argparse.ArgumentParser(prog="make apps", description=__doc__)
    names = [application.name for application in APPLICATIONS]
    arguments.add_argument("--only", action="append", choices=names, help="this one only")
    arguments.add_argument(
        "--database", action="append", choices=DATABASES, help="for the sessions; postgresql if not given"
    )
    given = arguments.parse_args()
    began = time.monotonic()
    try:
        urls = {name: _url(name) for name in given.database or ["postgresql"]}
        with open_chromium() as chromium:
            for application in APPLICATIONS:
                if not given.only or application.name in given.only:
                    for database, url in urls.items():
                        print(f"\n{application.name}, sessions in {database}:", flush=True)
                        _try(application, url, chromium)
    except (ApplicationBroken, NotInstalled, NotSeen, PageError, ServerMissing) as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"\nin {time.monotonic() - began:.0f} s")


def _url(database: str) -> str:
    return SERVERS[database]() if database in SERVERS else f"sqlite:///{BUILD}/sessions.db"


def _try(application: Application, url: str, chromium: Browser) -> None:
    with SessionStore(
        url, schemas=application.schemas, table_name=application.table_name, timestamps=True
    ) as store:
        table = store.repo()
        table.drop(store.engine, checkfirst=True)
        try:
            with serving(application, url) as address:
                for seen in two_clients(application, store, chromium, address):
                    print(f"  - {seen}", flush=True)
        finally:
            table.drop(store.engine, checkfirst=True)


main()
