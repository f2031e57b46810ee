"""The session's cookie: what it is called, and how it is read, set and deleted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webob.cookies import parse_cookie

from schema_session_backend import ConfigurationError
from schema_session_backend._session.timeouts import LONGEST_COOKIE

if TYPE_CHECKING:
    from pyramid.request import Request
    from pyramid.response import Response

SAME_SITE: Final = {"lax": "Lax", "strict": "Strict", "none": "None"}
# Only what WebOb writes without quoting and browsers accept.
NAME: Final = re.compile(r"[A-Za-z0-9!#%&'*+.^_`|~-]+")
PATH: Final = re.compile(r"/[!-:<-~]*")
DOMAIN: Final = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """The cookie that holds a session's id.

    Args:
        name: by default `session`, with the prefix `__Host-` if path and domain allow it, so that browsers
            accept it from this very host only, else with `__Secure-`, so that they accept it over HTTPS
            only; without a prefix if it is not `secure`.
        max_age: seconds that the browser keeps the cookie; None until the browser is closed.
        path: the browser sends the cookie with requests below this path.
        domain: the browser sends the cookie to this domain and its subdomains; None for this host only.
        secure: whether the cookie is sent over HTTPS only; turn it off for development only.
        httponly: whether the cookie is hidden from JavaScript.
        samesite: `"Lax"`, `"Strict"` or `"None"`.

    Raises:
        ConfigurationError: for settings with which browsers would reject the cookie.
    """

    name: str = ""
    max_age: int | None = None
    path: str = "/"
    domain: str | None = None
    secure: bool = True
    httponly: bool = True
    samesite: str = "Lax"

    def __post_init__(self) -> None:
        same_site = SAME_SITE.get(str(self.samesite).lower())
        if same_site is None:
            msg = f"cookie_samesite takes Lax, Strict or None, not {self.samesite!r}"
            raise ConfigurationError(msg)
        object.__setattr__(self, "samesite", same_site)
        if same_site == "None" and not self.secure:
            msg = "cookie_samesite = None needs cookie_secure: browsers drop such a cookie"
            raise ConfigurationError(msg)
        if self.max_age is not None and not (
            type(self.max_age) is int and 0 < self.max_age <= LONGEST_COOKIE
        ):
            msg = f"cookie_max_age takes whole seconds up to {LONGEST_COOKIE}, or None, not {self.max_age!r}"
            raise ConfigurationError(msg)
        if self.name == "":
            object.__setattr__(self, "name", f"{self._prefix}session")
        self._require("cookie_name", NAME, "letters, digits and a few signs such as - and _", self.name)
        self._require("cookie_path", PATH, "a path that begins with /", self.path)
        if self.domain is not None:
            self._require("cookie_domain", DOMAIN, "the name of a host, in ASCII", self.domain)
        # Browsers compare these prefixes without regard to case.
        prefix = self.name.lower()
        if prefix.startswith("__host-") and self._prefix != "__Host-":
            msg = f"cookie_name {self.name!r} needs cookie_secure, cookie_path = / and no cookie_domain"
            raise ConfigurationError(msg)
        if prefix.startswith("__secure-") and not self.secure:
            msg = f"cookie_name {self.name!r} needs cookie_secure"
            raise ConfigurationError(msg)

    @staticmethod
    def _require(setting: str, form: re.Pattern[str], takes: str, value: object) -> None:
        if not isinstance(value, str) or not form.fullmatch(value):
            msg = f"{setting} takes {takes}, not {value!r}"
            raise ConfigurationError(msg)

    @property
    def _prefix(self) -> str:
        if not self.secure:
            return ""
        return "__Host-" if self.path == "/" and self.domain is None else "__Secure-"

    def read(self, request: Request) -> str | None:
        """The value that the browser sent, unchecked; None if it sent none."""
        # `request.cookies` raises if the value of any cookie, not just of this one, is not UTF-8.
        name = self.name.encode("ascii")
        header = request.environ.get("HTTP_COOKIE", "")
        values = [value for sent, value in parse_cookie(header) if sent == name]
        try:
            return values[-1].decode("ascii") if values else None
        except UnicodeDecodeError:
            return None

    def set(self, response: Response, value: str, max_age: int | None) -> None:
        """Have the browser store the cookie with this value, for that many seconds."""
        response.set_cookie(self.name, value, max_age=max_age, **self._attributes)

    def delete(self, response: Response) -> None:
        """Have the browser delete the cookie."""
        response.set_cookie(self.name, "", max_age=0, **self._attributes)

    @property
    def _attributes(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "domain": self.domain,
            "secure": self.secure,
            "httponly": self.httponly,
            "samesite": self.samesite,
        }
