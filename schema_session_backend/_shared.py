"""Settings as hosts find them in ini files and environments, and the stores that a process shares."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from ._options import declared, imported
from ._suggestions import suggestion
from .errors import ConfigurationError
from .store import SessionStore

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ._options import Option

_lock = threading.Lock()
_stores: Final[dict[tuple[Any, ...], tuple[SessionStore, dict[str, Any]]]] = {}


def settings_of(source: Mapping[str, Any], *, prefix: str) -> dict[str, Any]:
    """The settings whose names begin with a prefix, under the names of the options.

    Args:
        source: a section of an ini file, or the environment.
        prefix: such as `"schema_session."`; in capitals, such as `"SCHEMA_SESSION_"`, it is that of
            environment variables, and the rest of their names is in capitals too.
    """
    own = {name.removeprefix(prefix): value for name, value in source.items() if name.startswith(prefix)}
    return {name.lower(): value for name, value in own.items()} if prefix.isupper() else own


def refuse_unknown(
    names: Collection[str], passed_over: Collection[str] = (), *, prefix: str, options: Collection[str] = ()
) -> None:
    """Refuse names that are no settings.

    Args:
        names: as `settings_of` gives them.
        passed_over: names that the host uses inside, which are never suggested.
        prefix: as for `settings_of`.
        options: those of the host beside those of `shared_store`.

    Raises:
        ConfigurationError: naming the setting that was meant, as far as that can be told.
    """
    known = {"store", "url", *declared(SessionStore), *options}
    for name in names:
        if name not in known and name not in passed_over:
            hint = suggestion(name, known, otherwise="docs/reference.md lists the settings")
            msg = f"there is no setting {_setting(name, prefix)}: {hint}"
            raise ConfigurationError(msg)


def read_options(
    settings: Mapping[str, Any], options: Mapping[str, Option], *, prefix: str
) -> dict[str, Any]:
    """Those settings that are options, each text read as its option says; other values stay as they are.

    Args:
        settings: as `settings_of` gives them.
        options: see `declared`.
        prefix: as for `settings_of`.

    Raises:
        ConfigurationError: naming the setting whose text stands for no value.
    """
    return {
        name: options[name].read(value, setting=_setting(name, prefix)) if isinstance(value, str) else value
        for name, value in settings.items()
        if name in options
    }


def shared_store(settings: Mapping[str, Any], *, prefix: str) -> SessionStore:
    """The store that a host's settings describe; the same settings give the same store in this process.

    Args:
        settings: `store`, a `SessionStore` or the dotted name of one; or else `url`, a URL or an `Engine`,
            and options of `SessionStore`, each of its own type or as text.
        prefix: what the host puts before their names, as for `settings_of`.

    Raises:
        ConfigurationError: naming the setting that cannot work.
    """
    if "store" in settings:
        return _given_store(settings, prefix)
    if "url" not in settings:
        url, store = _setting("url", prefix), _setting("store", prefix)
        msg = f"{url} is missing: set it to the database's URL, or {store} to a SessionStore"
        raise ConfigurationError(msg)
    key = tuple(sorted((name, _identity(value)) for name, value in settings.items()))
    with _lock:
        if key not in _stores:
            refuse_unknown(settings, prefix=prefix)
            options = read_options(settings, declared(SessionStore), prefix=prefix)
            # The settings are kept, so that an identity in the key stays theirs.
            _stores[key] = (SessionStore(settings["url"], **options), dict(settings))
        return _stores[key][0]


def _given_store(settings: Mapping[str, Any], prefix: str) -> SessionStore:
    setting = _setting("store", prefix)
    surplus = sorted(settings.keys() - {"store"})
    if surplus:
        msg = f"{setting} brings its own options: leave out {_setting(surplus[0], prefix)}"
        raise ConfigurationError(msg)
    given = settings["store"]
    store = imported(given, setting=setting) if isinstance(given, str) else given
    if not isinstance(store, SessionStore):
        msg = f"{setting} is not a SessionStore but {type(store).__name__}"
        raise ConfigurationError(msg)
    return store


def _setting(name: str, prefix: str) -> str:
    """How a setting is written in its source."""
    return f"{prefix}{name.upper() if prefix.isupper() else name}"


def _identity(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) else id(value)
