"""What the options of `SessionStore` may be."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

from ._session import timeouts
from .errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ._session.timeouts import Seconds


def declared(made_by: Callable[..., Any]) -> dict[str, str]:
    """The keyword-only parameters with their types, as they are written there."""
    parameters = inspect.signature(made_by).parameters.values()
    return {one.name: str(one.annotation) for one in parameters if one.kind is one.KEYWORD_ONLY}


def refuse_unknown(unknown: Mapping[str, object], made_by: type) -> None:
    """Refuse the options that are none.

    Raises:
        ConfigurationError: naming the nearest one.
    """
    for name in unknown:
        msg = f"{made_by.__name__} has no option {name!r}: {did_you_mean(name, declared(made_by))}"
        raise ConfigurationError(msg)


def require_switches(**values: object) -> None:
    """Refuse anything but True and False; the text "false" would be true.

    Raises:
        ConfigurationError: naming the option.
    """
    for name, value in values.items():
        if type(value) is not bool:
            msg = f"{name} takes True or False, not {value!r}"
            raise ConfigurationError(msg)


def require_field(name: str, fields: Collection[str], option: str) -> None:
    """Refuse the name of a declared column that is none.

    Raises:
        ConfigurationError: naming the option, and the nearest column.
    """
    if name not in fields:
        msg = f"{option}: {name!r} is no declared column; {did_you_mean(name, fields)}"
        raise ConfigurationError(msg)


def size(value: object) -> int:
    """A number of bytes, at least the two of an empty session.

    Raises:
        ConfigurationError: for anything else.
    """
    if type(value) is int and value >= len("{}"):
        return value
    msg = "max_size takes a number of bytes"
    raise ConfigurationError(msg)


def span(value: Seconds | None, name: str) -> float:
    """Seconds, more than 0; infinity for None.

    Raises:
        ConfigurationError: naming the option.
    """
    return math.inf if value is None else timeouts.seconds(value, name)


def span_or_zero(value: Seconds | None, name: str) -> float | None:
    """Seconds, 0 allowed, or None.

    Raises:
        ConfigurationError: naming the option.
    """
    if value is None:
        return None
    return 0.0 if value == 0 and type(value) is not bool else timeouts.seconds(value, name)
