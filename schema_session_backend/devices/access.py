"""Access to the page: for signed-in users and administrators only, and through forms of the page only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ..errors import ConfigurationError, WrongArgument
from .http import Refused
from .visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .http import Request, Response

    Environ = dict[str, Any]
    View = Callable[[Request], Response]
    Handler = Callable[[Request, Visitor], Response]

_ORIGIN: Final = re.compile(r"https?://[^/?#@\s]+")


@dataclass(frozen=True)
class Access:
    """Checks each request before a handler of the page gets it.

    Args:
        visitor: returns the visitor of a WSGI environment; None if nobody is signed in.
        administers: returns whether the visitor of a WSGI environment is an administrator.
        origins: the origins of other sites whose forms are accepted.
        sign_in_url: the address to which visitors are redirected who are not signed in.

    Raises:
        ConfigurationError: if `origins` is not a list of origins.
    """

    visitor: Callable[[Environ], Visitor | None]
    administers: Callable[[Environ], bool]
    origins: Collection[str]
    sign_in_url: str | None

    def __post_init__(self) -> None:
        if isinstance(self.origins, str) or not all(map(_ORIGIN.fullmatch, self.origins)):
            msg = "origins takes a list of origins, such as ['https://account.example.com']"
            raise ConfigurationError(msg)

    def for_visitors(self, handler: Handler) -> View:
        """The view that calls a handler for every signed-in user."""
        return lambda request: handler(request, self._admit(request))

    def for_administrators(self, handler: Handler) -> View:
        """The view that calls a handler for administrators."""
        return lambda request: handler(request, self._admit(request, administrator=True))

    def _admit(self, request: Request, *, administrator: bool = False) -> Visitor:
        visitor = self._require_visitor(request)
        if administrator and not self.administers(request.environ):
            raise Refused(HTTPStatus.FORBIDDEN, "admin_forbidden")
        if request.method == "POST":
            self._require_own_form(request, visitor)
        return visitor

    def _require_visitor(self, request: Request) -> Visitor:
        visitor = self.visitor(request.environ)
        if visitor is not None and not isinstance(visitor, Visitor):
            msg = (
                "visitor must return a Visitor, such as Visitor({'user_id': 42}, sid), or None for nobody,"
                f" not {type(visitor).__name__}"
            )
            raise WrongArgument(msg)
        # A user of None would be the owner of all sessions without a user.
        if visitor is not None and None not in visitor.user.values():
            return visitor
        if self.sign_in_url is not None and request.method != "POST" and not request.wants_json:
            raise Refused(HTTPStatus.SEE_OTHER, "not_signed_in", Location=self.sign_in_url)
        raise Refused(HTTPStatus.UNAUTHORIZED, "not_signed_in")

    def _require_own_form(self, request: Request, visitor: Visitor) -> None:
        if not self._is_from_own_site(request):
            raise Refused(HTTPStatus.FORBIDDEN, "refused")
        in_header = request.headers.get("X-CSRF-Token")
        # Before the body is read, which may be long in coming.
        if in_header and not visitor.accepts(in_header):
            raise Refused(HTTPStatus.FORBIDDEN, "refused")
        in_form = request.fields.get("csrf_token")
        if not in_header and not visitor.accepts(in_form):
            raise Refused(HTTPStatus.FORBIDDEN, "refused")

    def _is_from_own_site(self, request: Request) -> bool:
        """Whether the request comes from a page of this site or of one of the other origins.

        Browsers send the origin of a form. A request without an origin comes from a program, and is accepted
        here; it needs a valid token like any other.
        """
        origin = request.headers.get("Origin")
        if origin in self.origins:
            return True
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        # Compare the hosts without the scheme, which a proxy may change.
        host = _without_default_port(request.headers.get("Host", ""))
        return origin is None or (host != "" and _host(origin) == host)


def _host(origin: str) -> str:
    """The host of an origin; an empty string for a malformed origin."""
    try:
        return _without_default_port(urlsplit(origin).netloc)
    except ValueError:
        return ""


def _without_default_port(host: str) -> str:
    return host.lower().removesuffix(":443").removesuffix(":80")
