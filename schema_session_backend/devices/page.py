"""`DevicesPage`: the WSGI application, its options and its routes."""

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
from .http import SESSIONS_PATH, Refused, Request, Response, json_response, limit_body
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
    """Shows users the devices where they are signed in, and lets them sign out any of these devices.

    A WSGI application, which can be mounted at any path of another application. Only `visitor` decides who
    the user is. Users see and end the sessions of the same user, and no others.

    Args:
        store: the store of the sessions. With `timestamps`, the page shows when a device signed in, and when
            it was last seen.
        visitor: returns the visitor of a request's WSGI environment; None if nobody is signed in.
        administers: returns whether that visitor may see and end the sessions of all users, at `/admin`. By
            default nobody may.
        sign_in_url: the address to which visitors are redirected who are not signed in.
        home_url: the address of the page's link back to the site; None for no link.
        device_field: the session's key for the name of the device.
        user_agent_field: the session's key for the browser's user agent. If it is there, the page derives the
            name of the device from it.
        ip_field: the session's key for the IP address, which is shown without a place.
        place_field: the session's key for the name of the place.
        texts: the page's texts, or a function that returns them for a WSGI environment.
        templates: a directory, or a loader of Jinja2, with templates that replace templates of this package:
            `devices.html`, `admin.html`, `message.html` and their `base.html`.
        origins: further origins whose pages may send forms to this page, such as
            `https://account.example.com`.
        connection: returns a context manager for a WSGI environment. Its value is the SQLAlchemy `Connection`
            or ORM `Session` in whose transaction sessions are ended, or None. By default, sessions are ended
            in a transaction of the store's own.

    Raises:
        ConfigurationError: for an option that cannot work, and for a store whose handles are session ids.
        WrongArgument: if `store` is no `SessionStore`.
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
        def open_store(request: Request) -> Iterator[SessionStore]:
            with nullcontext() if connection is None else connection(request.environ) as joined:
                yield store if joined is None else store.within(joined)

        fields = {
            "device": device_field,
            "user_agent": user_agent_field,
            "ip": ip_field,
            "place": place_field,
        }
        devices = Devices(store, renderer, open_store, fields)
        admin = Admin(store, renderer, open_store)
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
        limit_body(environ)
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
        """Add this page to a site.

        Args:
            site: the WSGI application of the site.
            path: the path of the page, such as `/devices`.

        Returns:
            a WSGI application: the page at its path, and the site at all other paths.

        Raises:
            ConfigurationError: for an empty path.
        """
        mount = wsgi_text(mount_path(path))

        def application(environ: Environ, start_response: Any) -> Any:
            requested = environ.get("PATH_INFO", "")
            if requested != mount and not requested.startswith(f"{mount}/"):
                return site(environ, start_response)
            return self(mounted_at(environ, mount), start_response)

        return application

    def _answer(self, request: Request) -> Response:
        if request.path not in self._routes:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found")
        methods, view = self._routes[request.path]
        if request.method not in methods:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "not_understood", Allow=", ".join(methods))
        return view(request)

    def _refusal(self, request: Request, error: HTTPException) -> Response:
        # Werkzeug raises errors of its own, for example for a body that is too long or incomplete.
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
