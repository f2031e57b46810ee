"""`make bench`: measures, prints tables, writes JSON and draws charts."""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine

from databases import DATABASES

from . import charts, gc, operations, report, scale, sealing, searches, web

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]


def parts(urls: Mapping[str, str], *, quick: bool) -> dict[str, Callable[[], Any]]:
    """What is measured, by name. The quick form leaves out what needs many sessions or much time."""
    count, samples = (2_000, 60) if quick else (100_000, 2_000)
    postgresql = urls["postgresql"]
    measured: dict[str, Callable[[], Any]] = {
        "operations": lambda: {
            name: operations.times(url, count, samples if name != "mariadb" else samples // 2)
            for name, url in urls.items()
        },
        "sealing": lambda: sealing.times(samples),
        "searches": lambda: {name: searches.times(url, count, samples) for name, url in urls.items()},
        "round trips": lambda: {
            name: operations.round_trips(url) for name, url in urls.items() if name != "sqlite"
        },
        "read-only requests": lambda: operations.read_only_requests(postgresql, 200 if quick else 1_000),
        "requests": lambda: web.requests(postgresql, 1 if quick else 6, 1.0 if quick else 4.0),
    }
    if not quick:
        measured |= {
            "gc": lambda: {name: gc.of_half(url, count) for name, url in urls.items()},
            "scale": lambda: scale.sizes(postgresql),
            "gc of a million": lambda: scale.gc_of_half(postgresql, 1_000_000),
            "pages of a million": lambda: scale.pages(postgresql),
            "memory": lambda: scale.memory(postgresql),
            "bloat": lambda: scale.bloat(postgresql),
        }
    return measured


def main() -> None:
    """Read the command line, measure, and tell."""
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="in under two minutes, and rougher")
    arguments.add_argument(
        "--only", metavar="PART", action="append", help="measure this part only; repeatable"
    )
    arguments.add_argument("--results", type=Path, default=ROOT / "build/bench/results.json", metavar="FILE")
    arguments.add_argument("--charts", type=Path, default=ROOT / "build/bench", metavar="DIRECTORY")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        urls = {name: find(Path(directory)) for name, find in DATABASES.items()}
        measured = parts(urls, quick=chosen.quick)
        unknown = set(chosen.only or ()) - measured.keys()
        if unknown:
            arguments.error(f"no part {unknown.pop()!r}; there are: {', '.join(measured)}")
        results: dict[str, Any] = {"machine": machine(urls), "quick": chosen.quick}
        for name in chosen.only or measured:
            start = perf_counter()
            results[name] = measured[name]()
            report.show(name, results[name], seconds=perf_counter() - start)
            # After each part, so that a run that is broken off has told what it found.
            chosen.results.parent.mkdir(parents=True, exist_ok=True)
            chosen.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    drawn = charts.draw(results, chosen.charts)
    report.end(chosen.results, drawn)


def machine(urls: Mapping[str, str]) -> dict[str, str]:
    """What it ran on."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name, url in urls.items():
        engine = create_engine(url)
        with engine.connect() as connection:
            version = connection.dialect.server_version_info or ()
        found[name] = ".".join(map(str, version[:3]))
        engine.dispose()
    return found


if __name__ == "__main__":
    main()
