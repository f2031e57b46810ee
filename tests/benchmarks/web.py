"""Whole requests: gunicorn with two processes on PostgreSQL, and visitors in a process of their own."""

from __future__ import annotations

import os
import random
import re
import socket
import statistics
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from redis import Redis

from .contenders.base import drop_all
from .redis_server import forget_sessions, redis_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    Address = tuple[str, int]

APPLICATIONS = {
    "flask_ours": "Flask, this store",
    "flask_by_hand": "Flask, by hand with psycopg",
    "flask_redis": "Flask-Session Redis",
    "flask_sqlalchemy": "Flask-Session SQLAlchemy",
    "beaker_ours": "Beaker, this store",
    "beaker_database": "Beaker ext:database",
    "pyramid_ours": "Pyramid, this store",
    "pyramid_beaker": "Pyramid, pyramid_beaker",
}
WORKERS = 2
VISITORS = 4
PATHS = ("/read", "/write")


def requests(url: str, rounds: int, seconds: float) -> dict[str, dict[str, dict[str, float]]]:
    """Requests a second and their median and p99 in milliseconds, by application and path.

    Args:
        url: of a PostgreSQL database.
        rounds: how often each application has its turn, in shuffled order.
        seconds: of each turn.
    """
    drop_all(url)
    # Here, so that a server of our own lasts as long as this process.
    client = Redis.from_url(redis_url())
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ExitStack() as servers, get_context("spawn").Pool(1) as outside:
        addresses = {name: servers.enter_context(_serving(name, url)) for name in APPLICATIONS}
        cookies = {name: [_sign_in(address) for _ in range(50)] for name, address in addresses.items()}
        turns = [(name, path) for name in APPLICATIONS for path in PATHS] * rounds
        random.Random(1).shuffle(turns)
        for name, path in turns:
            taken, lasted = outside.apply(_visit, (addresses[name], path, cookies[name], seconds))
            rates[name, path].append(len(taken) / lasted)
            times[name, path] += taken
    drop_all(url)
    forget_sessions(client)
    return {
        title: {path: _summary(rates[name, path], times[name, path]) for path in PATHS}
        for name, title in APPLICATIONS.items()
    }


def _summary(rates: list[float], times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "per second": statistics.median(rates),
        "median": statistics.median(ordered) * 1000,
        "p99": ordered[int(len(ordered) * 0.99)] * 1000,
    }


@contextmanager
def _serving(name: str, url: str) -> Iterator[Address]:
    command = [sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:0", f"--workers={WORKERS}"]
    command += ["--no-control-socket", f"benchmarks.applications:{name}()"]
    environ = {**os.environ, "BENCH_URL": url, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            told = []
            for line in server.stderr:
                told.append(line)
                found = re.search(r"Listening at: http://(\S+):(\d+)", line)
                if found:
                    address = (found[1], int(found[2]))
                    # Workers start while the first request waits.
                    _ask(address, "/read", "")
                    yield address
                    break
            else:
                raise RuntimeError("".join(told))
        finally:
            server.terminate()


def _ask(address: Address, path: str, cookie: str) -> bytes:
    """One request on a connection of its own, as gunicorn's usual workers have it."""
    with socket.create_connection(address) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: bench\r\nCookie: {cookie}\r\n\r\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    answer = b"".join(parts)
    assert answer[9:12] == b"200", answer[:2000]
    return answer


def _sign_in(address: Address) -> str:
    found = re.search(rb"(?i)\nset-cookie: ([^;]+)", _ask(address, "/write", ""))
    assert found
    return found[1].decode()


def _visit(address: Address, path: str, cookies: list[str], seconds: float) -> tuple[list[float], float]:
    """Several visitors at once, for a while; returns what each request took."""
    end = monotonic() + seconds

    def visitor(part: int) -> list[float]:
        taken = []
        while monotonic() < end:
            cookie = cookies[part + VISITORS * random.randrange(len(cookies) // VISITORS)]
            start = perf_counter()
            _ask(address, path, cookie)
            taken.append(perf_counter() - start)
        return taken

    start = perf_counter()
    with ThreadPoolExecutor(VISITORS) as pool:
        parts: list[Any] = list(pool.map(visitor, range(VISITORS)))
    return [taken for part in parts for taken in part], perf_counter() - start
