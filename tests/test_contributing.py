"""CONTRIBUTING.md maps every file, and the imports of the packages point up on the map."""

from __future__ import annotations

from bisect import bisect
from itertools import pairwise
from typing import TYPE_CHECKING

from sources import ROOT, files_to_map, imports_of, modules, read_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sources import Import

MAP = read_map()
POSITIONS = {line.path: position for position, line in enumerate(MAP)}

PACKAGE = "schema_session_backend/"
# Where each layer begins on the map: what all use, session, row, how it runs, store, hosts.
LAYERS = ["errors.py", "_session/", "_table/", "_sql/", "_suggestions.py", "beaker/"]
# Hosts that build on another one, which is named as the map names it.
BUILDS_ON = {
    (
        f"{PACKAGE}cachelib.py",
        f"{PACKAGE}flask.py",
    ),  # Flask-Session on the cache merges what requests have read.
    (f"{PACKAGE}devices/flask.py", f"{PACKAGE}cachelib.py"),
    ("integrations/pyramid/pyramid_schema_session/__init__.py", f"{PACKAGE}devices/"),
    ("integrations/pyramid/pyramid_schema_session/devices.py", f"{PACKAGE}devices/"),
}


def layer_of(module: str) -> int:
    return bisect([POSITIONS[PACKAGE + start] for start in LAYERS], POSITIONS[module])


def host_of(module: str) -> str | None:
    """The host that a module belongs to, a module or a folder of the last layer; None in the layers above."""
    if layer_of(module) < len(LAYERS):
        return None
    if not module.startswith(PACKAGE):
        return "integrations/"
    name, slash, _ = module.removeprefix(PACKAGE).partition("/")
    return PACKAGE + name + slash


def mapped_imports() -> Iterator[tuple[str, Import]]:
    """Each module with what it imports, as far as both are on the map."""
    for module in modules():
        for found in imports_of(module):
            if {module, found.target} <= POSITIONS.keys():
                yield module, found


# -- the map


def test_every_file_is_on_the_map():
    assert sorted(files_to_map() - POSITIONS.keys()) == []


def test_the_map_names_no_file_that_is_gone():
    assert [line.path for line in MAP if not (ROOT / line.path).exists()] == []


def test_a_file_is_on_the_map_once_and_is_described():
    assert len(POSITIONS) == len(MAP)
    assert [line.path for line in MAP if not line.path.endswith("/") and not line.description] == []
    assert not [line for line in MAP if "…" in line.description]


# -- what modules import


def test_the_layers_are_on_the_map_in_their_order():
    assert all(above < below for above, below in pairwise(POSITIONS[PACKAGE + start] for start in LAYERS))


def test_a_module_imports_only_what_is_above_it_on_the_map():
    """So no modules import each other in a circle."""
    below = [
        f"{module} imports {found.target}"
        for module, found in mapped_imports()
        if found.at_run_time and POSITIONS[found.target] >= POSITIONS[module]
    ]

    assert below == []


def test_imports_for_type_hints_reach_no_layer_below_either():
    below = [
        f"{module} imports {found.target}"
        for module, found in mapped_imports()
        if layer_of(found.target) > layer_of(module)
    ]

    assert below == []


def test_no_module_imports_a_name_that_is_private_to_another_one():
    private = [
        f"{module} imports {found.name} from {found.target}"
        for module in modules()
        for found in imports_of(module)
        if found.name is not None and found.name.startswith("_")
    ]

    assert private == []


def test_hosts_do_not_know_each_other():
    known = {
        (module, host_of(found.target))
        for module, found in mapped_imports()
        if host_of(module) and host_of(found.target) not in {None, host_of(module)}
    }

    assert known == BUILDS_ON
