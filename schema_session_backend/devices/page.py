"""`DevicesPage`: the WSGI application, its options and its addresses."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from werkzeug.exceptions import HTTPException

from ..errors import AccessDenied, ConfigurationError, StoreUnavailable
from .access import Access
from .admin import Admin
from .arguments import require_store
from .devices import Devices
from .http import SESSIONS_PATH, Refused, Request, Response, json_response
from .mounting import mount_path, mounted_at, wsgi_text
from .rendering import STATIC_FILES, Renderer, static_file
from .texts import Texts

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable, Iterator
    from contextlib import AbstractContextManager

    from jinja2 import BaseLoader

    from ..store import SessionStore
    from .visitor import Visitor

    Environ = dict[str, Any]
    Route = tuple[tuple[str, ...], Callable[[Request], Response]]

_GET: Final = ("GET", "HEAD")
_POST: Final = ("POST",)
_log = logging.getLogger("schema_session_backend")


class DevicesPage:
    """Shows people where they are signed in, and lets them sign out any of these devices.

    A WSGI application, to be mounted in another one, at any path. `visitor` alone decides who sees what:
    people see and end the sessions that have the same user as their own, and no others.

    Args:
        store: where the sessions are; with `timestamps` the page tells when a device signed in, and when it
            was last seen.
        visitor: tells from a request's WSGI environment who is asking; None for nobody.
        administers: tells whether that visitor may see and end everybody's sessions, at `/admin`; nobody may
            unless it says so.
        sign_in_url: where visitors go who are not signed in.
        home_url: where the page leads back to.
        device_field: the key of a session that has its device in words.
        user_agent_field: the key that has the browser's user agent, which the page puts into words.
        ip_field: the key that has its address.
        place_field: the key that has its place in words.
        texts: other words, or a function that chooses them for a WSGI environment.
        templates: a directory, or a loader of Jinja2's, whose templates come before those of this package:
            `devices.html`, `admin.html`, `message.html` and their `base.html`.
        origins: further origins whose pages may send forms here, such as `https://account.example.com`.
        connection: gives for a WSGI environment a context manager with the SQLAlchemy `Connection` or ORM
            `Session` in whose transaction sessions are ended, or None; without it, each end is a
            transaction of its own.

    Raises:
        ConfigurationError: for an option that cannot work, such as a store whose handles are session ids.
        WrongArgument: for a store that is none.
    """

    def __init__(  # noqa: PLR0913 - each is an option with its default in sight
        self,
        store: SessionStore,
        visitor: Callable[[Environ], Visitor | None],
        *,
        administers: Callable[[Environ], bool] | None = None,
        sign_in_url: str | None = None,
        home_url: str | None = "/",
        device_field: str = "device",
        user_agent_field: str = "user_agent",
        ip_field: str = "ip",
        place_field: str = "place",
        texts: Texts | Callable[[Environ], Texts] | None = None,
        templates: str | os.PathLike[str] | BaseLoader | None = None,
        origins: Collection[str] = (),
        connection: Callable[[Environ], AbstractContextManager[Any]] | None = None,
    ) -> None:
        require_store(store, "DevicesPage")
        if not store.hash_sid:
            msg = "with hash_sid=False handles are session ids, which no page may show: leave it on"
            raise ConfigurationError(msg)
        self.store = store
        access = Access(visitor, administers or (lambda _environ: False), origins, sign_in_url)
        renderer = Renderer(texts or Texts(), templates, home_url=home_url, sign_in_url=sign_in_url)

        @contextmanager
        def ending(request: Request) -> Iterator[SessionStore]:
            with nullcontext() if connection is None else connection(request.environ) as joined:
                yield store if joined is None else store.within(joined)

        fields = {"words": device_field, "user_agent": user_agent_field, "ip": ip_field, "place": place_field}
        devices = Devices(store, renderer, ending, fields)
        admin = Admin(store, renderer, ending)
        self._renderer = renderer
        self._routes: dict[str, Route] = {
            "/": (_GET, access.for_visitors(devices.show)),
            SESSIONS_PATH: (_GET, access.for_visitors(devices.show_json)),
            "/sign-out": (_POST, access.for_visitors(devices.sign_out)),
            "/sign-out-others": (_POST, access.for_visitors(devices.sign_out_others)),
            "/admin": (_GET, access.for_administrators(admin.show)),
            "/admin/sign-out": (_POST, access.for_administrators(admin.sign_out)),
            **{f"/static/{name}": (_GET, static_file) for name in STATIC_FILES},
        }

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request, as a WSGI application does."""
        request = Request(environ)
        try:
            response = self._answer(request)
        except HTTPException as error:
            response = self._refusal(request, error)
        except (StoreUnavailable, AccessDenied) as error:
            _log.error("the devices page: %s", error)
            response = self._refusal(request, Refused(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"))
        return response(environ, start_response)

    def mounted_in(self, site: Any, path: str) -> Any:
        """A WSGI application that is `site`, with this page at a path.

        Args:
            site: a WSGI application.
            path: such as `/devices`.

        Raises:
            ConfigurationError: for an empty path.
        """
        mount = wsgi_text(mount_path(path))

        def application(environ: Environ, start_response: Any) -> Any:
            asked = environ.get("PATH_INFO", "")
            if asked != mount and not asked.startswith(f"{mount}/"):
                return site(environ, start_response)
            return self(mounted_at(environ, mount), start_response)

        return application

    def _answer(self, request: Request) -> Response:
        if request.path not in self._routes:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found")
        methods, answer = self._routes[request.path]
        if request.method not in methods:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "not_understood", Allow=", ".join(methods))
        return answer(request)

    def _refusal(self, request: Request, error: HTTPException) -> Response:
        # Werkzeug has errors of its own, for a body that is too long or breaks off.
        refused = error if isinstance(error, Refused) else Refused(error.code or 400, "not_understood")
        status, problem = refused.status, refused.problem
        message = getattr(self._renderer.texts(request), problem)
        if request.wants_json:
            response = json_response({"error": message}, status)
        else:
            values = {"message": message, "problem": problem}
            response = self._renderer.render(request, "message.html", status=status, **values)
        response.headers.update(refused.headers)
        return response
