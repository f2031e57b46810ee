"""`make upstream`: runs other projects' tests of sessions, and compares them with a control.

A case counts that passes with the host's own sessions and not with ours. Each is explained in
docs/explanation/upstream.md; the command fails where one is not, and where the page explains one that passes.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .page import PAGE, TO_EXPLAIN, Result, complaints, rewritten
from .running import SuiteBroken, download, run
from .suites import Suite, suites

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILD: Final = Path(__file__).parents[2] / "build/upstream"


def main() -> None:
    """Read the command line, run the suites, and tell."""
    chosen = suites()
    arguments = argparse.ArgumentParser(prog="make upstream", description=__doc__)
    arguments.add_argument("--write", action="store_true", help="put the cases that differ into the page")
    names = [suite.name for suite in chosen]
    arguments.add_argument("--only", metavar="SUITE", action="append", choices=names, help="this suite only")
    given = arguments.parse_args()
    if given.only:
        chosen = [suite for suite in chosen if suite.name in given.only]
    try:
        results = _run_all(chosen)
    except SuiteBroken as broken:
        sys.exit(str(broken))
    page = PAGE.read_text(encoding="utf-8")
    if given.write:
        page = rewritten(page, results)
        PAGE.write_text(page, encoding="utf-8")
    found = complaints(page, results)
    if found:
        advice = (
            f"make upstream UPSTREAM_ARGS=--write brings {PAGE.name} up to date; new rows say {TO_EXPLAIN}"
        )
        sys.exit("\n".join(["", *found, "", advice, f"what pytest printed is in {BUILD}/runs"]))


def _run_all(chosen: Sequence[Suite]) -> dict[str, Result]:
    """The results of these suites, by their names."""
    sdists = BUILD / "sdists"
    download({suite.sdist for suite in chosen if suite.sdist is not None}, sdists)
    began = time.monotonic()
    # Beaker's tests mostly sleep, so more of them run at once than there are cores.
    with ThreadPoolExecutor(4) as pool:
        runs = [
            [
                pool.submit(run, suite, plugins, sdists=sdists, folder=BUILD / "runs" / suite.folder / kind)
                for kind, plugins in [("control", suite.control), ("ours", suite.ours)]
            ]
            for suite in chosen
        ]
    results = {}
    for suite, both in zip(chosen, runs, strict=True):
        control, ours = (one.result() for one in both)
        passed = [case for case, outcome in control.items() if outcome == "passed"]
        differing = [case for case in passed if ours.get(case) != "passed"]
        results[suite.name] = Result(len(control), len(passed), differing)
        told = f"{len(control)} cases, {len(passed)} pass in the control, {len(differing)} of these differ"
        print(f"{suite.name}: {told}")
    print(f"in {time.monotonic() - began:.0f} s")
    return results


main()
