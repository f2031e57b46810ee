"""The files of the repository as CONTRIBUTING.md maps them, and what the packages' modules import.

Files are named by their paths from the repository's root.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "schema_session_backend": "schema_session_backend",
    "pyramid_schema_session": "integrations/pyramid/pyramid_schema_session",
}
MAPPED_FOLDERS = ("schema_session_backend", "integrations", "tests", "docs")
MAPPED_SUFFIXES = {".py", ".md", ".html", ".css", ".js", ".sh"}
# A line of the map: indented by two blanks for each folder that it is in, and a name with its description.
_FENCED = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"(?P<indent> *)(?P<name>[\w.]+/?)(?: +(?P<description>.+))?")


class Import(NamedTuple):
    """What a module imports of the packages.

    Attributes:
        target: the imported module's file.
        name: what is imported from it; None for the module itself.
        at_run_time: False if it is for type hints only.
    """

    target: str
    name: str | None
    at_run_time: bool


class Mapped(NamedTuple):
    """A line of the map; the path of a folder ends with a slash."""

    path: str
    description: str


def read_map() -> list[Mapped]:
    """The lines of the map in CONTRIBUTING.md, from the top."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = []
    for block in _FENCED.findall(text):
        folders: list[str] = []
        for line in block.splitlines():
            match = _LINE.fullmatch(line)
            if match is None or not (folders or match["name"].removesuffix("/") in MAPPED_FOLDERS):
                break  # The block is no map.
            depth = len(match["indent"]) // 2
            del folders[depth:]
            found.append(Mapped("".join([*folders, match["name"]]), match["description"] or ""))
            if match["name"].endswith("/"):
                folders.append(match["name"])
    return found


def files_to_map() -> set[str]:
    """The files that the map has to name: all but an `__init__.py` that has only a docstring."""
    paths = (path for folder in MAPPED_FOLDERS for path in (ROOT / folder).rglob("*"))
    return {
        str(path.relative_to(ROOT))
        for path in paths
        if path.suffix in MAPPED_SUFFIXES and not _says_nothing(path)
    }


def modules() -> list[str]:
    """The modules of both packages."""
    return sorted(
        str(path.relative_to(ROOT)) for folder in PACKAGES.values() for path in (ROOT / folder).rglob("*.py")
    )


@cache
def imports_of(module: str) -> tuple[Import, ...]:
    """What a module imports of the packages, anywhere in it."""
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[Import]:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    checks = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    )
    for_types = {id(inner) for check in checks for node in check.body for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            dotted: list[tuple[str, str | None]] = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = _absolute(module, node)
            dotted = [(start, alias.name) for alias in node.names]
        else:
            continue
        for start, name in dotted:
            target, imported = _resolve(start, name)
            if target is not None:
                yield Import(target, imported, id(node) not in for_types)


def _says_nothing(path: Path) -> bool:
    return path.name == "__init__.py" and len(ast.parse(path.read_text(encoding="utf-8")).body) <= 1


def _absolute(module: str, node: ast.ImportFrom) -> str:
    """The dotted name from which a statement imports."""
    if not node.level:
        return node.module or ""
    folder = (ROOT / module).parents[node.level - 1].relative_to(ROOT)
    package = next(name for name, path in PACKAGES.items() if folder.is_relative_to(path))
    within = folder.relative_to(PACKAGES[package]).parts
    return ".".join(filter(None, [package, *within, node.module]))


def _resolve(dotted: str, name: str | None) -> tuple[str | None, str | None]:
    """The file of a module, and the name to import from it; no file for what is not in the packages."""
    package, _, rest = dotted.partition(".")
    if package not in PACKAGES:
        return None, None
    start = "/".join(filter(None, [PACKAGES[package], *rest.split(".")]))
    if name is not None and (inner := _file_of(f"{start}/{name}")):
        return inner, None
    return _file_of(start), name


def _file_of(path: str) -> str | None:
    candidates = (f"{path}.py", f"{path}/__init__.py")
    return next((one for one in candidates if (ROOT / one).exists()), None)
