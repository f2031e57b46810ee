"""Paths into a session, such as `authuser.user_id`: where a searchable copy has its value from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..errors import ConfigurationError

SOURCE: Final = "from"
"""The key of a Column's `info` that has the path."""
_PART: Final = r"(?:\"[^\"]+\"|[^\s;,.\"]+)"
PATH: Final = re.compile(rf"{_PART}(?:\.{_PART})*(?![^\s;,])")
EXAMPLES: Final = 'write it as in authuser.user_id, sessions.0.user, or "auth.userid" for a key with a dot'


class Path:
    """Keys of dicts and positions in lists, one below the other.

    Args:
        text: the keys and positions with dots between; a key with a dot is quoted, as in `"auth.userid"`.
        where: the column that has the path, for error messages.

    Raises:
        ConfigurationError: for a text that is no path.
    """

    def __init__(self, text: object, where: str) -> None:
        if not isinstance(text, str) or PATH.fullmatch(text) is None:
            msg = f"{where}: {text!r} is no path into a session; {EXAMPLES}"
            raise ConfigurationError(msg)
        self._text = text
        self._parts = [part.strip('"') for part in re.findall(_PART, text)]

    def __str__(self) -> str:
        return self._text

    def find(self, data: Any) -> Any:
        """The value at this path; None if the path leads nowhere."""
        for part in self._parts:
            if isinstance(data, Mapping) and part in data:
                data = data[part]
            elif isinstance(data, (list, tuple)) and part.isdecimal() and int(part) < len(data):
                data = data[int(part)]
            else:
                return None
        return data
