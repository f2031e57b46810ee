"""`DevicesPage`: the WSGI application, its addresses, and what is done there."""

from __future__ import annotations

import hashlib
import logging
import re
from contextlib import nullcontext
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError, MissingDependency, StoreUnavailable
from ..store import SessionStore
from .admin import Admin
from .devices import Devices
from .exchange import Refused, Request, Response, first, json_response, mount_path, shifted
from .texts import Texts

try:
    from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
except ImportError:
    msg = "the page of devices needs Jinja2"
    raise MissingDependency(msg, extra="devices") from None

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable
    from contextlib import AbstractContextManager

    from .visitor import Visitor

    Environ = dict[str, Any]
    Handler = Callable[[Request], Response]

_STATIC: Final = {"devices.css": "text/css; charset=utf-8", "devices.js": "text/javascript; charset=utf-8"}
_ORIGIN: Final = re.compile(r"https?://[^/?#@\s]+")
_log = logging.getLogger("schema_session_backend")
_FOR_EVER: Final = "public, max-age=31536000, immutable"


class DevicesPage:
    """Shows people where they are signed in, and lets them sign out any of these devices.

    A WSGI application, to be mounted in another one, at any path. Who may be shown to whom, it learns from
    `visitor` alone: people see and end the sessions that have the same user as their own, and no others.

    Args:
        store: where the sessions are; with `timestamps` the page tells since when, and when last seen.
        visitor: tells from a request's WSGI environment who is asking; None for nobody.
        administers: tells whether they may see and end everybody's sessions, at `/admin`; nobody may unless
            it says so.
        sign_in_url: where people go who are not signed in.
        home_url: where the page leads back to.
        device_field: the key of a session that has its device in words.
        user_agent_field: the key that has the browser's user agent, of which the page makes words.
        ip_field: the key that has its address.
        place_field: the key that has its place in words.
        texts: other words, or a function that chooses them for a WSGI environment.
        templates: a directory, or a loader of Jinja2's, whose templates come before those of this package:
            `devices.html`, `admin.html`, `message.html` and their `base.html`.
        origins: further origins whose pages may send forms here, such as `https://account.example.com`.
        connection: gives for a WSGI environment a context manager with the SQLAlchemy `Connection` or ORM
            `Session` in whose transaction sessions are ended, or None; without it, each end is one of its
            own.

    Raises:
        ConfigurationError: for what cannot work, such as a store whose handles are session ids.
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
        if not isinstance(store, SessionStore):
            msg = f"DevicesPage takes a SessionStore, not {type(store).__name__}"
            raise ConfigurationError(msg)
        if not store.hash_sid:
            msg = "with hash_sid=False handles are session ids, which no page may show: leave it on"
            raise ConfigurationError(msg)
        if isinstance(origins, str) or not all(map(_ORIGIN.fullmatch, origins)):
            msg = "origins takes a list of origins, such as ['https://account.example.com']"
            raise ConfigurationError(msg)
        self.store = store
        self._visitor = visitor
        self._administers = administers or (lambda _environ: False)
        self._sign_in_url = sign_in_url
        self._home_url = home_url
        self._texts = texts or Texts()
        self._origins = frozenset(origins)
        self._connection = connection or (lambda _environ: nullcontext())
        self._templates = _templates(templates)
        self._files = {
            name: resources.files(__package__).joinpath("static", name).read_bytes() for name in _STATIC
        }
        # An address of its own for each content, so that it can be kept for ever.
        self._static_paths = {
            name: f"/static/{name}?{hashlib.sha256(file).hexdigest()[:8]}"
            for name, file in self._files.items()
        }
        fields = {"words": device_field, "user_agent": user_agent_field, "ip": ip_field, "place": place_field}
        devices = Devices(self, fields)
        admin = Admin(self)
        handlers: dict[str, dict[str, Handler]] = {
            "/": {"GET": devices.show},
            "/sessions": {"GET": devices.tell},
            "/sign-out": {"POST": devices.sign_out},
            "/sign-out-others": {"POST": devices.sign_out_others},
            "/admin": {"GET": admin.show},
            "/admin/sign-out": {"POST": admin.sign_out},
        }
        self._handlers = handlers | {f"/static/{name}": {"GET": self._static} for name in _STATIC}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request, as WSGI wants it."""
        request = Request(environ)
        try:
            response = self._handler(request)(request)
        except Refused as refused:
            response = self._refusal(request, refused)
        except StoreUnavailable as error:
            _log.error("the page of devices: %s", error)
            response = self._refusal(request, Refused(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"))
        return response.start(start_response, with_body=request.method != "HEAD")

    def mounted_in(self, site: Any, path: str) -> Any:
        """A WSGI application that is `site`, with this page at a path.

        Args:
            site: a WSGI application.
            path: such as `/devices`.
        """
        where = mount_path(path).encode().decode("latin-1")

        def application(environ: Environ, start_response: Any) -> Any:
            asked = environ.get("PATH_INFO", "")
            if asked != where and not asked.startswith(f"{where}/"):
                return site(environ, start_response)
            return self(shifted(environ, where), start_response)

        return application

    # -- for what answers

    def texts(self, request: Request) -> Texts:
        """The words of an answer."""
        return self._texts(request.environ) if callable(self._texts) else self._texts

    def visitor(self, request: Request) -> Visitor:
        """Who is asking.

        Raises:
            Refused: if nobody is signed in.
        """
        visitor = self._visitor(request.environ)
        if visitor is not None and visitor.is_somebody:
            return visitor
        is_page = request.method in {"GET", "HEAD"} and not _is_for_a_program(request)
        if self._sign_in_url is not None and is_page:
            raise Refused(HTTPStatus.SEE_OTHER, "not_signed_in", Location=self._sign_in_url)
        raise Refused(HTTPStatus.UNAUTHORIZED, "not_signed_in")

    def administrator(self, request: Request) -> Visitor:
        """Who is asking, if they may see everybody's sessions.

        Raises:
            Refused: if they may not.
        """
        visitor = self.visitor(request)
        if not self._administers(request.environ):
            raise Refused(HTTPStatus.FORBIDDEN, "admin_forbidden")
        return visitor

    def own_form(self, request: Request, visitor: Visitor) -> dict[str, list[str]]:
        """A form that a page of ours has sent, filled in by this visitor.

        Raises:
            Refused: if it may come from another site, or cannot be understood.
        """
        if not request.is_own(self._origins):
            raise Refused(HTTPStatus.FORBIDDEN, "refused")
        form = request.form()
        if not visitor.accepts(request.environ.get("HTTP_X_CSRF_TOKEN") or first(form, "csrf_token")):
            raise Refused(HTTPStatus.FORBIDDEN, "refused")
        return form

    def connection(self, request: Request) -> AbstractContextManager[Any]:
        """What a session is ended on: the transaction of a request that has one, or None."""
        return self._connection(request.environ)

    def render(
        self, request: Request, template: str, /, status: HTTPStatus = HTTPStatus.OK, **values: Any
    ) -> Response:
        """A page."""
        text = self._templates.get_template(template).render(
            texts=self.texts(request),
            root=request.root,
            home_url=self._home_url,
            sign_in_url=self._sign_in_url,
            static={name: request.root + path for name, path in self._static_paths.items()},
            **values,
        )
        return Response(text.encode(), status)

    # -- inside

    def _handler(self, request: Request) -> Handler:
        handlers = self._handlers.get(request.path)
        if handlers is None:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in handlers:
            raise Refused(
                HTTPStatus.METHOD_NOT_ALLOWED, "not_understood", Allow=", ".join(_allowed(handlers))
            )
        return handlers[method]

    def _static(self, request: Request) -> Response:
        name = request.path.rpartition("/")[2]
        return Response(
            self._files[name], kind=_STATIC[name], headers={"Cache-Control": _FOR_EVER, "Vary": ""}
        )

    def _refusal(self, request: Request, refused: Refused) -> Response:
        why = getattr(self.texts(request), refused.text)
        if _is_for_a_program(request):
            response = json_response({"error": why}, refused.status)
        else:
            response = self.render(request, "message.html", refused.status, message=why, problem=refused.text)
        response.headers |= refused.headers
        return response


def _allowed(handlers: Iterable[str]) -> list[str]:
    return [method for one in handlers for method in ([one, "HEAD"] if one == "GET" else [one])]


def _is_for_a_program(request: Request) -> bool:
    return request.is_json or request.path == "/sessions"


def _templates(given: str | os.PathLike[str] | BaseLoader | None) -> Environment:
    ours = PackageLoader("schema_session_backend.devices")
    theirs = given if given is None or isinstance(given, BaseLoader) else FileSystemLoader(given)
    loader = ours if theirs is None else ChoiceLoader([theirs, ours])
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
