"""docs/explanation/upstream.md: the results, and a table for each suite of the cases that differ, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE: Final = Path(__file__).parents[2] / "docs/explanation/upstream.md"
RESULTS: Final = "| suite | cases | pass in the control | of these differ |\n| --- | --- | --- | --- |\n"
DIFFERENCES: Final = "| what differs | cases |\n| --- | --- |\n"
TO_EXPLAIN: Final = "TO EXPLAIN"
_SECTION: Final = re.compile(r"^## (?P<name>.+)\n(?P<text>(?:(?!## ).*\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """How many cases a suite has, how many of them pass in the control, and which of these differ."""

    cases: int
    passed: int
    differing: Sequence[str]


@dataclass(frozen=True)
class Row:
    """A reason, and the cases that differ for it."""

    reason: str
    cases: Sequence[str]

    def __str__(self) -> str:
        return f"| {self.reason} | {'<br>'.join(f'`{case}`' for case in self.cases)} |\n"


def explained(page: str) -> dict[str, list[Row]]:
    """The rows of each section of the page, by its heading."""
    return {
        section["name"]: [_row(line) for line in _lines_below(DIFFERENCES, section["text"])]
        for section in _SECTION.finditer(page)
    }


def complaints(page: str, results: Mapping[str, Result]) -> list[str]:
    """What the page does not explain, and what it explains in vain.

    Args:
        page: its text.
        results: by suite; the page's other suites are not looked at.
    """
    found, tables = [], explained(page)
    for suite, result in results.items():
        rows = tables.get(suite, [])
        listed = [case for row in rows if row.reason != TO_EXPLAIN for case in row.cases]
        found += [f"{suite}: {case} is not explained" for case in result.differing if case not in listed]
        found += [
            f"{suite}: {case} does not differ any more" for case in listed if case not in result.differing
        ]
        found += [f"{suite}: {case} is there twice" for case in sorted(set(listed)) if listed.count(case) > 1]
    return found


def rewritten(page: str, results: Mapping[str, Result]) -> str:
    """The page with these results and the cases that differ now; those without a reason are marked.

    Args:
        page: its text.
        results: by suite; a suite needs a section.
    """
    tables = explained(page)
    for suite, result in results.items():
        rows = [
            Row(row.reason, [case for case in row.cases if case in result.differing]) for row in tables[suite]
        ]
        listed = {case for row in rows for case in row.cases}
        rows.append(Row(TO_EXPLAIN, [case for case in result.differing if case not in listed]))
        page = _with_differences(page, suite, "".join(str(row) for row in rows if row.cases))
    return _with_results(page, results)


def _with_differences(page: str, suite: str, rows: str) -> str:
    section = next(one for one in _SECTION.finditer(page) if one["name"] == suite)
    prose = section["text"].partition(DIFFERENCES)[0].strip()
    text = f"\n{prose}\n" + (f"\n{DIFFERENCES}{rows}" if rows else "")
    following = page[section.end() :]
    return page[: section.start("text")] + text + (f"\n{following}" if following else "")


def _with_results(page: str, results: Mapping[str, Result]) -> str:
    lines = _lines_below(RESULTS, page)
    rows = {line.split("|")[1].strip(): line for line in lines}
    for suite, result in results.items():
        rows[suite] = f"| {suite} | {result.cases} | {result.passed} | {len(result.differing)} |"
    old, new = ("".join(f"{line}\n" for line in table) for table in (lines, rows.values()))
    return page.replace(RESULTS + old, RESULTS + new)


def _lines_below(header: str, text: str) -> list[str]:
    """The rows of the table with this header, or none."""
    return re.findall(r"^\|.*", text.partition(header)[2].partition("\n\n")[0], re.MULTILINE)


def _row(line: str) -> Row:
    reason, _, cases = line.strip("| ").rpartition(" | ")
    return Row(reason, re.findall("`([^`]+)`", cases))
