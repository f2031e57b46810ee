"""What changes with 100,000, a million and five million sessions, on PostgreSQL."""

from __future__ import annotations

import random
import resource
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, text

from schema_session_backend import SessionStore

from . import gc
from .contenders.base import drop
from .sessions import MAX_AGE, SCHEMAS, SESSIONS_OF_A_USER, session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SIZES = (100_000, 1_000_000, 5_000_000)
TABLE = "bench_scale"
# The store hashes an id with SHA-256 and keeps the hexadecimal digits.
FILL = """
INSERT INTO {table} (sid, user_id, device, ip, additional, expire_at, revision{stamps})
SELECT encode(sha256(convert_to('session ' || n, 'UTF8')), 'hex'), n / {share}, device, ip, additional,
    expire_at + (n % 1000) * 1000, revision{stamped}
FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) n,
    (SELECT * FROM {table} WHERE sid = :template) template
"""
STAMPED = ", created_at - (n % 14) * interval '1 day', updated_at"
RECOMMENDED = {
    "fillfactor": "85",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_cost_delay": "0",
    "autovacuum_vacuum_insert_scale_factor": "0.1",
}


def sid(number: int) -> str:
    """The id of a session here."""
    return f"session {number}"


class BigTable:
    """A table that grows; every statement of the store's on it can be timed.

    Args:
        url: of a PostgreSQL database.
        timestamps: the store's option; the sessions are of the last two weeks then.
        options: the table's storage parameters.
    """

    def __init__(
        self, url: str, options: Mapping[str, str] | None = None, *, timestamps: bool = False
    ) -> None:
        drop(url, TABLE)
        self.url = url
        self.size = 0
        self.timestamps = timestamps
        self.store = SessionStore(
            url,
            schemas=SCHEMAS,
            table_name=TABLE,
            max_age=MAX_AGE,
            gc_interval=None,
            timestamps=timestamps,
        )
        # Nobody of its user is revoked.
        self.store.set("template", {**session(1), "user_id": -1})
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")
        if options:
            self.run(
                f"ALTER TABLE {TABLE} SET ({', '.join(f'{name} = {options[name]}' for name in options)})"
            )

    def run(self, statement: str, **values: Any) -> Any:
        """Run a statement; returns the first value of its first row, if it has one."""
        with self._engine.connect() as connection:
            result = connection.execute(text(statement), values)
            return result.scalar() if result.returns_rows else None

    def grow(self, size: int) -> None:
        """Add sessions until there are so many."""
        stamps = (", created_at, updated_at", STAMPED) if self.timestamps else ("", "")
        fill = FILL.format(table=TABLE, share=SESSIONS_OF_A_USER, stamps=stamps[0], stamped=stamps[1])
        for first in range(self.size, size, 250_000):
            last = min(first + 250_000, size) - 1
            self.run(fill, first=first, last=last, template=self.store.handle("template"))
        self.size = size
        self.run(f"VACUUM ANALYZE {TABLE}")
        self.run("CHECKPOINT")

    def megabytes(self) -> dict[str, float]:
        """What the table and its indexes take."""
        sizes = {"table": f"pg_table_size('{TABLE}')", "indexes": f"pg_indexes_size('{TABLE}')"}
        return {name: self.run(f"SELECT {size}") / 2**20 for name, size in sizes.items()}

    def close(self) -> None:
        """Remove it."""
        self.store.close()
        self._engine.dispose()
        drop(self.url, TABLE)

    # -- what is timed

    def read(self, number: int) -> None:
        assert self.store.get(sid(number)) is not None

    def write(self, number: int) -> None:
        loaded = self.store.load(sid(number))
        assert loaded is not None
        self.store.save(loaded, {**loaded.data, "visits": random.random()})

    def list_by_user(self, number: int) -> None:
        assert len(self.store.find(user_id=number // SESSIONS_OF_A_USER)) > 0

    def revoke(self, number: int) -> None:
        self.store.revoke_where(user_id=number // SESSIONS_OF_A_USER, keep=sid(number))


def median_of(work: Callable[[int], None], numbers: list[int]) -> dict[str, float]:
    """Microseconds."""
    taken = []
    for number in numbers:
        start = perf_counter_ns()
        work(number)
        taken.append((perf_counter_ns() - start) / 1000)
    taken.sort()
    return {"median": statistics.median(taken), "p99": taken[int(len(taken) * 0.99)]}


def chosen(count: int, samples: int, *, to_revoke: bool) -> list[int]:
    """Sessions anywhere in the table; every tenth user is there to be revoked."""
    found: list[int] = []
    while len(found) < samples:
        number = random.randrange(count)
        if (number // SESSIONS_OF_A_USER % 10 == 0) is to_revoke:
            found.append(number)
    return found


def sizes(url: str, counts: tuple[int, ...] = SIZES, samples: int = 5_000) -> list[dict[str, Any]]:
    """Read, write, list and revoke at each size, on sessions anywhere in the table."""
    big = BigTable(url)
    found = []
    for count in counts:
        big.grow(count)
        row: dict[str, Any] = {"sessions": count, **big.megabytes()}
        for operation in ("read", "write", "list_by_user", "revoke"):
            numbers = chosen(count, samples, to_revoke=operation == "revoke")
            # Pages that nobody has read for long are the disk's business; these have been.
            if operation == "read":
                median_of(big.read, numbers)
            row[operation] = median_of(getattr(big, operation), numbers)
        found.append(row)
    big.close()
    return found


def gc_of_half(url: str, count: int) -> dict[str, Any]:
    """`gc.waits` on a table of that size."""
    big = BigTable(url)
    big.grow(count)
    template = big.store.handle("template")
    big.run(f"UPDATE {TABLE} SET expire_at = 1 WHERE user_id % 2 = 0 AND sid <> '{template}'")
    big.run(f"VACUUM ANALYZE {TABLE}")
    numbers = chosen(count, 10_000, to_revoke=False)
    live = [sid(number) for number in numbers if number // SESSIONS_OF_A_USER % 2]
    found = gc.waits(big.store, url, TABLE, live)
    big.close()
    return found


def memory(url: str, requests: int = 1_000_000) -> list[dict[str, float]]:
    """The memory of a process that serves requests, one in ten of which writes."""
    big = BigTable(url)
    big.grow(10_000)
    found = []
    for number in range(requests + 1):
        loaded = big.store.load(sid(number % big.size))
        assert loaded is not None
        if number % 10 == 0:
            loaded.data["visits"] = number
        big.store.save(loaded, loaded.data)
        if number % (requests // 10) == 0:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            found.append({"requests": number, "megabytes": pages * resource.getpagesize() / 2**20})
    big.close()
    return found


def bloat(url: str, count: int = 100_000, touches: int = 1_000_000) -> list[dict[str, Any]]:
    """What the table takes after many touches, with PostgreSQL's settings and with the recommended ones."""
    found = []
    for name, options in {"defaults": {}, "recommended": RECOMMENDED}.items():
        big = BigTable(url, options)
        big.grow(count)
        before = big.megabytes()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(_touch, [big, big], range(2), [touches // 2] * 2))
        found.append({"settings": name, "before": before, "after": big.megabytes()})
        big.close()
    return found


def _touch(big: BigTable, part: int, touches: int) -> None:
    chooser = random.Random(part)
    for _ in range(touches):
        assert big.store.touch(sid(chooser.randrange(big.size)))


def pages(url: str, count: int = 1_000_000) -> dict[str, Any]:
    """What the pages of an administrator take the database, in milliseconds, and how it answers them."""
    big = BigTable(url, timestamps=True)
    big.grow(count)
    big.store.set("rare", {"user_id": 1, "device": "a rare one", "ip": "192.0.2.1"})
    store = big.store
    deep = store.browse(after="8" * 64).after
    looks: dict[str, Callable[[], Any]] = {
        "first page": store.browse,
        "a page in the middle": lambda: store.browse(after=deep),
        "search by user (indexed)": lambda: store.browse(user_id=count // 8),
        "search by device, found everywhere": lambda: store.browse(device="Firefox on Fedora"),
        "search by device, found nowhere": lambda: store.browse(device="none has it"),
        "counts per day": store.count_per_day,
    }
    found = {name: _explained(store, look) for name, look in looks.items()}
    big.close()
    return found


def _explained(store: SessionStore, look: Callable[[], Any]) -> dict[str, Any]:
    """The statements of a page once more, for the database's own account of them."""
    statements: list[tuple[str, Any]] = []
    engine = store._database.engine

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_others: Any) -> None:
        statements.append((statement, parameters))

    look()
    event.listen(engine, "before_cursor_execute", keep)
    look()
    event.remove(engine, "before_cursor_execute", keep)
    plan: list[str] = []
    with engine.connect() as connection:
        for statement, parameters in statements:
            explain = f"EXPLAIN (ANALYZE, BUFFERS) {statement}"
            plan += connection.exec_driver_sql(explain, parameters).scalars()
    taken = sum(float(line.split()[2]) for line in plan if line.startswith("Execution Time"))
    return {"ms": taken, "plan": plan}
