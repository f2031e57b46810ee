"""gevent: a warning where it has patched the process too late for a store."""

from __future__ import annotations

import logging
import sys

_log = logging.getLogger("schema_session_backend")


class Patching:
    """Whether gevent had patched the standard library when a store was made.

    The store's locks and queues, and psycopg's way of waiting, are chosen when the store is made. If gevent
    patches the library after that, whatever waits for the database stops all greenlets of the process.
    """

    def __init__(self) -> None:
        self._is_in_time = patched_by_gevent()

    def check(self) -> None:
        """Warn, once, if gevent has patched the library since; to be called where a connection is opened."""
        if self._is_in_time or not patched_by_gevent():
            return
        self._is_in_time = True
        _log.warning(
            "gevent patched this process after the store was made, so one statement that waits, as for a"
            " locked row, stops all requests of the process; call gevent.monkey.patch_all() before the"
            " application is imported, under gunicorn in the first lines of gunicorn.conf.py"
        )


def patched_by_gevent() -> bool:
    """Whether gevent has patched the standard library of this process."""
    # gevent is never imported here: where it has patched anything, it is imported.
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))
