"""What clients were told, written down outside of the database, and what it says of the database.

A client writes down each call before it makes it, and afterwards what it was told. From that follow the
states that its session can be in: one after an acknowledged call, two after a call whose outcome is unknown.
A state that an answer or the table shows beside these is a fault of the database or of the store.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

LATE: Final = 4.0
"""Seconds beyond the deadline after which an answer is late."""

DONE: Final = "done"
UNDONE: Final = "undone"
UNKNOWN: Final = "unknown"
UNDOCUMENTED: Final = "undocumented"
SHARED: Final = -1
"""The account of sessions that all clients use."""

ABSENT: Final = "absent"
PRESENT: Final = "present"


class State(NamedTuple):
    """A session that is stored: its id, the number of the last write, and how often it was counted."""

    sid: str
    number: int
    times: int


EFFECTS: Final[dict[str, Callable[[State | None, str, int], State | None]]] = {
    "look": lambda state, _to, _number: state,
    "put": lambda _state, to, number: State(to, number, 0),
    "change": lambda state, to, number: state and State(to, number, state.times),
    "count": lambda state, to, number: state and State(to, number, state.times + 1),
    "move": lambda state, to, _number: state and State(to, state.number, state.times),
    "end": lambda _state, _to, _number: None,
}
"""What each kind of call makes of a session, given the id that it then has, and the number of the write."""


class Call(NamedTuple):
    """A call that a client is about to make.

    Attributes:
        name: the store's method.
        kind: a key of `EFFECTS`.
        account: whose session it is; nobody else uses it.
        sid: the id that the call names.
        to: the id that the session then has.
        number: of the write.
        at: seconds, on a clock that all processes share.
    """

    name: str
    kind: str
    account: int
    sid: str
    to: str
    number: int
    at: float


class Answer(NamedTuple):
    """What a client was told.

    Attributes:
        outcome: DONE, UNDONE, UNKNOWN or UNDOCUMENTED.
        seen: what the answer says of the session before the call: None for nothing, ABSENT, PRESENT, or the
            values of a `State` by their names.
        error: the error's text.
        at: seconds.
    """

    outcome: str
    seen: Any
    error: str | None
    at: float


class Ledger:
    """A file in which one client writes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def about_to(self, name: str, kind: str, account: int, sid: str, to: str, number: int) -> None:
        """Write down a call that is made next."""
        self._write(Call(name, kind, account, sid, to, number, time.monotonic()))

    def was_told(self, outcome: str, seen: Any = None, error: str | None = None) -> None:
        """Write down how it ended."""
        self._write(Answer(outcome, seen, error, time.monotonic()))

    def _write(self, line: tuple[Any, ...]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


@dataclass
class Verdict:
    """What ledgers say, together with what is stored.

    Attributes:
        acknowledged: writes that were done, as the clients were told.
        lost: acknowledged writes that are gone, or that an older version has replaced.
        revived: sessions that are there after an acknowledged end.
        wrong: other answers that cannot be true, writes of an unknown outcome that were done after a look
            had not shown them, and errors that the documentation does not name; a line about each.
        late: answers that came too long after the deadline.
        refused: calls that ended in a documented error.
        unknown: those of them that said that their outcome is unknown.
        longest_call: seconds that a call took at most.
        longest_outage: seconds at most that a client was without any answer but errors.
    """

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    refused: int = 0
    unknown: int = 0
    longest_call: float = 0.0
    longest_outage: float = 0.0

    @property
    def complaints(self) -> list[str]:
        """All that must not be."""
        return [
            *(f"lost: {line}" for line in self.lost),
            *(f"revived: {line}" for line in self.revived),
            *self.wrong,
            *self.late,
        ]

    def with_that_of(self, other: Verdict) -> Verdict:
        """Both as one."""
        return Verdict(
            acknowledged=self.acknowledged + other.acknowledged,
            lost=self.lost + other.lost,
            revived=self.revived + other.revived,
            wrong=self.wrong + other.wrong,
            late=self.late + other.late,
            refused=self.refused + other.refused,
            unknown=self.unknown + other.unknown,
            longest_call=max(self.longest_call, other.longest_call),
            longest_outage=max(self.longest_outage, other.longest_outage),
        )


class Books:
    """All ledgers of a trial.

    Args:
        folder: where they are; `*.ledger` are those of clients.
        deadline: seconds that a call of the clients' stores may take.
    """

    def __init__(self, folder: Path, *, deadline: float) -> None:
        self.verdict = Verdict()
        self._latest = deadline + LATE
        self._possible: dict[int, set[State | None]] = defaultdict(lambda: {None})
        # What calls of an unknown outcome may have done, also where a later look did not show it.
        self._unknown: dict[int, set[State | None]] = defaultdict(set)
        self._sids: dict[int, set[str]] = defaultdict(set)
        self._counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for path in sorted(folder.glob("*.ledger")):
            self._read(path)

    def compare(self, stored: Mapping[str, Mapping[str, Any]], handle_of: Callable[[str], str]) -> Verdict:
        """The verdict, given all live sessions by their handles.

        Those that no ledger names count as revived.
        """
        rest = dict(stored)
        for account, sids in self._sids.items():
            handles = {sid: handle_of(sid) for sid in sids}
            there = [(sid, rest.pop(handle)) for sid, handle in handles.items() if handle in rest]
            where = f"account {account} in the table"
            if len(there) > 1:
                self.verdict.revived.append(f"{where} has {len(there)} sessions")
            elif there:
                sid, data = there[0]
                self._judge(account, sid, seen_in(data, account), where)
            else:
                self._judge(account, None, ABSENT, where)
        for sid, (done, unknown) in self._counted.items():
            visits = rest.pop(handle_of(sid), {}).get("times", 0)
            where = f"{visits} visits in the table after {done} to {done + unknown}"
            self.verdict.lost += [where] * max(0, done - visits)
            self.verdict.wrong += [f"counted twice: {where}"] * max(0, visits - done - unknown)
        self.verdict.revived += ["a session in the table that nobody stored"] * len(rest)
        return self.verdict

    def _read(self, path: Path) -> None:
        last_success = None
        for call, answer in entries(path):
            if call.account == SHARED:
                self._count(call, answer)
                continue
            self._sids[call.account] |= {call.sid, call.to}
            self._enter(call, answer)
            if answer is None:
                continue
            self._time(call, answer)
            if answer.outcome == DONE:
                if last_success is not None:
                    gap = answer.at - last_success
                    self.verdict.longest_outage = max(self.verdict.longest_outage, gap)
                last_success = answer.at

    def _enter(self, call: Call, answer: Answer | None) -> None:
        possible = self._possible[call.account]
        outcome = UNKNOWN if answer is None else answer.outcome
        where = f"{call.name} of account {call.account}"
        if answer is not None:
            self._tally(call, answer, where)
        if outcome == UNDONE:
            return
        if answer is not None and outcome == DONE:
            self._judge(call.account, call.sid, answer.seen, where)
            possible = self._possible[call.account]
        effect = EFFECTS[call.kind]
        after = set()
        for state in possible:
            addressed = state is None or state.sid == call.sid or call.kind == "put"
            after.add(effect(state, call.to, call.number) if addressed else state)
        if outcome == DONE:
            self._possible[call.account] = after
        else:
            self._possible[call.account] = possible | after
            self._unknown[call.account] |= after - possible

    def _tally(self, call: Call, answer: Answer, where: str) -> None:
        verdict = self.verdict
        if answer.outcome == DONE:
            verdict.acknowledged += call.kind != "look"
            return
        if answer.outcome == UNDOCUMENTED:
            verdict.wrong.append(f"{where}: {answer.error}")
            return
        verdict.refused += 1
        verdict.unknown += answer.outcome == UNKNOWN

    def _time(self, call: Call, answer: Answer) -> None:
        took = answer.at - call.at
        self.verdict.longest_call = max(self.verdict.longest_call, took)
        if took > self._latest:
            self.verdict.late.append(f"{call.name} of account {call.account} took {took:.1f} s")

    def _judge(self, account: int, sid: str | None, seen: Any, where: str) -> None:
        """Leave of the states that are possible those that were seen; complain if there is none."""
        possible = self._possible[account]
        left = {state for state in possible if agrees(state, sid, seen)}
        if left:
            self._possible[account] = left
            return
        late = {state for state in self._unknown[account] if agrees(state, sid, seen)}
        if late:
            self.verdict.wrong.append(f"{where}: done after a look that did not show it")
            self._possible[account] = late
            return
        numbers = [state.number for state in possible if state is not None]
        if seen == ABSENT:
            self.verdict.lost.append(f"{where}: absent, not one of {_shown(possible)}")
            self._possible[account] = {None}
            return
        shown = f"{where}: {seen}, not one of {_shown(possible)}"
        if seen != PRESENT and "torn" in seen:
            self.verdict.wrong.append(f"half written: {shown}")
            return
        if not any(state is not None and state.sid == sid for state in possible):
            self.verdict.revived.append(shown)
        elif seen != PRESENT and seen.get("number", max(numbers)) < min(numbers):
            self.verdict.lost.append(shown)
        else:
            self.verdict.wrong.append(shown)
        if sid is not None and seen != PRESENT and seen.keys() >= {"number", "times"}:
            self._possible[account] = {State(sid, seen["number"], seen["times"])}

    def _count(self, call: Call, answer: Answer | None) -> None:
        """A call that counts in a session that all clients share."""
        counted = self._counted[call.sid]
        outcome = UNKNOWN if answer is None else answer.outcome
        if call.kind == "count":
            counted[0] += outcome == DONE
            counted[1] += outcome in {UNKNOWN, UNDOCUMENTED}
        if answer is not None:
            self._tally(call, answer, f"{call.name} of a shared session")
            self._time(call, answer)


def entries(path: Path) -> Iterator[tuple[Call, Answer | None]]:
    """The calls of a ledger; without an answer where the client was killed."""
    call = None
    for line in _whole_lines(path):
        if len(line) == len(Call._fields):
            call = Call(*line)
        else:
            assert call is not None
            yield call, Answer(*line)
            call = None
    if call is not None:
        yield call, None


def slowest(folder: Path, windows: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Seconds of the slowest calls that began in one of the windows of time, and in none of them.

    Calls on shared sessions do not count.
    """
    within, beside = 0.0, 0.0
    for path in folder.glob("*.ledger"):
        for call, answer in entries(path):
            if answer is None or call.account == SHARED:
                continue
            if any(start <= call.at <= end for start, end in windows):
                within = max(within, answer.at - call.at)
            else:
                beside = max(beside, answer.at - call.at)
    return within, beside


def agrees(state: State | None, sid: str | None, seen: Any) -> bool:
    """Whether a session in this state looks like that under an id; None for all ids."""
    there = state if state is not None and sid in {None, state.sid} else None
    if seen is None:
        return True
    if seen == ABSENT:
        return there is None
    if seen == PRESENT or there is None:
        return there is not None
    return all(getattr(there, name, None) == value for name, value in seen.items())


def content(account: int, number: int) -> dict[str, Any]:
    """What a client stores as a write of this number, in two columns and beside them."""
    return {"user_id": account, "device": f"write {number}", "number": number}


def seen_in(data: Mapping[str, Any] | None, account: int) -> Any:
    """What a client writes down of a session that it has read."""
    if data is None:
        return ABSENT
    number = data.get("number")
    if not isinstance(number, int) or content(account, number).items() - data.items():
        return {"torn": sorted(data)}
    return {"number": number, "times": data.get("times")}


def _whole_lines(path: Path) -> Iterable[list[Any]]:
    *lines, rest = path.read_bytes().split(b"\n")
    assert not rest, "a client wrote half of a line"
    return map(json.loads, lines)


def _shown(possible: set[State | None]) -> list[Any]:
    # Without ids.
    return [state and {"number": state.number, "times": state.times} for state in possible]
