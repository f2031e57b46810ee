"""The session's cookie: what it is called, and how it is read, set and deleted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webob.cookies import parse_cookie

from schema_session_backend import ConfigurationError

if TYPE_CHECKING:
    from pyramid.request import Request
    from pyramid.response import Response

SAME_SITE: Final = {"lax": "Lax", "strict": "Strict", "none": "None"}
# What WebOb writes and browsers take.
NAME: Final = re.compile(r"[A-Za-z0-9!#%&'*+.^_`|~-]+")
PATH: Final = re.compile(r"/[!-:<-~]*")
DOMAIN: Final = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
LONGEST: Final = 10 * 366 * 24 * 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """The cookie that holds a session's id.

    Args:
        name: by default `session`, with the prefix `__Host-` where path and domain allow it, and else
            `__Secure-`: browsers then take it from this host, or by HTTPS, only.
        max_age: seconds that the browser keeps it; None until it is closed.
        path: what of the site it is for.
        domain: None for this host only.
        secure: whether it is for HTTPS only; turn it off for development only.
        httponly: whether JavaScript cannot see it.
        samesite: `"Lax"`, `"Strict"` or `"None"`.

    Raises:
        ConfigurationError: for settings with which no browser would take it.
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
        if self.max_age is not None and not (type(self.max_age) is int and 0 < self.max_age <= LONGEST):
            msg = f"cookie_max_age takes whole seconds up to {LONGEST}, or None, not {self.max_age!r}"
            raise ConfigurationError(msg)
        if self.name == "":
            object.__setattr__(self, "name", f"{self._prefix}session")
        self._require("cookie_name", NAME, "letters, digits and a few signs such as - and _", self.name)
        self._require("cookie_path", PATH, "a path that begins with /", self.path)
        if self.domain is not None:
            self._require("cookie_domain", DOMAIN, "the name of a host, in ASCII", self.domain)
        # As browsers see it, whatever its case.
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
        """What the browser sent, whatever that is; None for nothing."""
        # Not request.cookies, which one cookie of somebody else's that is no UTF-8 makes unreadable.
        name = self.name.encode("ascii")
        header = request.environ.get("HTTP_COOKIE", "")
        values = [value for sent, value in parse_cookie(header) if sent == name]
        try:
            return values[-1].decode("ascii") if values else None
        except UnicodeDecodeError:
            return None

    def set(self, response: Response, value: str) -> None:
        """Have the browser keep it."""
        response.set_cookie(self.name, value, max_age=self.max_age, **self._attributes)

    def delete(self, response: Response) -> None:
        """Have the browser drop it."""
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
