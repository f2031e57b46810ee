"""A WSGI site on Beaker's real middleware, in which each request does what the test tells it to."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from beaker.middleware import SessionMiddleware
from webtest import TestApp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

PATIENCE = 30
LOGIN = {"user_id": 42, "device": "phone", "cart": [1]}


class Site:
    """A site with settings for Beaker."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.application = SessionMiddleware(_answer, settings)

    def browser(self, cookie: str | None = None) -> Browser:
        """A browser that has not been here, or that has another one's cookie."""
        browser = Browser(self)
        if cookie is not None:
            browser.cookie = cookie
        return browser


class Browser:
    """A browser that keeps its cookies."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._app = TestApp(site.application)

    def visit(self, do: Callable[[Any], Any]) -> Any:
        """Make a request in which `do` gets Beaker's session; returns what it returns."""
        results = []
        environ = {"site.do": lambda session: results.append(do(session))}
        self._app.get("/", extra_environ=environ)
        return results[0]

    def log_in(self, **more: Any) -> None:
        """Sign in as user 42."""
        self.visit(lambda session: [session.update(LOGIN | more), session.save()])

    def data(self) -> dict[str, Any]:
        """What the application put into the session."""
        return self.visit(lambda session: {key: value for key, value in session.items() if key[0] != "_"})

    def sid(self) -> str:
        """The session's id, as the site sees it."""
        return self.visit(lambda session: session.id)

    @property
    def cookie(self) -> str:
        """The session's cookie."""
        # WebTest keeps the quotes that it puts around.
        return self._app.cookies.get("beaker.session.id", "").strip('"')

    @cookie.setter
    def cookie(self, value: str) -> None:
        self._app.reset()
        self._app.set_cookie("beaker.session.id", value)

    def send(self, cookie: bytes) -> Any:
        """Make a request with a Cookie header as it is; returns what the session has."""
        results = []
        environ = {
            "HTTP_COOKIE": cookie.decode("latin-1"),
            "site.do": lambda session: results.append(dict(session)),
        }
        TestApp(self._site.application).get("/", extra_environ=environ)
        return results[0]


@contextmanager
def in_flight(browser: Browser, do: Callable[[Any], Any]) -> Iterator[None]:
    """A request in a thread of its own, whose session is read before the block and `do` called after it."""
    read, go_on = threading.Event(), threading.Event()

    def read_wait_do(session: Any) -> None:
        session.get("user_id")
        read.set()
        assert go_on.wait(PATIENCE)
        do(session)

    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(browser.visit, read_wait_do)
        try:
            assert read.wait(PATIENCE), request.exception(0)
            yield
        finally:
            go_on.set()
        request.result(PATIENCE)


def at_once(site: Site, cookie: str, works: Sequence[Callable[[Any], Any]]) -> None:
    """Requests of one session in threads: all have read it before any of them goes on."""
    all_read = threading.Barrier(len(works))

    def request(work: Callable[[Any], Any]) -> None:
        def do(session: Any) -> None:
            session.get("user_id")
            all_read.wait(PATIENCE)
            work(session)

        site.browser(cookie).visit(do)

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(request, works))


def _answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ["site.do"](environ["beaker.session"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
