"""A real server for a host's application, and a visitor who talks to it by HTTP.

The server is gunicorn, by default with two processes of four threads each; the store is made before they
fork.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from schema_session_backend import SessionStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATIENCE = 30
THREADS = ("--workers=2", "--threads=4")
HERE = Path(__file__).parent


def store_of_environment() -> SessionStore:
    """The store that the environment names, for an application."""
    store = SessionStore(
        os.environ["STORE_URL"],
        schemas="user_id Integer index; device String(50); ip String(45)",
        table_name=os.environ["STORE_TABLE"],
        timestamps=True,
    )
    store.wait_for_sync()
    return store


def wait_for(path: Path) -> None:
    """Wait until a file exists: processes signal each other with files here."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, path.name
        time.sleep(0.005)


@contextmanager
def serving(
    module: str, url: str, table_name: str, *, workers: Sequence[str] = THREADS, create: str = "create_app()"
) -> Iterator[str]:
    """A server of what a call of a function in a module makes; gives its address."""
    command = [sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:0", *workers]
    environ = {
        **os.environ,
        "STORE_URL": url,
        "STORE_TABLE": table_name,
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
    }
    with subprocess.Popen(
        [*command, "--preload", "--no-control-socket", f"{module}:{create}"],
        env=environ, cwd=HERE, stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stderr is not None
        told = []
        try:
            for line in server.stderr:
                told.append(line)
                found = re.search(r"Listening at: (http://\S+)", line)
                if found:
                    yield found[1]
                    break
            else:
                raise AssertionError("".join(told))
        finally:
            server.terminate()


class Visitor:
    """A visitor with cookies of their own, or those of another tab."""

    def __init__(self, address: str, cookies: CookieJar | None = None) -> None:
        self._address = address
        self._cookies = CookieJar() if cookies is None else cookies
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))

    def get(self, path: str, **arguments: str) -> Any:
        """Ask for a page; returns the JSON in the answer."""
        return json.loads(self.get_text(path, **arguments))

    def get_text(self, path: str, **arguments: str) -> str:
        """Ask for a page; returns the answer."""
        with self._opener.open(f"{self._address}{path}?{urlencode(arguments)}", timeout=PATIENCE) as answer:
            text: str = answer.read().decode()
            return text

    @property
    def cookie(self) -> str:
        """The header `Cookie` of this visitor's requests."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies)

    def change(self, **keys: Any) -> Any:
        """Change keys of the session."""
        return self.get("/change", keys=json.dumps(keys))

    def same_cookies(self) -> Visitor:
        """Another tab of the same browser."""
        return Visitor(self._address, self._cookies)

    def other_tab(self) -> Visitor:
        """The same visitor, at the same time."""
        cookies = CookieJar()
        for cookie in self._cookies:
            cookies.set_cookie(cookie)
        return Visitor(self._address, cookies)
