"""A PostgreSQL primary and its synchronous standby, which takes its place when it dies."""

from __future__ import annotations

import shutil
import time
from typing import Final

from sqlalchemy.engine import make_url

from servers import HOST

from .servers import STARTING_TAKES, PostgreSQL, ServerBroken

_SYNCHRONOUS: Final = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"

_CANCEL: Final = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Pair:
    """The two; each commit waits until both have it."""

    def __init__(self) -> None:
        self.primary = PostgreSQL()
        self.standby = PostgreSQL()

    @property
    def url(self) -> str:
        """Both servers: the driver connects to the one that can be written to."""
        hosts = tuple(f"{HOST}:{server.port}" for server in (self.primary, self.standby))
        url = make_url(self.primary.url).set(host=None, port=None)
        url = url.update_query_dict({"host": hosts, "target_session_attrs": "read-write"})
        return url.render_as_string(hide_password=False)

    def create(self) -> None:
        """Start both."""
        self.primary.create()
        # The standby gets a copy of the setting, which has to hold when it is the primary.
        self.primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._rebuild_standby()
        self.primary.run("SELECT pg_reload_conf()")
        self._wait_until_synchronous()

    def fail_over(self) -> None:
        """Kill the primary, and have the standby take over."""
        self.primary.kill()
        self.take_over()

    def take_over(self) -> None:
        """Promote the standby, and make a new standby of what was the primary."""
        self.standby.run("SELECT pg_promote()")
        self.primary, self.standby = self.standby, self.primary
        self._rebuild_standby()
        self._wait_until_synchronous()

    def cancel_waits(self) -> None:
        """Cancel the waits for the standby, as soon as there are any."""
        deadline = time.monotonic() + STARTING_TAKES
        while not self.primary.run(_CANCEL):
            if time.monotonic() > deadline:
                raise ServerBroken("nobody waited for the standby")
            time.sleep(0.02)

    def remove(self) -> None:
        """End both."""
        self.standby.remove()
        self.primary.remove()

    def _rebuild_standby(self) -> None:
        standby = self.standby
        shutil.rmtree(standby.data, ignore_errors=True)
        source = [f"--host={HOST}", f"--port={self.primary.port}", "--username=postgres"]
        standby.call(
            "pg_basebackup",
            f"--pgdata={standby.data}",
            *source,
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        )
        standby.start()

    def _wait_until_synchronous(self) -> None:
        deadline = time.monotonic() + STARTING_TAKES
        while not self.primary.run(_SYNCHRONOUS):
            if time.monotonic() > deadline:
                raise ServerBroken(f"the standby did not follow: {self.standby.last_words()}")
            time.sleep(0.02)
