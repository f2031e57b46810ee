"""The values of declared columns as people type them, in a search field or at a command line."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.types import TypeEngine

    Parser = Callable[[str], Any]


def parser_of(column: TypeEngine[Any]) -> Parser | None:
    """The function that converts a text to a value of a column; None if no text stands for its values.

    It raises KeyError, ValueError or ArithmeticError for a text that is no such value.
    """
    try:
        kind: Any = column.python_type
    except NotImplementedError:
        return None
    return (lambda name: kind[name]) if issubclass(kind, enum.Enum) else _PARSERS.get(kind)


def typed(value: Any) -> Any:
    """A value as somebody has to type it to search for it; None is an empty text."""
    if value is None:
        return ""
    if isinstance(value, enum.Enum):
        return value.name
    return value.hex() if isinstance(value, bytes) else value


def _bool(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


_PARSERS: Final[dict[type, Callable[[str], Any]]] = {
    bool: _bool,
    bytes: bytes.fromhex,
    decimal.Decimal: decimal.Decimal,
    dt.date: dt.date.fromisoformat,
    dt.datetime: dt.datetime.fromisoformat,
    dt.time: dt.time.fromisoformat,
    float: float,
    int: int,
    str: str,
    uuid.UUID: uuid.UUID,
}
