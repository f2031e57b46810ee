"""The options of this package: their types, their units, and how they are written as text.

The keyword-only parameters of a constructor declare its options, and nothing else does. Their types carry a
`TextForm`, so that ini files, environment variables and the reference follow from the signature.
"""

from __future__ import annotations

import functools
import inspect
import math
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_type_hints

from ._session import timeouts
from ._suggestions import suggestion
from .errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

T = TypeVar("T")

USER_FIELD: Final = "user_id"
"""The column that tells whose a session is, unless another is named."""

_TRUTH: Final = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextForm:
    """How the values of a type are written where there is only text.

    Attributes:
        takes: what the text has to be, such as "a number".
        unit: what a number counts; empty for what is no number.
        read: makes the value, or raises KeyError or ValueError; None if the text names an object.
        special: a text with a meaning of its own, and the meaning.
    """

    takes: str
    unit: str = ""
    read: Callable[[str], Any] | None = None
    special: str = ""


Switch: TypeAlias = Annotated[bool, TextForm("true or false", read=lambda text: _TRUTH[text.lower()])]
Seconds: TypeAlias = Annotated[
    timeouts.Seconds, TextForm("a number", "seconds", read=float, special="inf means never")
]
WholeSeconds: TypeAlias = Annotated[int, TextForm("a whole number", "seconds", read=int)]
Bytes: TypeAlias = Annotated[int, TextForm("a whole number", "bytes", read=int)]
Text: TypeAlias = Annotated[str, TextForm("text", read=str)]
Object: TypeAlias = Annotated[T, TextForm("the dotted name of an object")]


@dataclass(frozen=True, slots=True)
class Option:
    """An option as a signature declares it.

    Attributes:
        name: the parameter's.
        type: what a value is in Python.
        form: how a value is written as text.
        default: the value that it has unless it is given.
    """

    name: str
    type: Any
    form: TextForm
    default: Any

    @property
    def text_form(self) -> str:
        """What a text has to be, in words for messages and pages."""
        form = self.form
        words = f"{form.takes} of {form.unit}" if form.unit else form.takes
        words += " or none" if self._may_be_none else ""
        return f"{words}; {form.special}" if form.special else words

    @property
    def default_text(self) -> str:
        """The default as a text that `read` takes."""
        if self.default is None or isinstance(self.default, bool):
            return str(self.default).lower()
        return "" if self.default == () else str(self.default)

    def read(self, text: str, *, setting: str) -> Any:
        """The value that a text stands for.

        Args:
            text: as it was found; blanks around it do not matter.
            setting: where it was found, for error messages.

        Raises:
            ConfigurationError: if it stands for none.
        """
        text = text.strip()
        if self._may_be_none and text.lower() == "none":
            return None
        if self.form.read is None:
            return imported(text, setting=setting)
        try:
            return self.form.read(text)
        except (KeyError, ValueError):
            pass
        msg = f"{setting}: {text!r} is not {self.text_form}"
        raise ConfigurationError(msg)

    @property
    def _may_be_none(self) -> bool:
        return type(None) in get_args(self.type)


def declared(made_by: type) -> Mapping[str, Option]:
    """The options of a class by name, in the order of its constructor's signature."""
    return _declared(inspect.getattr_static(made_by, "__init__"))


@functools.cache
def _declared(constructor: Callable[..., None]) -> Mapping[str, Option]:
    plain, hints = get_type_hints(constructor), get_type_hints(constructor, include_extras=True)
    return {
        one.name: Option(one.name, plain[one.name], _text_form(one.name, hints[one.name]), one.default)
        for one in inspect.signature(constructor).parameters.values()
        if one.kind is one.KEYWORD_ONLY
    }


def _text_form(name: str, hint: Any) -> TextForm:
    """The text form that a type carries, itself or in one part of a union."""
    for part in (hint, *get_args(hint)):
        for carried in getattr(part, "__metadata__", ()):
            if isinstance(carried, TextForm):
                return carried
    msg = f"the option {name} needs a type that carries a TextForm, such as Text"
    raise TypeError(msg)


def imported(name: str, *, setting: str) -> Any:
    """The object that a dotted name stands for.

    Args:
        name: `package.module:name` or `package.module.name`.
        setting: where it was found, for error messages.

    Raises:
        ConfigurationError: if there is none.
    """
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        problem = str(error)
    msg = f"{setting}: {name!r} cannot be imported ({problem}); write it package.module:name"
    raise ConfigurationError(msg)


# -- what constructors check


def refuse_unknown(unknown: Mapping[str, object], made_by: type) -> None:
    """Refuse names that are no options.

    Raises:
        ConfigurationError: naming the option that was meant, as far as that can be told.
    """
    for name in unknown:
        msg = f"{made_by.__name__} has no option {name!r}: {suggestion(name, declared(made_by))}"
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
    """Refuse a name that no declared column has.

    Raises:
        ConfigurationError: naming the option, and the nearest column.
    """
    if name not in fields:
        msg = f"{option}: {name!r} is no declared column; {did_you_mean(name, fields)}"
        raise ConfigurationError(msg)


def user_field(name: str | None, fields: Collection[str]) -> str | None:
    """The declared column that tells whose a session is: the named one, else `user_id` if it is declared.

    Raises:
        ConfigurationError: naming the nearest column, if there is no such column.
    """
    if name is None:
        return USER_FIELD if USER_FIELD in fields else None
    require_field(name, fields, "user_field")
    return name


def size(value: object) -> int:
    """A number of bytes, at least the two of an empty session.

    Raises:
        ConfigurationError: for anything else.
    """
    if type(value) is int and value >= len("{}"):
        return value
    msg = "max_size takes a number of bytes"
    raise ConfigurationError(msg)


def span(value: timeouts.Seconds | None, name: str) -> float:
    """Seconds, more than 0; infinity for None.

    Raises:
        ConfigurationError: naming the option.
    """
    return math.inf if value is None else timeouts.seconds(value, name)


def span_or_zero(value: timeouts.Seconds | None, name: str) -> float | None:
    """Seconds, 0 allowed, or None.

    Raises:
        ConfigurationError: naming the option.
    """
    if value is None:
        return None
    return 0.0 if value == 0 and type(value) is not bool else timeouts.seconds(value, name)
