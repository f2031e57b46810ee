"""Client processes: each has a store, and threads that log in, work and log out as visitors' requests do."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import schema_session_backend
from schema_session_backend import (
    LoadedSession,
    Saved,
    SessionStore,
    StoreUnavailable,
    new_session_id,
)

from .ledger import (
    ABSENT,
    DONE,
    PRESENT,
    SHARED,
    UNDOCUMENTED,
    UNDONE,
    UNKNOWN,
    Ledger,
    content,
    seen_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

SCHEMAS: Final = "user_id Integer index; device String(50)"
THREADS: Final = 3
HOT: Final = "hot"
"""The id of the session that all count in."""
ACCOUNTS: Final = 10_000
"""Accounts that one thread may use."""
STOP: Final = "stop"
FORK: Final = "fork"
LIVES_AFTER_FORK: Final = 3
CHILD_TAKES: Final = 60
"""Seconds after which a child of a client is taken for stuck."""


class Setting(NamedTuple):
    """What a client process is to do.

    Attributes:
        url: of the database.
        table_name: the table's.
        folder: of the ledgers.
        deadline: the store's.
        documented: the errors beside StoreUnavailable that may come, by the names of their classes.
        hot: threads of each process, by its number, that count in a session that all share; 0 beyond the end.
        padding: characters that are in each session beside the rest.
    """

    url: str
    table_name: str
    folder: str
    deadline: float
    documented: tuple[str, ...]
    hot: tuple[int, ...]
    padding: int


def opened(url: str, table_name: str, **options: Any) -> SessionStore:
    """A store as the clients use it."""
    usual: dict[str, Any] = {"schemas": SCHEMAS, "timestamps": True, "gc_interval": None}
    return SessionStore(url, table_name=table_name, **usual | options)


def run(setting: Setting, number: int, orders: Connection, succeeded: Any, refused: Any) -> None:
    """Be a client process until it is told to stop, or its parent is gone.

    Args:
        setting: what to do.
        number: which of the processes it is.
        orders: STOP, or FORK, which is answered with the child's status when it has ended.
        succeeded: shared numbers of answers, of which the threads count theirs up.
        refused: the same of errors.
    """
    store = opened(setting.url, setting.table_name, deadline=setting.deadline)
    documented = tuple(getattr(schema_session_backend, name) for name in setting.documented)
    stopped = threading.Event()

    def work(thread: int) -> None:
        place = (number * THREADS + thread) % len(succeeded)

        def heard(is_answer: bool) -> None:
            (succeeded if is_answer else refused)[place] += 1

        visitor = Visitor(store, _ledger(setting, f"{number}-{thread}"), documented, heard, setting.padding)
        accounts = _accounts(number * THREADS + thread)
        while not stopped.is_set():
            visitor.live(next(accounts), stopped)

    def count(thread: int) -> None:
        visitor = Visitor(store, _ledger(setting, f"{number}-hot{thread}"), documented, _ignore)
        visitor.count_from(HOT)
        while not stopped.is_set():
            visitor.count_in(HOT)

    threads = [threading.Thread(target=work, args=[thread]) for thread in range(THREADS)]
    threads += [
        threading.Thread(target=count, args=[thread])
        for thread in range(dict(enumerate(setting.hot)).get(number, 0))
    ]
    for thread in threads:
        thread.start()
    for fork in itertools.count():
        if _order(orders) != FORK:
            break
        visitor = Visitor(
            store, _ledger(setting, f"{number}-fork{fork}"), documented, _ignore, setting.padding
        )
        orders.send(_live_in_child(visitor, _accounts((1 + number) * 1_000 + fork)))
    stopped.set()
    for thread in threads:
        thread.join()
    store.close()


def _live_in_child(visitor: Visitor, accounts: Iterator[int]) -> int:
    """Fork, and wait for the child, which lives some lives; returns its status."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    # A child that inherited a lock that nobody releases would never end.
    signal.alarm(CHILD_TAKES)
    status = 1
    try:
        for _ in range(LIVES_AFTER_FORK):
            visitor.live(next(accounts), threading.Event())
        status = 0
    finally:
        os._exit(status)


def _ignore(_is_answer: bool) -> None:
    """Nobody waits for this visitor."""


def _order(orders: Connection) -> str:
    try:
        return str(orders.recv())
    except EOFError:  # the parent is gone
        return STOP


def _ledger(setting: Setting, name: str) -> Ledger:
    return Ledger(Path(setting.folder) / f"{name}.ledger")


def _accounts(place: int) -> Iterator[int]:
    return iter(range(place * ACCOUNTS, (place + 1) * ACCOUNTS))


class _Failed(Exception):
    """A call ended in an error."""


class Visitor:
    """Calls a store as the requests of a visitor do, and writes down what it is told.

    Args:
        store: the process's.
        ledger: this visitor's.
        documented: the errors beside StoreUnavailable that may come.
        heard: is told of each call whether it was answered.
        padding: see `Setting`.
    """

    def __init__(
        self,
        store: SessionStore,
        ledger: Ledger,
        documented: tuple[type[Exception], ...],
        heard: Callable[[bool], None],
        padding: int = 0,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._documented = documented
        self._heard = heard
        self._padding = padding

    def live(self, account: int, stopped: threading.Event) -> None:
        """Go through the life of a session; after an error look what became of it, until that is answered."""
        sids = [new_session_id() for _ in range(3)]
        try:
            self._go_through_life(account, *sids)
        except _Failed:
            for sid in sids:
                while not self._is_answered(account, sid) and not stopped.is_set():
                    stopped.wait(0.02)

    def count_from(self, sid: str) -> None:
        """Store the session that all count in, unless it is there."""
        with suppress(_Failed):
            self._call("add", "look", (SHARED, sid, sid, 0), lambda: self._store.add(sid, {"times": 0}))

    def count_in(self, sid: str) -> None:
        """Count in a session that others count in too."""

        def more(data: dict[str, Any]) -> dict[str, Any]:
            return data | {"times": data["times"] + 1}

        with suppress(_Failed):
            self._call("update", "count", (SHARED, sid, sid, 0), lambda: self._store.update(sid, more))

    def _go_through_life(self, account: int, first: str, second: str, third: str) -> None:
        store, call = self._store, self._call
        # Chance, because PostgreSQL would compress anything else.
        new = content(account, 1) | {"times": 0, "padding": secrets.token_hex(self._padding // 2)}

        def counted(data: dict[str, Any]) -> dict[str, Any]:
            return data | content(account, 2) | {"times": data["times"] + 1}

        def times_before(data: dict[str, Any] | None) -> Any:
            return ABSENT if data is None else {"times": data["times"] - 1}

        if account % 2:
            call("set", "put", (account, first, first, 1), lambda: store.set(first, new))
        else:
            was_added = lambda added: ABSENT if added else PRESENT  # noqa: E731
            call("add", "put", (account, first, first, 1), lambda: store.add(first, new), was_added)
        self._look(account, first)
        call(
            "update", "count", (account, first, first, 2), lambda: store.update(first, counted), times_before
        )
        session = self._load(account, first)
        saved = self._save(session, account, first, 3)
        self._save(saved.session, account, first, 4)
        call("rotate", "move", (account, first, second, 0), lambda: store.rotate(first, second), _was_there)
        session = self._load(account, second)
        self._save(session, account, second, 5, new_sid=third)
        self._look(account, third)
        self._find(account, third)
        late = self._load(account, third)
        how = account % 3
        if how == 0:
            call("destroy", "end", (account, third, third, 0), lambda: store.destroy(third), _was_there)
        elif how == 1:
            handle = store.handle(third)
            call("revoke", "end", (account, third, third, 0), lambda: store.revoke(handle), _was_there)
        else:
            return
        self._save(late, account, third, 6)
        self._look(account, third)

    def _save(
        self, session: LoadedSession, account: int, sid: str, number: int, new_sid: str | None = None
    ) -> Saved:
        data = session.data | content(account, number)
        return self._call(
            "save" if new_sid is None else "save(new_sid=)",
            "change",
            (account, sid, new_sid or sid, number),
            lambda: self._store.save(session, data, new_sid=new_sid),
            lambda saved: ABSENT if saved.is_gone else PRESENT,
        )

    def _load(self, account: int, sid: str) -> LoadedSession:
        session = self._call(
            "load",
            "look",
            (account, sid, sid, 0),
            lambda: self._store.load(sid),
            lambda session: seen_in(session and session.data, account),
        )
        if session is None:
            raise _Failed
        return session

    def _look(self, account: int, sid: str) -> None:
        self._call(
            "get",
            "look",
            (account, sid, sid, 0),
            lambda: self._store.get(sid),
            lambda data: seen_in(data, account),
        )

    def _find(self, account: int, sid: str) -> None:
        self._call(
            "find",
            "look",
            (account, sid, sid, 0),
            lambda: self._store.find(user_id=account),
            lambda records: seen_in(records[0].data if records else None, account),
        )

    def _is_answered(self, account: int, sid: str) -> bool:
        try:
            self._look(account, sid)
        except _Failed:
            return False
        return True

    def _call(
        self,
        name: str,
        kind: str,
        about: tuple[int, str, str, int],
        make: Callable[[], Any],
        seen: Callable[[Any], Any] = lambda _answer: None,
    ) -> Any:
        """Make a call between two lines in the ledger; raises `_Failed` if it ends in an error."""
        self._ledger.about_to(name, kind, *about)
        try:
            answer = make()
        except StoreUnavailable as error:
            self._ledger.was_told(UNKNOWN if error.outcome_unknown else UNDONE, None, str(error))
        except self._documented as error:
            self._ledger.was_told(UNDONE, None, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the ledger has to have it
            self._ledger.was_told(UNDOCUMENTED, None, f"{type(error).__name__}: {error}")
        else:
            self._ledger.was_told(DONE, seen(answer))
            self._heard(True)
            return answer
        self._heard(False)
        raise _Failed


def _was_there(answer: bool) -> str:
    return PRESENT if answer else ABSENT
