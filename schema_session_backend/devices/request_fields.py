"""What a session records of the request that signed in: device, address and user agent."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError
from .arguments import require_store
from .texts import Texts
from .words import device_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..store import SessionStore

LONGEST: Final = 300
"""The most characters that are kept of a text."""


def request_fields(
    environ: Mapping[str, Any], store: SessionStore, *, trusted_proxies: int = 0, texts: Texts | None = None
) -> dict[str, str]:
    """`device`, `ip` and `user_agent` of a request, to put into its session at a login.

    Each text is cut to the length of its declared column, and to 300 characters at most; a character that
    cannot be printed becomes U+FFFD. So whatever a browser sends fits a String or a Text column.

    Args:
        environ: the request's WSGI environment; Flask and Pyramid have it as `request.environ`.
        store: where the session will be.
        trusted_proxies: how many proxies of yours a request passes, each of which adds the address that sent
            it the request to `X-Forwarded-For`. Without any, the visitor may have written that header.
        texts: the wording of the device.

    Raises:
        ConfigurationError: for a number of proxies that is none.
        WrongArgument: for a store that is none.
    """
    require_store(store, "request_fields")
    if type(trusted_proxies) is not int or trusted_proxies < 0:
        msg = "trusted_proxies takes how many proxies of yours a request passes, 0 or more"
        raise ConfigurationError(msg)
    user_agent = str(environ.get("HTTP_USER_AGENT") or "")
    found = {
        "device": device_of(user_agent, texts or Texts()),
        "ip": _address(environ, trusted_proxies),
        "user_agent": user_agent,
    }
    return {name: _fitting(value, store, name) for name, value in found.items()}


def _address(environ: Mapping[str, Any], trusted_proxies: int) -> str:
    """The visitor's address; an empty string if the server does not tell it, as on a Unix socket."""
    remote = _normalized(str(environ.get("REMOTE_ADDR", "")))
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    if not 0 < trusted_proxies <= len(forwarded):
        return remote
    # The visitor may have made up what stands further to the left.
    return _normalized(forwarded[-trusted_proxies]) or remote


def _normalized(given: str) -> str:
    """An address without its port and zone; an empty string if it is none."""
    given = given.strip()
    host = given[1:].partition("]")[0] if given.startswith("[") else given
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _fitting(value: str, store: SessionStore, name: str) -> str:
    length = getattr(store.repo().c[name].type, "length", None) if name in store.fields else None
    printable = "".join(character if character.isprintable() else "\ufffd" for character in value)
    return printable[: min(length or LONGEST, LONGEST)]
