"""Finding and ending the sessions of a user, and storing many at once, beside the driver's own ways."""

from __future__ import annotations

import gc
import random
import statistics
from time import perf_counter, perf_counter_ns

from .contenders.base import analyze, drop_all
from .contenders.ours import Store
from .contenders.plain import FloorWithColumns
from .sessions import SESSIONS_OF_A_USER, session, sid

WARM_UP = 30
BULK = 20_000
FIRST_OF_BULK = 10**8


def times(url: str, count: int, samples: int) -> dict[str, dict[str, float]]:
    """Medians in microseconds, in shuffled order, and rows a second for many at once.

    Args:
        url: of the database.
        count: sessions in each table.
        samples: of each operation.
    """
    contenders: dict[str, FloorWithColumns | Store] = {
        "floor": FloorWithColumns(url),
        "this store": Store(url),
    }
    for contender in contenders.values():
        contender.preload(count)
    analyze(url)
    users = count // SESSIONS_OF_A_USER
    samples = min(samples, users // 2 - WARM_UP)
    kinds = [(name, operation) for name in contenders for operation in ("find", "revoke_user")]
    tasks = kinds * (samples + WARM_UP)
    rest = tasks[len(kinds) * WARM_UP :]
    chooser = random.Random(1)
    chooser.shuffle(rest)
    # The users of the upper half are there to be ended, and each of them can be ended once.
    ended = dict.fromkeys(contenders, users // 2)
    taken: dict[tuple[str, str], list[int]] = {kind: [] for kind in kinds}
    gc.collect()
    for name, operation in tasks[: len(kinds) * WARM_UP] + rest:
        user = chooser.randrange(users // 2)
        if operation == "revoke_user":
            user = ended[name]
            ended[name] += 1
        work = getattr(contenders[name], operation)
        start = perf_counter_ns()
        number = work(user)
        taken[name, operation].append(perf_counter_ns() - start)
        assert number == SESSIONS_OF_A_USER, (name, operation, number)
    found = {}
    for operation, title in (("find", "find 5, µs"), ("revoke_user", "revoke_where 5, µs")):
        floor, ours = (statistics.median(taken[name, operation][WARM_UP:]) / 1000 for name in contenders)
        found[title] = {"floor": floor, "this store": ours, "x the floor": ours / floor}
    many = {sid(FIRST_OF_BULK + number): session(number) for number in range(min(BULK, count))}
    rates = []
    for contender in contenders.values():
        begin = perf_counter()
        contender.store_many(many)
        rates.append(len(many) / (perf_counter() - begin))
        contender.close()
    drop_all(url)
    found["set_many, rows a second"] = {
        "floor": rates[0],
        "this store": rates[1],
        "x the floor": rates[1] / rates[0],
    }
    return found
