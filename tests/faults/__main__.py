"""`make faults`: inflicts faults on servers of its own under load, and tells what became of every write.

The table also goes to build/faults.md. The command fails where a promise was broken.
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.table import Table

from servers import ServerMissing
from sources import ROOT

from . import places
from .faults import FAULTS, Fault
from .places import PLACES
from .report import COLUMNS, PAGE, cells, markdown, rewritten
from .trial import Result, tried

_SHOWN = 20

_console = Console(width=170, highlight=False)


def main() -> None:
    """Read the command line, try the faults, and tell."""
    arguments = argparse.ArgumentParser(prog="make faults", description=__doc__)
    arguments.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="the trials whose fault or database has this text; several must all be there",
    )
    arguments.add_argument("--times", type=int, help="how often each, in place of the number of its own")
    arguments.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name} of the docs")
    given = arguments.parse_args()
    began = time.monotonic()
    results = []
    for name in PLACES:
        chosen = [fault for fault in FAULTS if name in fault.on and _is_meant(fault, name, given.only)]
        if chosen:
            results += _tried_in(name, chosen, given.times)
    if not results:
        sys.exit("no trial has all of that in its name")
    _show(results)
    table = markdown(results)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/faults.md").write_text(table, encoding="utf-8")
    if given.write:
        PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    print(f"\nin {time.monotonic() - began:.0f} s; the table is in build/faults.md")
    sys.exit(any(result.has_failed for result in results))


def _is_meant(fault: Fault, place: str, texts: list[str]) -> bool:
    trial = f"{fault.name} {place}".lower()
    return all(text.lower() in trial for text in texts)


def _tried_in(name: str, faults: list[Fault], times: int | None) -> list[Result]:
    results: list[Result] = []
    try:
        with places.opened(name) as place:
            for fault in faults:
                print(f"{fault.name}, {name} ...", end=" ", flush=True)
                began = time.monotonic()
                results.append(tried(fault, name, place, times))
                print(f"{time.monotonic() - began:.0f} s", flush=True)
    except ServerMissing as missing:
        done = len(results)
        print(f"NOT TRIED: {missing}", flush=True)
        results += [Result(fault, name, notes=[f"not tried: {missing}"]) for fault in faults[done:]]
    return results


def _show(results: list[Result]) -> None:
    table = Table(title="What became of every write", title_justify="left")
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if number < 2 else "right")
    for result in results:
        table.add_row(*cells(result), style="bold red" if result.has_failed else None)
    _console.print(table)
    for result in results:
        where = f"{result.fault.name}, {result.place}"
        complaints = [] if result.verdict is None else result.verdict.complaints
        for line in [*result.notes, *complaints[:_SHOWN]]:
            _console.print(f"{where}: {line}", markup=False)
        if len(complaints) > _SHOWN:
            _console.print(f"{where}: and {len(complaints) - _SHOWN} more")


if __name__ == "__main__":
    main()
