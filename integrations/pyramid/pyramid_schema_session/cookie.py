"""The session's cookie: what it is called, and how it is read, set and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from schema_session_backend import ConfigurationError

if TYPE_CHECKING:
    from pyramid.request import Request
    from pyramid.response import Response

SAME_SITE: Final = {"lax": "Lax", "strict": "Strict", "none": "None"}


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
        if self.max_age is not None and (type(self.max_age) is not int or self.max_age <= 0):
            msg = f"cookie_max_age takes whole seconds, or None, not {self.max_age!r}"
            raise ConfigurationError(msg)
        if not self.name:
            object.__setattr__(self, "name", f"{self._prefix}session")
        if self.name.startswith("__Host-") and self._prefix != "__Host-":
            msg = f"cookie_name {self.name!r} needs cookie_secure, cookie_path = / and no cookie_domain"
            raise ConfigurationError(msg)
        if self.name.startswith("__Secure-") and not self.secure:
            msg = f"cookie_name {self.name!r} needs cookie_secure"
            raise ConfigurationError(msg)

    @property
    def _prefix(self) -> str:
        if not self.secure:
            return ""
        return "__Host-" if self.path == "/" and self.domain is None else "__Secure-"

    def read(self, request: Request) -> str | None:
        """What the browser sent, whatever that is; None for nothing."""
        try:
            sent: str | None = request.cookies.get(self.name)
        except UnicodeDecodeError:
            return None
        return sent

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
