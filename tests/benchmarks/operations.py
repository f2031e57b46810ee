"""Single operations: all contenders in one run, in shuffled order: the machine's moods hit all alike."""

from __future__ import annotations

import gc
import random
import statistics
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

from wire import Counter

from .contenders.base import OPERATIONS, Contender, drop_all
from .contenders.others import BeakerDatabase, BeakerSqla, Django, FlaskRedis, FlaskSqlAlchemy
from .contenders.ours import Sealed, Store, ThroughBeaker, ThroughFlask, ThroughPyramid
from .contenders.plain import Core, Floor, FloorWithColumns

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOOR = Floor.name
CONTENDERS: tuple[type[Contender], ...] = (
    Floor,
    FloorWithColumns,
    Store,
    Sealed,
    ThroughBeaker,
    ThroughFlask,
    ThroughPyramid,
    Core,
    BeakerSqla,
    BeakerDatabase,
    FlaskSqlAlchemy,
    FlaskRedis,
    Django,
)
# A request that only looks at its session, in the words of each host; the others have no requests.
READ_ONLY = {
    ThroughBeaker: "touch",
    ThroughFlask: "touch",
    ThroughPyramid: "read",
    BeakerSqla: "touch",
    BeakerDatabase: "touch",
    FlaskSqlAlchemy: "touch",
    Django: "read",
}
# psycopg prepares a statement when it has seen it a few times, which is one more round trip.
WARM_UP = 10


@contextmanager
def opened(kinds: Any, url: str, count: int) -> Iterator[list[Contender]]:
    """The contenders, each with its sessions."""
    contenders: list[Contender] = []
    try:
        for kind in kinds:
            contenders.append(kind(url))
            contenders[-1].preload(count)
        yield contenders
    finally:
        for contender in contenders:
            with suppress(Exception):
                contender.close()
        drop_all(url)


def times(url: str, count: int, samples: int) -> dict[str, dict[str, dict[str, float]]]:
    """Median and p99 in microseconds, by contender and operation.

    Args:
        url: of the database.
        count: sessions in each table.
        samples: of each operation of each contender.
    """
    taken: dict[tuple[str, str], list[int]] = {}
    with opened(CONTENDERS, url, count) as contenders:
        tasks = [(one, operation) for one in contenders for operation in OPERATIONS] * (samples + WARM_UP)
        warm_up = len(contenders) * len(OPERATIONS) * WARM_UP
        chooser = random.Random(1)
        rest = tasks[warm_up:]
        chooser.shuffle(rest)
        used = {"create": count, "delete": count // 2}
        numbers = dict.fromkeys([(one.name, operation) for one in contenders for operation in used], 0)
        gc.collect()
        gc.freeze()
        for index, (contender, operation) in enumerate(tasks[:warm_up] + rest):
            # The upper half is there to be deleted.
            number = chooser.randrange(count // 2)
            if operation in used:
                numbers[contender.name, operation] += 1
                number = used[operation] + numbers[contender.name, operation]
            nanoseconds = contender.timed(operation, number)
            if index >= warm_up:
                taken.setdefault((contender.name, operation), []).append(nanoseconds)
        gc.unfreeze()
    return {
        kind.name: {operation: _summary(taken[kind.name, operation]) for operation in OPERATIONS}
        for kind in CONTENDERS
    }


def _summary(nanoseconds: list[int]) -> dict[str, float]:
    ordered = sorted(nanoseconds)
    return {"median": statistics.median(ordered) / 1000, "p99": ordered[int(len(ordered) * 0.99)] / 1000}


def round_trips(url: str) -> dict[str, dict[str, int]]:
    """Of each operation, counted on the wire between the driver and its server."""
    counter = Counter(url)
    kinds = [kind for kind in CONTENDERS if kind is not FlaskRedis]
    found: dict[str, dict[str, int]] = {}
    with opened(kinds, counter.url, 100) as contenders:
        for contender in contenders:
            for place, operation in enumerate(OPERATIONS):
                for number in range(WARM_UP):
                    contender.timed(
                        operation,
                        1000 * place + number
                        if operation == "create"
                        else number + 50 * (operation == "delete"),
                    )
                before = counter.total
                number = {"create": 1000 * place + WARM_UP, "delete": 50 + WARM_UP}.get(operation, WARM_UP)
                contender.timed(operation, number)
                found.setdefault(contender.name, {})[operation] = counter.total - before
    counter.close()
    return found


def read_only_requests(url: str, requests: int = 1000) -> dict[str, dict[str, int]]:
    """Round trips, and rows that were written, for requests that only look; on PostgreSQL."""
    found = {}
    for kind, operation in READ_ONLY.items():
        none, all_of_them = (_visited(kind, operation, url, number) for number in (0, requests))
        found[kind.name] = {name: all_of_them[name] - none[name] for name in none}
    return found


def _visited(kind: Any, operation: str, url: str, requests: int) -> dict[str, int]:
    """What was sent and written until so many requests were served."""
    counter = Counter(url)
    before = _rows_written(url)
    with opened([kind], counter.url, 100) as (contender,):
        for number in range(WARM_UP + requests):
            contender.timed(operation, number % 100)
    # A server process tells what it has counted at its end, and all of it only then.
    counter.close()
    return {"round trips": counter.total, "rows written": _rows_written(url) - before}


def _rows_written(url: str) -> int:
    """How many rows the database has seen written, as PostgreSQL counts them."""
    time.sleep(0.3)
    columns = "tup_inserted + tup_updated + tup_deleted"
    query = f"SELECT {columns} FROM pg_stat_database WHERE datname = current_database()"
    engine = create_engine(url)
    with engine.connect() as connection:
        written: int = connection.execute(text(query)).scalar_one()
    engine.dispose()
    return written
