"""A Redis server to measure beside: the one in BENCH_REDIS_URL, one that runs here, or one of our own."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import time
from functools import cache

import redis

from packages import install
from servers import free_port

PREFIX = "schema-session-bench:"
"""Of all our keys; the server may be somebody's."""
STARTING_TAKES = 10


@cache
def redis_url() -> str:
    """Where the server is; started, and installed, if there is none."""
    if (given := os.environ.get("BENCH_REDIS_URL")) is not None:
        return given
    usual = "redis://127.0.0.1:6379/0"
    url = usual if _answers(usual) else _started()
    # For the processes that we start.
    os.environ["BENCH_REDIS_URL"] = url
    return url


def forget_sessions(client: redis.Redis) -> None:
    """Remove our keys."""
    while keys := list(client.scan_iter(f"{PREFIX}*", count=5_000)):
        for start in range(0, len(keys), 5_000):
            client.delete(*keys[start : start + 5_000])


def _answers(url: str) -> bool:
    try:
        return bool(redis.Redis.from_url(url).ping())
    except redis.RedisError:
        return False


def _started() -> str:
    if shutil.which("redis-server") is None:
        install("redis-server")
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    atexit.register(server.terminate)
    url = f"redis://127.0.0.1:{port}/0"
    deadline = time.monotonic() + STARTING_TAKES
    while not _answers(url):
        if time.monotonic() > deadline:
            msg = "redis-server does not start"
            raise RuntimeError(msg)
        time.sleep(0.05)
    return url
