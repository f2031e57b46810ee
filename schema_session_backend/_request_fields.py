"""The option `request_fields`: columns that tell from which device and address a session was last written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from ipaddress import IPV4LENGTH, IPV6LENGTH, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from ._spelling import did_you_mean
from .errors import ConfigurationError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ._table.columns import Field

    Read = Callable[[Mapping[str, Any]], str]
    """Reads a text off a WSGI environment; an empty string if it is unknown."""

MAX_LENGTH: Final = 300
"""The longest text, in characters."""
_NETWORK: Final = re.compile(r"ip/([0-9]{1,2})/([0-9]{1,3})")
# A column for each, and a text that has to fit, because it cannot be cut.
_COLUMNS: Final = {
    "ip": ("ip String(45)", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"),
    "user_agent": ("user_agent String(300)", "-"),
    "device": ("device String(50)", "-"),
}


class RequestFields:
    """Reads what the declared columns keep of a request.

    Args:
        wanted: the names, as text with blanks between or one by one. `ip/24/48` is the address without all
            but the first 24 bits of an IPv4 and the first 48 bits of an IPv6 address.
        fields: the declared columns.

    Raises:
        ConfigurationError: for an unknown name, a length that an address does not have, and a column that is
            not declared or does not take such a text.
        MissingDependency: for `device` without ua-parser.
    """

    def __init__(self, wanted: str | Iterable[str], fields: Sequence[Field]) -> None:
        declared = {field.name: field for field in fields}
        self._readers: list[tuple[str, Read]] = []
        for text in _words(wanted):
            name = text.partition("/")[0]
            if name not in _COLUMNS:
                raise _error(f"there is no {name!r}; {did_you_mean(name, _COLUMNS)}")
            if name in self.names:
                raise _error(f"{name!r} is named twice")
            self._readers.append((name, _reader(text, _length(name, declared.get(name)))))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(name for name, _ in self._readers)

    def of(self, environ: Mapping[str, Any]) -> dict[str, str]:
        """What is known of a request, by columns.

        Each text fits its column, whatever a browser sends: characters that cannot be printed become U+FFFD,
        and a text that is too long is cut.

        Args:
            environ: the request's WSGI environment.
        """
        return {name: text for name, read in self._readers if (text := read(environ))}


def _words(wanted: str | Iterable[str]) -> list[str]:
    words = wanted.split() if isinstance(wanted, str) else wanted
    if isinstance(words, Iterable):
        words = list(words)
        if all(isinstance(word, str) for word in words):
            return words
    raise _error(f"it takes names such as {' '.join(_COLUMNS)!r}, not {wanted!r}")


def _length(name: str, field: Field | None) -> int:
    """The length of a field's column.

    Raises:
        ConfigurationError: if the column does not take the texts.
    """
    column, longest = _COLUMNS[name]
    if field is None:
        raise _error(f"{name!r} is no declared column; add it to schemas: {column}")
    if field.path is not None:
        raise _error(f"column {name!r} is a copy of {field.path}; declare it without that: {column}")
    if (problem := field.check(longest)) is not None:
        raise _error(f"column {name!r} {problem}; declare it as {column}")
    return min(getattr(field.column.type, "length", None) or MAX_LENGTH, MAX_LENGTH)


def _reader(text: str, length: int) -> Read:
    """Reads what a name of the option asks for; a text has at most `length` characters."""
    name, slash, _ = text.partition("/")
    if name == "ip":
        return partial(_address, prefixes=_prefixes(text) if slash else None)
    if slash:
        raise _error(f"{text!r}: only ip is cut to a network, as in ip/24/48")
    if name == "user_agent":
        return lambda environ: _printable(_user_agent(environ)[:length])
    try:
        # ua-parser is imported only where it is needed.
        from ._user_agents import device_name  # noqa: PLC0415
    except ImportError as error:
        msg = f"request_fields: device cannot be told from the user agent: {error}"
        raise MissingDependency(msg, extra="devices") from error
    return lambda environ: _printable(device_name(_user_agent(environ))[:length])


def _prefixes(text: str) -> dict[int, int]:
    """How many bits of an address are kept, by the version of IP."""
    lengths = _NETWORK.fullmatch(text)
    if lengths is not None:
        prefixes = {4: int(lengths[1]), 6: int(lengths[2])}
        if 0 < prefixes[4] <= IPV4LENGTH and 0 < prefixes[6] <= IPV6LENGTH:
            return prefixes
    raise _error(
        f"{text!r} is no network: write it as in ip/24/48, with 1 to 32 bits of IPv4 and 1 to 128 of IPv6"
    )


def _address(environ: Mapping[str, Any], prefixes: Mapping[int, int] | None) -> str:
    """The visitor's address without its port and zone; empty if the server has none, as on a Unix socket."""
    text = str(environ.get("REMOTE_ADDR") or "").strip()
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return str(ip_network((address, prefixes[address.version]), strict=False) if prefixes else address)


def _user_agent(environ: Mapping[str, Any]) -> str:
    return str(environ.get("HTTP_USER_AGENT") or "")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _error(problem: str) -> ConfigurationError:
    return ConfigurationError(f"request_fields: {problem}")
