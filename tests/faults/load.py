"""The load: client processes, from their start to what their ledgers say in the end."""

from __future__ import annotations

import itertools
import multiprocessing as mp
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from processes import PRELOADED

from . import clients
from .clients import FORK, STOP, THREADS, Setting, opened
from .ledger import Books, Verdict

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES: Final = 3
PATIENCE: Final = 90.0
"""Seconds after which a client that has no answer is taken for stuck."""
A_FEW: Final = 5
"""Answers that each client must have had, to be counted as served."""
ALL_SESSIONS: Final = 10_000_000


class Stuck(Exception):
    """A client was without what it should have had for longer than `PATIENCE`."""


class Load:
    """Clients that work until the end of the block.

    Args:
        urls: where the clients connect to, each in turn to the next.
        table_name: a table of their own.
        folder: for ledgers.
        deadline: seconds that each of their calls may take.
        documented: see `Setting`.
        processes: how many.
        hot: see `Setting`.
        padding: see `Setting`.
        is_created: whether the table is there before the clients start; otherwise all of them create it.
    """

    def __init__(
        self,
        urls: list[str],
        table_name: str,
        folder: Path,
        *,
        deadline: float,
        documented: tuple[str, ...] = (),
        processes: int = PROCESSES,
        hot: tuple[int, ...] = (),
        padding: int = 0,
        is_created: bool = True,
    ) -> None:
        self.urls = urls
        self.table_name = table_name
        self.deadline = deadline
        self.processes = processes
        self._folder = folder
        self._documented = documented
        self._hot = hot
        self._padding = padding
        self._is_created = is_created
        self._context = mp.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._succeeded: Any = self._context.RawArray("Q", processes * THREADS)
        self._refused: Any = self._context.RawArray("Q", processes * THREADS)
        self._numbers = itertools.count()
        self._clients: list[tuple[Any, Any]] = []

    def __enter__(self) -> Self:
        if self._is_created:
            with opened(self.urls[0], self.table_name, sync_timeout=30) as store:
                store.wait_for_sync()
        self._clients = [self._start() for _ in range(self.processes)]
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        is_stuck = False
        for _, orders in self._clients:
            with suppress(OSError):
                orders.send(STOP)
        for process, orders in self._clients:
            process.join(PATIENCE)
            if process.exitcode is None:
                is_stuck = True
                process.kill()
                process.join()
            orders.close()
        self._clients = []
        if is_stuck and kind is None:
            raise Stuck("a client did not end")

    def wait_until_served(self, answers: int = A_FEW) -> None:
        """Wait until each client has had as many answers more."""
        self._wait(self._succeeded, answers, "answer")

    def wait_until_refused(self) -> None:
        """Wait until each client has had an error more."""
        self._wait(self._refused, 1, "error")

    def kill_one(self) -> None:
        """Kill a client process in the middle of its work, and start another one."""
        process, orders = self._clients.pop(0)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        orders.close()
        self._clients.append(self._start())

    def fork_one(self) -> None:
        """Have a client process fork while its connections are in use; returns when the child has ended."""
        process, orders = self._clients[0]
        self._clients = [*self._clients[1:], (process, orders)]
        orders.send(FORK)
        if not orders.poll(PATIENCE):
            raise Stuck("a child of a client did not end")
        if orders.recv():
            raise Stuck("a child of a client broke off")

    def verdict(self, url: str) -> Verdict:
        """What became of everything; after the end of the block.

        Args:
            url: where to look.
        """
        with opened(url, self.table_name, sync_timeout=30, deadline=60) as store:
            stored = {record.handle: record.data for record in store.find(limit=ALL_SESSIONS)}
            return Books(self._folder, deadline=self.deadline).compare(stored, store.handle)

    def _start(self) -> tuple[Any, Any]:
        number = next(self._numbers)
        setting = Setting(
            url=self.urls[number % len(self.urls)],
            table_name=self.table_name,
            folder=str(self._folder),
            deadline=self.deadline,
            documented=self._documented,
            hot=self._hot,
            padding=self._padding,
        )
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=clients.run, args=(setting, number, theirs, self._succeeded, self._refused), daemon=True
        )
        process.start()
        theirs.close()
        return process, ours

    def _wait(self, counts: Any, more: int, kind: str) -> None:
        before = list(counts)
        deadline = time.monotonic() + PATIENCE
        while any(now < then + more for now, then in zip(counts, before, strict=True)):
            if any(process.exitcode is not None for process, _ in self._clients):
                raise Stuck("a client has ended")
            if time.monotonic() > deadline:
                raise Stuck(f"a client had no {kind} for {PATIENCE:.0f} s")
            time.sleep(0.01)
