"""Callbacks that run in a child process after a fork."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_after_fork: Final[list[weakref.WeakMethod[Callable[[], None]]]] = []
_inherited: Final[list[object]] = []


def after_fork(method: Callable[[], None]) -> None:
    """Register a bound method to be called in the child of each fork, as long as its object lives."""
    _after_fork.append(weakref.WeakMethod(method))


def keep_alive(inherited: object) -> None:
    """Never finalize an inherited object in the child.

    Finalizing a connection, for example, would close it on the server, where the parent still uses it.
    """
    _inherited.append(inherited)


def _run_after_fork() -> None:
    for reference in _after_fork:
        method = reference()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_run_after_fork)
