"""The fields of a session that describe the request that signed in: device, IP address and user agent."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError
from .arguments import require_store
from .texts import Texts
from .user_agents import device_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..store import SessionStore

MAX_LENGTH: Final = 300
"""The longest text, in characters."""


def request_fields(
    environ: Mapping[str, Any], store: SessionStore, *, trusted_proxies: int = 0, texts: Texts | None = None
) -> dict[str, str]:
    """The `device`, `ip` and `user_agent` of a request, to put into the session at a login.

    Each text is cut to the length of its declared column, and to 300 characters at most. Characters that
    cannot be printed become U+FFFD. So the texts fit String and Text columns, whatever a browser sends.

    Args:
        environ: the request's WSGI environment; Flask and Pyramid have it as `request.environ`.
        store: the store of the session.
        trusted_proxies: how many of your own proxies each request passes. Each of these proxies must append
            the address from which it got the request to `X-Forwarded-For`. With 0 the header is ignored,
            because a visitor can send any value.
        texts: the wording of the device's name.

    Returns:
        the three texts, empty if unknown.

    Raises:
        ConfigurationError: if `trusted_proxies` is no int, or less than 0.
        WrongArgument: if `store` is no `SessionStore`.
    """
    require_store(store, "request_fields")
    if type(trusted_proxies) is not int or trusted_proxies < 0:
        msg = "trusted_proxies takes how many proxies of yours a request passes, 0 or more"
        raise ConfigurationError(msg)
    user_agent = str(environ.get("HTTP_USER_AGENT") or "")
    fields = {
        "device": device_name(user_agent, texts or Texts()),
        "ip": _address(environ, trusted_proxies),
        "user_agent": user_agent,
    }
    return {name: _fitting(text, store, name) for name, text in fields.items()}


def _address(environ: Mapping[str, Any], trusted_proxies: int) -> str:
    """The visitor's address; an empty string if the server does not know it, as on a Unix socket."""
    remote = _normalized(str(environ.get("REMOTE_ADDR", "")))
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    if not 0 < trusted_proxies <= len(forwarded):
        return remote
    # The addresses further to the left come from the visitor, who can send any value.
    return _normalized(forwarded[-trusted_proxies]) or remote


def _normalized(text: str) -> str:
    """An IP address without its port and zone; an empty string for a text that is no IP address."""
    text = text.strip()
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _fitting(text: str, store: SessionStore, field: str) -> str:
    """The text without unprintable characters, cut to the length of the field's column."""
    length = getattr(store.repo().c[field].type, "length", None) if field in store.fields else None
    printable = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return printable[: min(length or MAX_LENGTH, MAX_LENGTH)]
