"""The options of this package: their types, their units, and how they are written as text.

The keyword-only parameters of a constructor are the only declaration of its options. The type of each
parameter carries a `TextForm`, from which ini files, environment variables and the reference are derived.
"""

from __future__ import annotations

import functools
import inspect
import math
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_type_hints

from ._session import timeouts
from ._spelling import did_you_mean
from ._suggestions import suggestion
from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

T = TypeVar("T")

USER_FIELD: Final = "user_id"
"""The default of the option `user_field`, if there is a column of that name."""

_TRUTH: Final = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextForm:
    """How the values of a type are written in an ini file or an environment variable.

    Attributes:
        takes: what the text has to be, such as "a number".
        unit: the unit of a number; empty for other values.
        read: converts the text to the value, and raises KeyError or ValueError for a wrong text; None if the
            text is the dotted name of an object.
        special: a text with a special meaning, and that meaning, for messages and pages.
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
Keys: TypeAlias = Annotated[str, TextForm("keys with blanks between them", read=str)]
Object: TypeAlias = Annotated[T, TextForm("the dotted name of an object")]


@dataclass(frozen=True, slots=True)
class Option:
    """An option as a signature declares it.

    Attributes:
        name: the parameter's name.
        type: the type of a value in Python.
        form: how a value is written as text.
        default: the value if the option is left out.
    """

    name: str
    type: Any
    form: TextForm
    default: Any

    @property
    def text_form(self) -> str:
        """What the text has to be, in words for messages and pages."""
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
        """Convert a text to the option's value.

        Args:
            text: the text; surrounding blanks are ignored.
            setting: the name of the setting that has the text, for error messages.

        Raises:
            ConfigurationError: naming the setting, if the text is no value of this option.
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


def declared(owner: type) -> Mapping[str, Option]:
    """The options of a class by name, in the order of its constructor's signature."""
    return _declared(inspect.getattr_static(owner, "__init__"))


@functools.cache
def _declared(constructor: Callable[..., None]) -> Mapping[str, Option]:
    plain, hints = get_type_hints(constructor), get_type_hints(constructor, include_extras=True)
    return {
        name: Option(name, plain[name], _text_form(name, hints[name]), parameter.default)
        for name, parameter in inspect.signature(constructor).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _text_form(name: str, hint: Any) -> TextForm:
    """The text form in an annotation, or in a member of its union."""
    for part in (hint, *get_args(hint)):
        for metadata in getattr(part, "__metadata__", ()):
            if isinstance(metadata, TextForm):
                return metadata
    msg = f"the option {name} needs a type that carries a TextForm, such as Text"
    raise TypeError(msg)


def imported(name: str, *, setting: str) -> Any:
    """Import the object that a dotted name stands for.

    Args:
        name: `package.module:name` or `package.module.name`.
        setting: the name of the setting that has the dotted name, for error messages.

    Raises:
        ConfigurationError: naming the setting, if there is no such object.
    """
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        problem = str(error)
    msg = f"{setting}: {name!r} cannot be imported ({problem}); write it package.module:name"
    raise ConfigurationError(msg)


# -- checks of constructors


def refuse_unknown(unknown: Mapping[str, object], owner: type) -> None:
    """Refuse names that are no options of a class.

    Raises:
        ConfigurationError: naming the option that was probably meant.
    """
    for name in unknown:
        msg = f"{owner.__name__} has no option {name!r}: {suggestion(name, declared(owner))}"
        raise ConfigurationError(msg)


def require_switches(**values: object) -> None:
    """Refuse values other than True and False, such as the text "false", which Python takes for true.

    Raises:
        ConfigurationError: naming the option.
    """
    for name, value in values.items():
        if type(value) is not bool:
            msg = f"{name} takes True or False, not {value!r}"
            raise ConfigurationError(msg)


def require_field(name: str, fields: Collection[str], option: str) -> None:
    """Refuse a name that is not the name of a declared column.

    Raises:
        ConfigurationError: naming the option and the most similar column.
    """
    if name not in fields:
        msg = f"{option}: {name!r} is no declared column; {did_you_mean(name, fields)}"
        raise ConfigurationError(msg)


def require_count(value: object, what: str) -> None:
    """Refuse anything but a whole number of at least 1.

    Args:
        value: the argument.
        what: the call, and what the argument says, for the message.

    Raises:
        ConfigurationError: for any other value.
    """
    if type(value) is not int or value < 1:
        msg = f"{what}, 1 or more"
        raise ConfigurationError(msg)


def user_field(name: str | None, fields: Collection[str]) -> str | None:
    """Check `user_field`: the declared column that tells to which user a session belongs.

    Returns:
        the column; without a name, `user_id` if that is a declared column, otherwise None.

    Raises:
        ConfigurationError: naming the most similar column, if the named column is not declared.
    """
    if name is None:
        return USER_FIELD if USER_FIELD in fields else None
    require_field(name, fields, "user_field")
    return name


def size(value: object) -> int:
    """Check `max_size`: a number of bytes, at least 2, which an empty session takes.

    Raises:
        ConfigurationError: for any other value.
    """
    if type(value) is int and value >= len("{}"):
        return value
    msg = "max_size takes a number of bytes"
    raise ConfigurationError(msg)


def span(value: timeouts.Seconds | None, name: str) -> float:
    """Check a span of time that may be None.

    Returns:
        seconds, more than 0; `math.inf` for None.

    Raises:
        ConfigurationError: naming the option.
    """
    return math.inf if value is None else timeouts.seconds(value, name)


def span_or_zero(value: timeouts.Seconds | None, name: str) -> float | None:
    """Check a span of time that may be 0 or None.

    Returns:
        seconds, 0 or more, or None.

    Raises:
        ConfigurationError: naming the option.
    """
    if value is None:
        return None
    return 0.0 if value == 0 and type(value) is not bool else timeouts.seconds(value, name)
