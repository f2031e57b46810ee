"""The store that a command works on: by its dotted name, from an ini file, or from options."""

from __future__ import annotations

import configparser
import sys
import traceback
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._options import declared
from .._shared import read_options, settings_of
from .._spelling import did_you_mean
from ..errors import ConfigurationError
from ..store import SessionStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

ATTRIBUTE: Final = "store"
"""The name that a module's store has if only the module is named."""
PREFIXES: Final = ("schema_session.", "session.", "beaker.session.")
"""How the settings of Pyramid's host and of Beaker's begin in an ini file."""


def store_named(name: str) -> SessionStore:
    """The store of an application, as `package.module:name` names it.

    The name may also be that of an object with the attribute `store`, such as a `SchemaCache` or a
    `SchemaSessionFactory`, or of a function without arguments that returns one of these.

    Raises:
        ConfigurationError: with what was tried.
    """
    module_name, _, path = name.partition(":")
    tried: list[str] = []
    # As `python -m` does: a console script's own directory is no place for applications.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    found: Any = _module(name, module_name, tried)
    for part in (path or ATTRIBUTE).split("."):
        if not hasattr(found, part):
            public = [one for one in dir(found) if not one.startswith("_")]
            tried.append(f"its attribute {part!r}: there is none; {_similar(part, public)}")
            raise _not_found(name, tried)
        found = getattr(found, part)
        tried.append(f"its attribute {part!r}: {type(found).__name__}")
    store = _store_in(found)
    if store is None and callable(found) and not isinstance(found, type):
        try:
            store = _store_in(found())
        except Exception as error:  # noqa: BLE001 - it is the application's
            tried.append(f"calling it without arguments: {_told(error)}")
            raise _not_found(name, tried) from None
        tried.append("calling it without arguments")
    if store is None:
        tried.append(
            "a SessionStore, an object whose attribute `store` is one, or a function that returns one"
        )
        raise _not_found(name, tried)
    return store


def store_of_ini(place: str) -> SessionStore:
    """The store of an application that an ini file configures, for Pyramid's host or Beaker's.

    Args:
        place: the file's path, with `#section` for one of its sections.

    Raises:
        ConfigurationError: naming the file, if it has no such settings, or several.
    """
    path, _, wanted = place.partition("#")
    file = Path(path).resolve()
    defaults = {"here": str(file.parent).replace("%", "%%"), "__file__": str(file).replace("%", "%%")}
    parser = configparser.ConfigParser(defaults, strict=False)
    try:
        with file.open(encoding="utf-8") as lines:
            parser.read_file(lines)
        sections = {section: dict(parser[section]) for section in parser.sections()}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        problem = str(error).splitlines()[0]
    else:
        return _store_of_sections(path, wanted, sections)
    msg = f"--ini: {path} cannot be read: {problem}"
    raise ConfigurationError(msg)


def store_of_options(options: Mapping[str, Any]) -> SessionStore:
    """The store of a URL and options, each as text or as a value of its own type.

    Raises:
        ConfigurationError: naming the option that cannot work.
    """
    known = declared(SessionStore)
    values = {
        name: known[name].read(value, setting=flag(name)) if isinstance(value, str) else value
        for name, value in options.items()
        if name != "url"
    }
    return SessionStore(options["url"], **values)


def flag(name: str) -> str:
    """An option of the store as the command line spells it."""
    return f"--{name.replace('_', '-')}"


def require_file(store: SessionStore) -> None:
    """Refuse an SQLite file that is not there, because connecting would create it.

    Raises:
        ConfigurationError: naming the file.
    """
    url = store.engine.url
    name = url.database
    is_file = (
        url.get_backend_name() == "sqlite" and name and name != ":memory:" and not name.startswith("file:")
    )
    if is_file and not Path(str(name)).exists():
        msg = f"there is no file {name}; `init` creates it with the table, or look at the URL"
        raise ConfigurationError(msg)


# -- their parts


def _module(name: str, module_name: str, tried: list[str]) -> ModuleType:
    module: ModuleType | None = None
    parent = ""
    for part in module_name.split("."):
        whole = f"{parent}.{part}" if parent else part
        try:
            module = import_module(whole) if part.isidentifier() and find_spec(whole) else None
            problem = f"no such module in {_places(parent)}"
        except Exception as error:  # noqa: BLE001 - an application's module may raise anything
            module, problem = None, _told(error)
        if module is None:
            tried.append(f"import {whole}: {problem}")
            raise _not_found(name, tried)
        tried.append(f"import {whole}: {getattr(module, '__file__', None) or 'a package without a file'}")
        parent = whole
    assert module is not None
    return module


def _places(parent: str) -> str:
    if parent:
        return f"the package {parent}"
    return f"{Path.cwd()}, PYTHONPATH, and what is installed for {sys.executable}"


def _told(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _similar(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known, otherwise=" ")
    return hint if hint.strip() else f"write --store package.module:name, where {ATTRIBUTE!r} is the default"


def _not_found(name: str, tried: list[str]) -> ConfigurationError:
    lines = "\n".join(f"  - {each}" for each in tried)
    return ConfigurationError(f"--store {name}: no store was found there. Tried:\n{lines}")


def _store_in(found: Any) -> SessionStore | None:
    if isinstance(found, SessionStore):
        return found
    inner = getattr(found, "store", None)
    return inner if isinstance(inner, SessionStore) else None


def _store_of_sections(path: str, wanted: str, sections: Mapping[str, Mapping[str, str]]) -> SessionStore:
    if wanted and wanted not in sections:
        msg = f"--ini: {path} has no section [{wanted}]; {did_you_mean(wanted, sections)}"
        raise ConfigurationError(msg)
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for section, items in sections.items():
        for prefix in PREFIXES if wanted in {"", section} else ():
            # The host has checked its other settings.
            known = {"store", "url", *declared(SessionStore)}
            ours = {name: text for name, text in settings_of(items, prefix=prefix).items() if name in known}
            if ours.keys() & {"store", "url"}:
                found[f"[{section}] {prefix}"] = (prefix, ours)
    different = {tuple(sorted(settings.items())) for _, settings in found.values()}
    if len(different) > 1:
        msg = f"--ini: {path} configures several stores: {', '.join(found)}; choose one by {path}#section"
        raise ConfigurationError(msg)
    if not found:
        prefixes = " or ".join(f"{prefix}url" for prefix in PREFIXES)
        where = f"section [{wanted}]" if wanted else f"sections {', '.join(f'[{one}]' for one in sections)}"
        msg = f"--ini: {path} has no setting {prefixes} (nor …store) in its {where}"
        raise ConfigurationError(msg)
    prefix, settings = next(iter(found.values()))
    if "store" in settings:
        return store_named(settings["store"])
    url = settings.pop("url")
    return SessionStore(url, **read_options(settings, declared(SessionStore), prefix=prefix))
