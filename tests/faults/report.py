"""The table of `make faults`, as Markdown."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .trial import Result

PAGE: Final = ROOT / "docs/explanation/faults.md"
COLUMNS: Final = (
    "fault",
    "database",
    "times",
    "acknowledged",
    "lost",
    "revived",
    "wrong",
    "errors",
    "unknown",
    "longest call",
    "longest outage",
)
_TABLE: Final = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end -->)", re.DOTALL)


def cells(result: Result) -> list[str]:
    """A row of the table."""
    verdict = result.verdict
    start = [result.fault.name, result.place, str(result.times)]
    if verdict is None:
        return [*start, *["-"] * (len(COLUMNS) - len(start))]
    counts = (
        verdict.acknowledged,
        len(verdict.lost),
        len(verdict.revived),
        len(verdict.wrong) + len(verdict.late),
        verdict.refused,
        verdict.unknown,
    )
    times = (f"{seconds:.1f} s" for seconds in (verdict.longest_call, verdict.longest_outage))
    return [*start, *(f"{count:,}" for count in counts), *times]


def markdown(results: Sequence[Result]) -> str:
    """The table, with the day, the machine, and what else was measured."""
    numbers = len(COLUMNS) - 2
    machine = f"{os.cpu_count()} cores of {platform.machine()} with Python {platform.python_version()}"
    lines = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, on {machine}.",
        "",
        _row(COLUMNS),
        _row(["---", "---", *["--:"] * numbers]),
        *(_row(cells(result)) for result in results),
    ]
    notes = [f"- {result.fault.name}, {result.place}: {note}" for result in results for note in result.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes, ""])


def rewritten(page: str, table: str) -> str:
    """The page with another table."""
    assert _TABLE.search(page), "the page has no place for the table"
    return _TABLE.sub(lambda _match: f"\n{table}\n", page)


def _row(values: Iterable[str]) -> str:
    return f"| {' | '.join(values)} |"
