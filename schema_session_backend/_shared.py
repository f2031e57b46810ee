"""Stores from the settings of ini files and environments; equal settings share one store in a process."""

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
    """The settings whose names begin with a prefix, by the names of the options.

    Args:
        source: a section of an ini file, or the environment.
        prefix: such as `"schema_session."`. A prefix in capitals, such as `"SCHEMA_SESSION_"`, is for
            environment variables, where the rest of each name is in capitals too.
    """
    settings = {name.removeprefix(prefix): value for name, value in source.items() if name.startswith(prefix)}
    return {name.lower(): value for name, value in settings.items()} if prefix.isupper() else settings


def refuse_unknown(
    names: Collection[str],
    ignored: Collection[str] = (),
    *,
    prefix: str,
    options: Collection[str] = (),
    max_age: str = "max_age",
) -> None:
    """Refuse names that are no settings.

    Args:
        names: names of settings, as `settings_of` returns them.
        ignored: settings of the host itself, which are neither refused nor suggested.
        prefix: see `settings_of`.
        options: the host's own options, which are known beside the settings of `shared_store`.
        max_age: the setting that sets the idle timeout, if the host has one of its own.

    Raises:
        ConfigurationError: naming the setting that was probably meant.
    """
    known = {"store", "url", *declared(SessionStore), *options}
    for name in names:
        if name not in known and name not in ignored:
            hint = suggestion(name, known, otherwise="docs/reference.md lists the settings", max_age=max_age)
            msg = f"there is no setting {_full_name(name, prefix)}: {hint}"
            raise ConfigurationError(msg)


def read_options(
    settings: Mapping[str, Any], options: Mapping[str, Option], *, prefix: str
) -> dict[str, Any]:
    """The values of options in settings; texts are converted as each option says, other values are kept.

    Args:
        settings: settings, as `settings_of` returns them; those that are no options are left out.
        options: the options, as `declared` returns them.
        prefix: see `settings_of`.

    Raises:
        ConfigurationError: naming the setting whose text cannot be converted.
    """
    return {
        name: options[name].read(value, setting=_full_name(name, prefix)) if isinstance(value, str) else value
        for name, value in settings.items()
        if name in options
    }


def shared_store(settings: Mapping[str, Any], *, prefix: str) -> SessionStore:
    """The store that a host's settings describe; the same settings give the same store in this process.

    Args:
        settings: either `store`, a `SessionStore` or its dotted name, or `url`, a URL or an `Engine`, with
            options of `SessionStore`, each as a value of its own type or as text.
        prefix: the prefix that the settings have at their source, for error messages; see `settings_of`.

    Raises:
        ConfigurationError: naming the setting that cannot work.
    """
    if "store" in settings:
        return _store_setting(settings, prefix)
    if "url" not in settings:
        url, store = _full_name("url", prefix), _full_name("store", prefix)
        msg = f"{url} is missing: set it to the database's URL, or {store} to a SessionStore"
        raise ConfigurationError(msg)
    key = tuple(sorted((name, _identity(value)) for name, value in settings.items()))
    with _lock:
        if key not in _stores:
            refuse_unknown(settings, prefix=prefix)
            options = read_options(settings, declared(SessionStore), prefix=prefix)
            # The key has the id() of each object. Keep the settings, so that no other object gets that id().
            _stores[key] = (SessionStore(settings["url"], **options), dict(settings))
        return _stores[key][0]


def _store_setting(settings: Mapping[str, Any], prefix: str) -> SessionStore:
    """The store that the setting `store` is, or names."""
    setting = _full_name("store", prefix)
    surplus = sorted(settings.keys() - {"store"})
    if surplus:
        msg = f"{setting} brings its own options: leave out {_full_name(surplus[0], prefix)}"
        raise ConfigurationError(msg)
    store = settings["store"]
    if isinstance(store, str):
        store = imported(store, setting=setting)
    if not isinstance(store, SessionStore):
        msg = f"{setting} is not a SessionStore but {type(store).__name__}"
        raise ConfigurationError(msg)
    return store


def _full_name(name: str, prefix: str) -> str:
    """A setting's name as its source has it."""
    return f"{prefix}{name.upper() if prefix.isupper() else name}"


def _identity(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) else id(value)
