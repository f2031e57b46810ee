"""Options as they stand in an ini file, and the stores that a process shares."""

from __future__ import annotations

import functools
import pkgutil
import threading
from typing import TYPE_CHECKING, Any, Final

from ._options import declared
from .errors import ConfigurationError, did_you_mean
from .store import SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_TRUTH: Final = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


def shared_store(settings: Mapping[str, Any], *, prefix: str) -> SessionStore:
    """The store that a host's settings describe; the same settings give the same store in this process.

    Args:
        settings: `store`, a `SessionStore` or the dotted name of one; or else `url`, a URL or an `Engine`,
            and options of `SessionStore`, each of its own type or as text.
        prefix: what the host puts before their names, for error messages, such as `"session."`.

    Raises:
        ConfigurationError: naming the setting that cannot work.
    """
    if "store" in settings:
        return _given_store(settings, prefix)
    if "url" not in settings:
        msg = f"{prefix}url is missing: set it to the database's URL, or {prefix}store to a SessionStore"
        raise ConfigurationError(msg)
    key = tuple(sorted((name, _identity(value)) for name, value in settings.items()))
    with _lock:
        if key not in _stores:
            options = {
                name: coerced(name, value, _options(), prefix=prefix)
                for name, value in settings.items()
                if name != "url"
            }
            # The settings are kept, so that an identity in the key stays theirs.
            _stores[key] = (SessionStore(settings["url"], **options), dict(settings))
        return _stores[key][0]


def refuse_unknown(names: Collection[str], known: Collection[str], *, prefix: str) -> None:
    """Refuse names that are neither `known` to the host nor settings of `shared_store`.

    Raises:
        ConfigurationError: naming the nearest known one.
    """
    ours = {"store", "url", *_options()}
    for name in names:
        if name not in ours and name not in known:
            msg = f"there is no setting {prefix}{name}: {did_you_mean(name, {*ours, *known})}"
            raise ConfigurationError(msg)


def _given_store(settings: Mapping[str, Any], prefix: str) -> SessionStore:
    surplus = sorted(settings.keys() - {"store"})
    if surplus:
        msg = f"{prefix}store brings its own options: leave out {prefix}{surplus[0]}"
        raise ConfigurationError(msg)
    given = settings["store"]
    store = _resolved(given, f"{prefix}store") if isinstance(given, str) else given
    if not isinstance(store, SessionStore):
        msg = f"{prefix}store is not a SessionStore but {type(store).__name__}"
        raise ConfigurationError(msg)
    return store


def _resolved(name: str, where: str) -> Any:
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        problem = str(error)
    msg = f"{where}: {name!r} cannot be imported ({problem}); write it package.module:name"
    raise ConfigurationError(msg)


@functools.cache
def _options() -> dict[str, str]:
    return declared(SessionStore)


def coerced(name: str, value: Any, kinds: Mapping[str, str], *, prefix: str) -> Any:
    """A setting's value as an option of its type, if it is text.

    Args:
        name: the option's.
        value: text, or a value already.
        kinds: the options' types as they are written, by name; text for any other type names an object.
        prefix: as for `shared_store`.

    Raises:
        ConfigurationError: naming the setting.
    """
    if not isinstance(value, str):
        return value
    kind = kinds.get(name, "")
    for start, coerce in _COERCIONS.items():
        if kind.startswith(start):
            try:
                return (
                    None
                    if value.strip().lower() == "none" and kind.endswith("None")
                    else coerce(value.strip())
                )
            except (KeyError, ValueError):
                break
    else:
        return _resolved(value, prefix + name)
    msg = f"{prefix}{name}: {value!r} is not {_EXPECTED[start]}"
    raise ConfigurationError(msg)


def _truth(text: str) -> bool:
    return _TRUTH[text.lower()]


# By what an option's type starts with; any other type is named by a dotted name.
_COERCIONS: Final[dict[str, Callable[[str], Any]]] = {
    "bool": _truth,
    "int": int,
    "Seconds": float,
    "str": str,
}
_EXPECTED: Final = {
    "bool": "true or false",
    "int": "a whole number",
    "Seconds": "a number of seconds",
    "str": "text",
}

_lock = threading.Lock()
_stores: Final[dict[tuple[Any, ...], tuple[SessionStore, dict[str, Any]]]] = {}


def _identity(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) else id(value)
