"""The requests that do not renew their session, by their paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX: Final = re.compile(r"/[^,;?#*%]*")


class UnrenewedPaths:
    """Requests that nobody makes on purpose, such as polling, so that they keep no session alive.

    Args:
        paths: the beginnings of their paths below the application's own, with blanks between them, such as
            `"/poll /events"`. `/poll` stands for `/poll` and `/poll/…`, and not for `/polls`.

    Attributes:
        prefixes: these beginnings, each with / at its end.

    Raises:
        ConfigurationError: for anything else.
    """

    def __init__(self, paths: str) -> None:
        prefixes = paths.split() if isinstance(paths, str) else [paths]
        for prefix in prefixes:
            if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
                msg = (
                    "unrenewed_paths takes paths that begin with /, with blanks between them,"
                    f" such as '/poll /events', not {prefix!r}"
                )
                raise ConfigurationError(msg)
        self.prefixes = tuple(f"{prefix.rstrip('/')}/" for prefix in prefixes)

    def has(self, environ: Mapping[str, Any]) -> bool:
        """Whether the request of a WSGI environ is one of them."""
        if not self.prefixes:
            return False
        path: str = environ.get("PATH_INFO", "")
        return f"{path.encode('latin-1').decode(errors='replace')}/".startswith(self.prefixes)
