"""docs/explanation/faults.md has the result of each trial of `make faults`, and of no other."""

from __future__ import annotations

from .faults import FAULTS
from .ledger import Verdict
from .places import PLACES
from .report import COLUMNS, PAGE, markdown, rewritten
from .trial import Result


def test_the_page_has_each_trial_that_there_is():
    rows = [line.split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    found = [(row[0].removeprefix("| "), row[1]) for row in rows if len(row) == len(COLUMNS)]

    trials = [(fault.name, name) for name in PLACES for fault in FAULTS if name in fault.on]
    assert found[2:] == trials


def test_the_table_takes_the_place_of_the_one_before():
    verdict = Verdict(acknowledged=1234, lost=["one"], longest_call=1.25)
    tried = Result(FAULTS[0], "PostgreSQL", 20, verdict)
    missing = Result(FAULTS[1], "MariaDB", notes=["not tried: no server"])
    page = "before\n<!-- measured -->\nold\n<!-- end -->\nafter\n"

    once = rewritten(page, markdown([tried]))
    twice = rewritten(once, markdown([tried, missing]))

    assert twice.startswith("before\n<!-- measured -->\n")
    assert twice.endswith("<!-- end -->\nafter\n")
    assert "old" not in once
    assert f"| {FAULTS[0].name} | PostgreSQL | 20 | 1,234 | 1 | 0 | 0 | 0 | 0 | 1.2 s | 0.0 s |" in twice
    assert f"| {FAULTS[1].name} | MariaDB | 0 | - |" in twice
    assert "MariaDB: not tried: no server" in twice


def test_what_is_promised_and_does_not_hold_fails_the_command():
    promised, measured = FAULTS[0], next(fault for fault in FAULTS if not fault.is_promised)

    assert Result(promised, "", verdict=Verdict(lost=["one"])).has_failed
    assert not Result(promised, "", verdict=Verdict(refused=1)).has_failed
    assert not Result(measured, "", verdict=Verdict(lost=["one"])).has_failed
