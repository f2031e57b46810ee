"""The tables that `make bench` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .contenders.base import OPERATIONS
from .operations import FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

# To reach, as DESIGN has them: how often the floor's median.
TO_REACH = {
    "postgresql": {"read": 1.25, "write": 1.1, "rmw": 1.1, "create": 1.15},
    "sqlite": {"read": 1.5, "write": 1.4, "rmw": 1.5, "create": 1.6},
    # With mysqlclient, beside PyMySQL.
    "mariadb": {"read": 1.0, "write": 1.1, "rmw": 1.1, "create": 1.15},
}
OURS = "this store"

_console = Console(width=150, highlight=False)


def show(name: str, found: Any, *, seconds: float) -> None:
    """Print what a part found."""
    _console.print()
    _console.rule(f"{name} ({seconds:.0f} s)", align="left")
    _SHOWN[name](found)


def end(results: Path, drawn: Iterable[Path]) -> None:
    """Say where the rest is."""
    _console.print(f"\nAll figures: {results}")
    for chart in drawn:
        _console.print(f"Chart: {chart}")


def ratios(times: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The medians as multiples of the floor's, by contender and operation."""
    floor = times[FLOOR]
    return {
        name: {operation: one[operation]["median"] / floor[operation]["median"] for operation in OPERATIONS}
        for name, one in times.items()
    }


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _operations(found: Mapping[str, Any]) -> None:
    for database, times in found.items():
        table = _table(f"{database}: median µs, x the floor's, p99 µs", *OPERATIONS)
        for name, multiples in ratios(times).items():
            cells = [
                f"{times[name][one]['median']:.0f} {multiples[one]:.2f}x {times[name][one]['p99']:.0f}"
                for one in OPERATIONS
            ]
            table.add_row(name, *cells, style="bold" if name == OURS else None)
        reach = [f"≤ {TO_REACH[database][one]}x" if one in TO_REACH[database] else "" for one in OPERATIONS]
        table.add_row(f"to reach by {OURS}", *reach, style="dim")
        _console.print(table)


def _searches(found: Mapping[str, Any]) -> None:
    for database, rows in found.items():
        _rows(f"{database}, beside the floor with columns", rows)


def _round_trips(found: Mapping[str, Any]) -> None:
    for database, counts in found.items():
        table = _table(f"{database}: round trips", *OPERATIONS)
        for name, one in counts.items():
            table.add_row(name, *(str(one[operation]) for operation in OPERATIONS))
        _console.print(table)


def _rows(title: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    columns = list(next(iter(rows.values())))
    table = _table(title, *columns)
    for name, row in rows.items():
        table.add_row(name, *(_number(row[column]) for column in columns))
    _console.print(table)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def _requests(found: Mapping[str, Any]) -> None:
    for path in ("/read", "/write"):
        _rows(f"{path}: requests a second, and ms", {name: one[path] for name, one in found.items()})


def _gc(found: Mapping[str, Any]) -> None:
    for database, one in found.items():
        _waits(one, database)


def _waits(found: Mapping[str, Any], database: str = "postgresql") -> None:
    rows = {
        f"{work} {phase}": found[phase][work]
        for work in ("read", "write")
        for phase in ("without gc", "during gc")
    }
    seconds = found["during gc"]["seconds"]
    _rows(f"{database}: ms while {found['removed']:,} sessions were removed in {seconds:.1f} s", rows)


def _scale(found: Any) -> None:
    rows = {}
    for one in found:
        row = {"table MB": one["table"], "indexes MB": one["indexes"]}
        for operation in ("read", "write", "list_by_user", "revoke"):
            row[f"{operation} µs"] = one[operation]["median"]
        rows[f"{one['sessions']:,} sessions"] = row
    _rows("postgresql", rows)


def _pages(found: Mapping[str, Any]) -> None:
    rows = {name: {"database ms": one["ms"]} for name, one in found.items()}
    _rows("postgresql: an administrator's pages of a million sessions", rows)
    for name, one in found.items():
        _console.print(f"{name}:", *(f"  {line}" for line in one["plan"]), sep="\n", markup=False)


def _memory(found: Any) -> None:
    _rows("a process", {f"after {one['requests']:,} requests": {"MB": one["megabytes"]} for one in found})


def _bloat(found: Any) -> None:
    rows = {}
    for one in found:
        for phase in ("before", "after"):
            rows[f"{one['settings']}, {phase}"] = {f"{name} MB": size for name, size in one[phase].items()}
    _rows("postgresql: a million touches of 100,000 sessions", rows)


_SHOWN: dict[str, Callable[[Any], None]] = {
    "operations": _operations,
    "sealing": lambda found: _rows("the text of a session", found),
    "searches": _searches,
    "round trips": _round_trips,
    "read-only requests": lambda found: _rows("postgresql", found),
    "requests": _requests,
    "gc": _gc,
    "scale": _scale,
    "gc of a million": _waits,
    "pages of a million": _pages,
    "memory": _memory,
    "bloat": _bloat,
}
