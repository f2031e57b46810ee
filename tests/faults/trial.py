"""The trial of one fault in one place: the load, the fault as often as asked for, and the verdict."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import SQLAlchemyError

from .clients import opened
from .ledger import Verdict, slowest
from .load import Load, Stuck
from .servers import ServerBroken

if TYPE_CHECKING:
    from .faults import Fault

DEADLINE: Final = 5.0
"""The clients' deadline, which is the store's default."""


@dataclass
class Result:
    """What a trial has shown.

    Attributes:
        fault: which.
        place: where.
        times: how often it was inflicted.
        verdict: None if this machine cannot have the place.
        notes: what else was measured, or why there is no verdict.
    """

    fault: Fault
    place: str
    times: int = 0
    verdict: Verdict | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        """Whether a promise was broken."""
        return self.fault.is_promised and self.verdict is not None and bool(self.verdict.complaints)


class Scene:
    """What a fault can reach.

    Attributes:
        place: where it happens, of `places.PLACES`.
        load: the clients that work meanwhile.
        table_name: their table.
        note: what the fault itself has to tell.
    """

    load: Load

    def __init__(self, place: Any, table_name: str, folder: Path, fault: Fault) -> None:
        self.place = place
        self.table_name = table_name
        self.note: str | None = None
        self._others = Verdict()
        self._watched: list[tuple[float, float]] = []
        self._folder = folder
        self._fault = fault
        self._loads = 0

    def handle(self, sid: str) -> str:
        """The handle of a session."""
        with opened(self.place.url, self.table_name) as store:
            return store.handle(sid)

    def watch_others(self, start: float, end: float) -> None:
        """Report the slowest answer to a call that began between two moments, beside that to all others."""
        self._watched.append((start, end))

    def with_another_load(self, urls: list[str] | None = None, **options: Any) -> None:
        """Have other clients, with a table of their own, work until each was served."""
        self._loads += 1
        folder = self._folder / str(self._loads)
        folder.mkdir()
        table_name = f"{self.table_name}_{self._loads}"
        with self._new_load(urls, table_name, folder, options) as load:
            load.wait_until_served(50)
        self._others = self._others.with_that_of(load.verdict(self.place.url))

    def run(self, times: int, answers: int) -> Verdict:
        """Inflict the fault so often, each after as many answers, and tell what became of everything."""
        fault = self._fault
        if not fault.processes:
            for _ in range(times):
                fault.inflict(self)
            return self._others
        options = {"processes": fault.processes, "hot": fault.hot, "padding": fault.padding}
        self.load = self._new_load(None, self.table_name, self._folder, options)
        with self.load as load:
            for _ in range(times):
                load.wait_until_served(answers)
                fault.inflict(self)
            load.wait_until_served(answers)
        if self._watched:
            within, beside = (round(1000 * seconds) for seconds in slowest(self._folder, self._watched))
            self.note = f"slowest answer to others: {within} ms meanwhile, {beside} ms before and after"
        return load.verdict(self.place.url)

    def _new_load(
        self, urls: list[str] | None, table_name: str, folder: Path, options: dict[str, Any]
    ) -> Load:
        documented = self._fault.documented
        return Load(
            urls or [self.place.url], table_name, folder, deadline=DEADLINE, documented=documented, **options
        )


def tried(fault: Fault, name: str, place: Any, times: int | None = None, *, answers: int = 25) -> Result:
    """Try a fault.

    Args:
        fault: which.
        name: of the place.
        place: where.
        times: how often, if not as often as the fault says.
        answers: how many each client has between two faults.
    """
    result = Result(fault, name, fault.times if times is None else times)
    with tempfile.TemporaryDirectory(prefix="schema-session-faults-") as folder:
        scene = Scene(place, re.sub(r"\W+", "_", f"t {fault.name}".lower())[:30], Path(folder), fault)
        try:
            result.verdict = scene.run(result.times, answers)
        except (ServerBroken, SQLAlchemyError, Stuck) as failure:
            result.verdict = Verdict(wrong=[str(failure)])
        if scene.note:
            result.notes.append(scene.note)
    return result
