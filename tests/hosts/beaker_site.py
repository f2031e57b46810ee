"""A WSGI site on Beaker's real middleware, in which each request does what the test tells it to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beaker.middleware import SessionMiddleware
from webtest import TestApp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LOGIN = {"user_id": 42, "device": "phone", "cart": [1]}


class Site:
    """A site with settings for Beaker."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.application = SessionMiddleware(_answer, settings)

    def browser(self) -> Browser:
        """A browser that has not been here."""
        return Browser(self)


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


def _answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ["site.do"](environ["beaker.session"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
