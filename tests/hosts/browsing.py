"""A small site on a host's real middleware, its visitors' browsers, and requests at the same time."""

from __future__ import annotations

import http.cookies
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar

from webtest import TestApp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Do = Callable[[Any], Any]
    """What a request does with the host's session."""

PATIENCE = 30
LOGIN = {"user_id": 42, "device": "phone", "cart": [1]}
JUNK_COOKIES = {
    "empty": b"",
    "blank": b'" "',
    "NUL": b'"\\000abc"',
    "not ASCII": b'"\\303\\251"',
    "too long": b"a" * 256,
    "10 KB": b"a" * 10_000,
    "quotes": b'"\\"; DROP TABLE sessions; --"',
    "UTF-8": "é😀".encode(),
    "bytes": bytes(range(128, 256)),
    "a signature of nothing": b"0" * 40,
    "twice": b"z; beaker.session.id=y",
    "attributes": b"z; Path=/; Domain=x; $Version=1; HttpOnly; expires=never",
    "a name that Beaker takes for illegal": b"z; c:d=e; f,g=h; ;=;",
}
"""What may stand in a Cookie header after a cookie's name and the sign =."""


class Site(ABC):
    """A site that does with its session what a request's `environ["site.do"]` says."""

    cookie: ClassVar[str]
    """The name of the session's cookie."""

    application: Any

    def browser(self, cookie: str | None = None) -> Browser:
        """A browser without a cookie, or with the cookie of another browser."""
        browser = Browser(self)
        if cookie is not None:
            browser.cookie = cookie
        return browser

    @classmethod
    def saving(cls, *, without: Sequence[str] = (), **changes: Any) -> Do:
        """A request that changes the session, takes keys out of it, and saves it."""

        def do(session: Any) -> None:
            session.update(changes)
            for key in without:
                del session[key]
            cls.save(session)

        return do

    @classmethod
    def renewing(cls, **changes: Any) -> Do:
        """A request that gives the session a new id, as a login does, changes it and saves it."""

        def do(session: Any) -> None:
            cls.new_id(session)
            session.update(changes)
            cls.save(session)

        return do

    @staticmethod
    @abstractmethod
    def save(session: Any) -> None:
        """Save the session in the way of the host's documentation."""

    @staticmethod
    @abstractmethod
    def end(session: Any) -> None:
        """Log out."""

    @staticmethod
    @abstractmethod
    def new_id(session: Any) -> None:
        """Keep the session under a new id."""

    @staticmethod
    def remember(session: Any, max_age: float | None) -> None:
        """Have the session live that long after each use; with None no longer."""
        session.remember(max_age)

    @staticmethod
    def keep_expiry(session: Any) -> None:
        """Have the request not renew the session."""
        session.keep_expiry()

    @staticmethod
    @abstractmethod
    def sid(session: Any) -> str:
        """The session's id, as the store knows it."""


class Browser:
    """A browser that keeps its cookies."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._app = TestApp(site.application)
        self.sent_cookie: str | None = None
        """How the last answer set or removed the session's cookie."""

    def visit(self, do: Do, path: str = "/") -> Any:
        """Make a request; returns what `do` returns."""
        results = []
        answer = self._app.get(path, extra_environ={"site.do": lambda session: results.append(do(session))})
        sent = answer.headers.getall("Set-Cookie")
        ours = [cookie for cookie in sent if cookie.strip().startswith(f"{self._site.cookie}=")]
        self.sent_cookie = ours[0] if ours else None
        return results[0]

    @property
    def was_sent_cookie(self) -> bool:
        """Whether the last answer set or removed the session's cookie."""
        return self.sent_cookie is not None

    @property
    def cookie_lasts(self) -> float | None:
        """Seconds that a browser keeps the cookie of the last answer; None until it is closed."""
        assert self.sent_cookie is not None
        attributes = http.cookies.SimpleCookie(self.sent_cookie)[self._site.cookie]
        if attributes["max-age"]:
            return float(attributes["max-age"])
        expires = attributes["expires"].replace("-", " ")
        return parsedate_to_datetime(expires).timestamp() - time.time() if expires else None

    def log_in(self, **more: Any) -> None:
        """Sign in as user 42."""
        changes: dict[str, Any] = {**LOGIN, **more}
        self.visit(self._site.saving(**changes))

    def log_out(self) -> None:
        """Sign out."""
        self.visit(self._site.end)

    def data(self) -> dict[str, Any]:
        """What the application put into the session."""
        return self.visit(lambda session: {key: value for key, value in session.items() if key[0] != "_"})

    def sid(self) -> str:
        """The session's id, as the store knows it."""
        return self.visit(self._site.sid)

    @property
    def cookie(self) -> str:
        """The session's cookie."""
        # WebTest keeps the quotes that it puts around.
        return self._app.cookies.get(self._site.cookie, "").strip('"')

    @cookie.setter
    def cookie(self, value: str) -> None:
        self._app.reset()
        self._app.set_cookie(self._site.cookie, value)

    def send(self, cookie: bytes, do: Do = dict) -> Any:
        """Make a request with a Cookie header as it is; returns what `do` returns, else what the session has.

        The browser keeps the cookies of the answer.
        """
        results = []
        environ = {
            "HTTP_COOKIE": cookie.decode("latin-1"),
            "site.do": lambda session: results.append(do(session)),
        }
        app = TestApp(self._site.application)
        app.get("/", extra_environ=environ)
        self._app = app
        return results[0]


@contextmanager
def in_flight(browser: Browser, do: Do) -> Iterator[None]:
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


def at_once(site: Site, cookie: str, works: Sequence[Do]) -> None:
    """Requests of one session in threads: all have read it before any of them goes on."""
    all_read = threading.Barrier(len(works))

    def request(work: Do) -> None:
        def do(session: Any) -> None:
            session.get("user_id")
            all_read.wait(PATIENCE)
            work(session)

        site.browser(cookie).visit(do)

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(request, works))
