"""Real processes for tests: each starts anew, calls a function at the same time as the rest, and reports."""

from __future__ import annotations

import multiprocessing as mp
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PRELOADED = [
    "schema_session_backend.cachelib",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "psycopg",
    "pymysql",
]
"""What all processes import: once, in a process that only forks, has used nothing and so shares nothing."""

HEEDING_CTRL_C = ("env", "--default-signal=INT")
"""Before a command: what a shell runs in the background ignores Ctrl-C, and so does all that it starts."""

PATIENCE = 60
"""Seconds after which a process is taken for stuck."""


def at_once(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call a module's function in one process for each arguments, all at once; returns the results.

    An exception in one of them is an AssertionError here, with its traceback.
    """
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    barrier = context.Barrier(len(arguments))
    results: Any = context.Queue()
    processes = [
        context.Process(target=_run, args=(work, number, values, barrier, results), daemon=True)
        for number, values in enumerate(arguments)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=PATIENCE) for _ in processes]
    for process in processes:
        process.join(PATIENCE)
    failures = [text for _, failed, text in found if failed]
    assert not failures, "\n".join(failures)
    return [result for _, _, result in sorted(found, key=lambda one: one[0])]


def _run(work: Callable[..., Any], number: int, values: tuple[Any, ...], barrier: Any, results: Any) -> None:
    try:
        barrier.wait(PATIENCE)
        results.put((number, False, work(*values)))
    except BaseException:  # noqa: BLE001 - whatever it was, the test has to see it
        results.put((number, True, traceback.format_exc()))
