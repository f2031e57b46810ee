"""Who may do what: only who is signed in, only administrators, and only by forms of the page itself."""

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
    Answer = Callable[[Request], Response]
    Handler = Callable[[Request, Visitor], Response]

_ORIGIN: Final = re.compile(r"https?://[^/?#@\s]+")


@dataclass(frozen=True)
class Access:
    """Guards the handlers of the page.

    Args:
        visitor: tells from a WSGI environment who is asking, None for nobody.
        administers: tells whether the visitor is an administrator.
        origins: the origins of other sites whose forms are accepted.
        sign_in_url: where visitors go who are not signed in.

    Raises:
        ConfigurationError: for an origin that is none.
    """

    visitor: Callable[[Environ], Visitor | None]
    administers: Callable[[Environ], bool]
    origins: Collection[str]
    sign_in_url: str | None

    def __post_init__(self) -> None:
        if isinstance(self.origins, str) or not all(map(_ORIGIN.fullmatch, self.origins)):
            msg = "origins takes a list of origins, such as ['https://account.example.com']"
            raise ConfigurationError(msg)

    def for_visitors(self, handler: Handler) -> Answer:
        """The handler for everybody who is signed in; a form must come from the page itself."""
        return lambda request: handler(request, self._admitted(request))

    def for_administrators(self, handler: Handler) -> Answer:
        """The handler for administrators; a form must come from the page itself."""
        return lambda request: handler(request, self._admitted(request, administrator=True))

    def _admitted(self, request: Request, *, administrator: bool = False) -> Visitor:
        visitor = self._signed_in(request)
        if administrator and not self.administers(request.environ):
            raise Refused(HTTPStatus.FORBIDDEN, "admin_forbidden")
        if request.method == "POST":
            self._require_own_form(request, visitor)
        return visitor

    def _signed_in(self, request: Request) -> Visitor:
        visitor = self.visitor(request.environ)
        if visitor is not None and not isinstance(visitor, Visitor):
            msg = (
                "visitor must return a Visitor, such as Visitor({'user_id': 42}, sid), or None for nobody,"
                f" not {type(visitor).__name__}"
            )
            raise WrongArgument(msg)
        # Sessions without a user would otherwise all be the same user's.
        if visitor is not None and None not in visitor.user.values():
            return visitor
        if self.sign_in_url is not None and request.method != "POST" and not request.wants_json:
            raise Refused(HTTPStatus.SEE_OTHER, "not_signed_in", Location=self.sign_in_url)
        raise Refused(HTTPStatus.UNAUTHORIZED, "not_signed_in")

    def _require_own_form(self, request: Request, visitor: Visitor) -> None:
        if not self._is_from_own_site(request):
            raise Refused(HTTPStatus.FORBIDDEN, "refused")
        fields = request.fields
        if not visitor.accepts(request.headers.get("X-CSRF-Token") or fields.get("csrf_token")):
            raise Refused(HTTPStatus.FORBIDDEN, "refused")

    def _is_from_own_site(self, request: Request) -> bool:
        """Whether this site, or one of the other origins, sent the request.

        Browsers say where a form comes from. Programs say nothing, and need a token all the same.
        """
        origin = request.headers.get("Origin")
        if origin in self.origins:
            return True
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        # A proxy may change the scheme, so only the hosts are compared.
        host = _without_usual_port(request.headers.get("Host", ""))
        return origin is None or (host != "" and _host(origin) == host)


def _host(origin: str) -> str:
    try:
        return _without_usual_port(urlsplit(origin).netloc)
    except ValueError:
        return ""


def _without_usual_port(host: str) -> str:
    return host.lower().removesuffix(":443").removesuffix(":80")
