"""An application's server, and the browsers that talk to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from servers import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from .applications import Application

STARTING_TAKES: Final = 60.0
"""Seconds after which a server that does not answer is given up."""
PATIENCE: Final = 15_000
"""Milliseconds that a page may take."""


class ApplicationBroken(Exception):
    """An application did not start; the message has what it printed."""


@contextmanager
def serving(application: Application, sessions: str) -> Iterator[str]:
    """The application on its real server, with data of its own that is new; gives its address.

    Args:
        application: which one.
        sessions: the URL of the database for its sessions.

    Raises:
        ApplicationBroken: if it does not start.
    """
    shutil.rmtree(application.data, ignore_errors=True)
    application.data.mkdir(parents=True)
    port, log = free_port(), application.data / "server.log"
    with log.open("w") as printed:
        for command in application.prepare:
            done = _start(application, command, port, sessions, printed).wait(STARTING_TAKES)
            if done != 0:
                raise ApplicationBroken(log.read_text())
        server = _start(application, application.serve, port, sessions, printed)
        try:
            _wait_for(server, port)
            yield f"http://{HOST}:{port}"
        except TimeoutError:
            raise ApplicationBroken(log.read_text()) from None
        finally:
            server.terminate()
            server.wait()


def _start(application, command, port, sessions, printed):
    program, *arguments = command
    # In an ini file, a % is doubled.
    values = {
        "configuration": application.configuration,
        "port": port,
        "sessions": sessions.replace("%", "%%"),
    }
    return subprocess.Popen(
        [application.programs / program, *(argument.format(**values) for argument in arguments)],
        cwd=application.data,
        env=os.environ | {"PYTHONPATH": str(application.configuration), "SESSIONS": sessions},
        stdout=printed,
        stderr=subprocess.STDOUT,
    )


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + STARTING_TAKES
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError


class Client:
    """A person's browser, on a device of its own."""

    def __init__(self, chromium: Browser, address: str, application: Application) -> None:
        self._chromium = chromium
        self._address = address
        self._application = application
        self._page = self._opened([])

    def sign_in(self, *, remember: bool = True) -> None:
        """Sign in by the application's own form.

        Args:
            remember: whether the browser remembers the login when it is closed, if the form asks that.
        """
        self._page.goto(self._application.page, wait_until="domcontentloaded")
        if self._application.remember_me is not None:
            self._page.locator(self._application.remember_me).set_checked(remember)
        self._application.sign_in(self._page)
        self._page.locator(self._application.signed_in).first.wait_for()

    def is_in(self) -> bool:
        """Whether a page for users only is shown, and not the login page."""
        self._page.goto(self._application.page, wait_until="domcontentloaded")
        signed_in = self._page.locator(self._application.signed_in).first
        signed_in.or_(self._page.locator(self._application.login_form)).first.wait_for()
        return signed_in.is_visible()

    def restart(self) -> None:
        """Close the browser and open it again: it keeps only cookies that have an end."""
        cookies = [cookie for cookie in self._page.context.cookies() if cookie.get("expires", -1) != -1]
        self._page.context.close()
        self._page = self._opened(cookies)

    def _opened(self, cookies) -> Page:
        context = self._chromium.new_context(base_url=self._address)
        context.set_default_timeout(PATIENCE)
        context.add_cookies(cookies)
        return context.new_page()
