"""CONTRIBUTING.md maps every file, and the imports of the packages point up on the map."""

from __future__ import annotations

from bisect import bisect
from itertools import pairwise

from sources import ROOT, files_to_map, imports_of, modules, read_map

MAP = read_map()
POSITIONS = {line.path: position for position, line in enumerate(MAP)}

PACKAGE = "schema_session_backend/"
PYRAMID = "integrations/"
# Where each layer begins on the map: what all use, session, row, how it runs, store, hosts.
LAYERS = ["errors.py", "_session/", "_table/", "_sql/", "_suggestions.py", "beaker.py"]
HOSTS = [*(f"{PACKAGE}{name}" for name in ("beaker.py", "flask.py", "cachelib.py", "devices/")), PYRAMID]
# Hosts that build on another one.
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
    return next((host for host in HOSTS if module.startswith(host)), None)


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
        for module in modules()
        for found in imports_of(module)
        if found.at_run_time and POSITIONS[found.target] >= POSITIONS[module]
    ]

    assert below == []


def test_imports_for_type_hints_reach_no_layer_below_either():
    below = [
        f"{module} imports {found.target}"
        for module in modules()
        for found in imports_of(module)
        if layer_of(found.target) > layer_of(module)
    ]

    assert below == []


def test_no_module_imports_a_name_that_is_private_to_another_one():
    private = {
        (module, found.target, found.name)
        for module in modules()
        for found in imports_of(module)
        if found.name is not None and found.name.startswith("_")
    }

    assert private == set()


def test_hosts_do_not_know_each_other():
    known = {
        (module, host_of(found.target))
        for module in modules()
        for found in imports_of(module)
        if host_of(module) and host_of(found.target) not in {None, host_of(module)}
    }

    assert known == BUILDS_ON
