"""The faults: each is a function that inflicts one, under load, and returns when it is over.

A new fault is one function here, with `@fault` that names it, where it happens and how often.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .clients import HOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .trial import Scene

POSTGRESQL: Final = "PostgreSQL"
MARIADB: Final = "MariaDB"
SQLITE: Final = "SQLite"
STANDBY: Final = "PostgreSQL with a synchronous standby"
GALERA: Final = "Galera, 3 nodes"
SERVERS: Final = (POSTGRESQL, MARIADB)
GALERA_THAT_WAITS: Final = "Galera, 3 nodes, wsrep_sync_wait=15"
DISKS: Final = tuple(f"{name} on a small disk" for name in (POSTGRESQL, MARIADB, SQLITE))


@dataclass(frozen=True)
class Fault:
    """A fault and its load.

    Attributes:
        name: as the table of results has it.
        inflict: does it once.
        on: the places where it happens.
        times: how often it is tried.
        quick: how often in `make test`; 0 if that takes too long.
        documented: errors that clients may get beside StoreUnavailable, by the names of their classes.
        processes: client processes; with 0 the fault starts its own.
        hot: see `clients.Setting`.
        padding: see `clients.Setting`.
        is_promised: whether anything lost, revived or wrong is a failure of `make faults`.
    """

    name: str
    inflict: Callable[[Scene], None]
    on: tuple[str, ...]
    times: int
    quick: int = 0
    documented: tuple[str, ...] = ()
    processes: int = 3
    hot: tuple[int, ...] = ()
    padding: int = 0
    is_promised: bool = True


FAULTS: Final[list[Fault]] = []


def fault(
    name: str, *, on: tuple[str, ...], times: int, **load: Any
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Put a function among the faults."""

    def decorate(inflict: Callable[[Scene], None]) -> Callable[[Scene], None]:
        FAULTS.append(Fault(name, inflict, on, times, **load))
        return inflict

    return decorate


# -- connections and servers


@fault("all connections killed", on=SERVERS, times=20, quick=1)
def connections_killed(scene: Scene) -> None:
    scene.place.end_connections()


@fault("server restarted", on=SERVERS, times=10)
def restarted(scene: Scene) -> None:
    scene.place.stop()
    scene.place.start()


@fault("server restarted at once (immediate)", on=(POSTGRESQL,), times=10)
def restarted_at_once(scene: Scene) -> None:
    scene.place.stop(scene.place.immediate)
    scene.place.start()


@fault("server killed (kill -9)", on=SERVERS, times=10, quick=1)
def server_killed(scene: Scene) -> None:
    scene.place.kill()
    scene.place.start()


@fault("server down for longer than the deadline", on=SERVERS, times=2)
def server_down(scene: Scene) -> None:
    scene.place.stop()
    scene.load.wait_until_refused()
    scene.place.start()


@fault("server frozen for longer than the deadline", on=SERVERS, times=3)
def server_frozen(scene: Scene) -> None:
    with scene.place.frozen():
        scene.load.wait_until_refused()


@fault("primary that became read-only", on=SERVERS, times=2)
def became_read_only(scene: Scene) -> None:
    with scene.place.read_only():
        scene.load.wait_until_refused()


# -- locks


@fault("100 requests on one locked row", on=SERVERS, times=5, processes=1, hot=(100,))
def row_locked(scene: Scene) -> None:
    with scene.place.locked_row(scene.table_name, scene.handle(HOT)):
        began = time.monotonic()
        scene.load.wait_until_served(50)
        scene.watch_others(began, time.monotonic())


@fault("locked table", on=SERVERS, times=2)
def table_locked(scene: Scene) -> None:
    with scene.place.locked_table(scene.table_name):
        scene.load.wait_until_refused()


@fault("locked file", on=(SQLITE,), times=2)
def file_locked(scene: Scene) -> None:
    with scene.place.locked():
        scene.load.wait_until_refused()


# -- clients


@fault("writer killed (kill -9)", on=(*SERVERS, SQLITE), times=10, quick=1)
def writer_killed(scene: Scene) -> None:
    scene.load.kill_one()


@fault("fork with connections in use", on=(*SERVERS, SQLITE), times=20, quick=1)
def forked(scene: Scene) -> None:
    scene.load.fork_one()


@fault("8 processes create the table and a session at once", on=(*SERVERS, SQLITE), times=3, processes=0)
def created_at_once(scene: Scene) -> None:
    scene.with_another_load(processes=8, hot=(1,) * 8, is_created=False)


# -- disks


@fault("disk full", on=DISKS, times=2, documented=("StatementFailed",), padding=50_000)
def disk_full(scene: Scene) -> None:
    scene.place.fill()
    scene.load.wait_until_refused()
    scene.place.make_room()
    scene.place.database.start_again()


# -- several servers


@fault("primary killed, standby promoted", on=(STANDBY,), times=20, quick=1)
def failed_over(scene: Scene) -> None:
    scene.place.fail_over()


@fault("waits for the standby cancelled, then primary killed", on=(STANDBY,), times=3)
def waits_cancelled(scene: Scene) -> None:
    with scene.place.standby.frozen():
        scene.place.cancel_waits()
        scene.load.wait_until_refused()
        scene.place.primary.kill()
    scene.place.take_over()


@fault("one session changed on three nodes at once", on=(GALERA,), times=2, processes=0, is_promised=False)
def changed_on_all_nodes(scene: Scene) -> None:
    scene.with_another_load(urls=scene.place.urls, hot=(3, 3, 3))
    scene.note = f"{scene.place.conflicts()} conflicts of nodes since they were started"


@fault("node killed, clients sent to another one", on=(GALERA, GALERA_THAT_WAITS), times=3, is_promised=False)
def node_killed(scene: Scene) -> None:
    scene.place.kill_and_leave()
    scene.load.wait_until_served()
    scene.place.start_those_down()


@fault("no quorum for longer than the deadline", on=(GALERA,), times=2, is_promised=False)
def quorum_lost(scene: Scene) -> None:
    with scene.place.without_quorum():
        scene.load.wait_until_refused()
