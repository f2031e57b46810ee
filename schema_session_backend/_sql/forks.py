"""What objects do before and after a fork of the process, and which files a child has inherited open."""

from __future__ import annotations

import os
import sys
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    FileId = tuple[int, int]
    """A file's device and inode."""

PATIENCE: Final = 5.0
"""Seconds that a fork waits for the statements of other threads on an SQLite file."""


class _Methods:
    """Bound methods, each of which is called as long as its object lives."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.WeakMethod[Callable[[], None]]] = {}

    def add(self, method: Callable[[], None]) -> None:
        reference = weakref.WeakMethod(method, self._forget)
        self._references[id(reference)] = reference

    def _forget(self, reference: weakref.WeakMethod[Callable[[], None]]) -> None:
        self._references.pop(id(reference), None)

    def call(self) -> None:
        for reference in list(self._references.values()):
            method = reference()
            if method is not None:
                method()

    def __len__(self) -> int:
        return len(self._references)


_before: Final = _Methods()
_in_parent: Final = _Methods()
_in_child: Final = _Methods()
_kept: Final[list[object]] = []
_inherited_files: set[FileId] = set()


def around_fork(*, before: Callable[[], None], in_parent: Callable[[], None]) -> None:
    """Register bound methods to be called in the parent, before each fork and after it."""
    _before.add(before)
    _in_parent.add(in_parent)


def after_fork(method: Callable[[], None]) -> None:
    """Register a bound method to be called in the child of each fork."""
    _in_child.add(method)


def registered() -> int:
    """How many methods are registered, of all objects that still live."""
    return len(_before) + len(_in_parent) + len(_in_child)


def keep_alive(inherited: object) -> None:
    """Never finalize an inherited object in the child.

    Finalizing a connection, for example, would close it on the server, where the parent still uses it.
    """
    _kept.append(inherited)


def file_id(path: str) -> FileId | None:
    """The identity of the file that is at a path now; None if there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_inherited(file: FileId | None) -> bool:
    """Whether the parent had the file open when it forked this process."""
    return file in _inherited_files


def _open_files() -> set[FileId]:
    """The files that this process has open."""
    found = set()
    for descriptor in Path("/dev/fd").iterdir():
        with suppress(OSError):
            status = os.fstat(int(descriptor.name))
            found.add((status.st_dev, status.st_ino))
    return found


def _after_in_child() -> None:
    # SQLite's are the only files that matter.
    if "sqlite3" in sys.modules:
        with suppress(OSError):
            _inherited_files.clear()
            _inherited_files.update(_open_files())
    _in_child.call()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before.call, after_in_parent=_in_parent.call, after_in_child=_after_in_child)
