"""What differs between the table in the database and the declared one, and how that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..._table.reports import TableDifference
from ...errors import SchemaMismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .additions import Additions

PAGE: Final = 'docs/howto/mismatch.md ("When the table differs")'
"""The documentation's page about all of this, as messages name it."""


@dataclass(frozen=True, slots=True)
class Addition:
    """Something is missing, and adding it changes nothing that is there: `sync` does it by itself.

    Attributes:
        problem: a sentence without its subject, the table.
        ddl: the statements.
        later: those of them that `sync` leaves to `Indexing`, because they would keep others waiting.
    """

    problem: str
    ddl: tuple[str, ...]
    later: frozenset[str] = frozenset()

    @property
    def at_once(self) -> tuple[str, ...]:
        """The statements that `sync` runs itself."""
        return tuple(statement for statement in self.ddl if statement not in self.later)


@dataclass(frozen=True, slots=True)
class MissingTable:
    """The whole table is missing: `sync` creates it."""

    problem: str
    additions: Additions

    @property
    def ddl(self) -> tuple[str, ...]:
        """What creates it; worked out only to be shown, because listeners of the application take part."""
        return self.additions.of_table()


@dataclass(frozen=True, slots=True)
class Change:
    """Statements mend it and lose nothing, but change what is there: the operator runs them."""

    problem: str
    ddl: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """No statement mends it by itself: `task` tells what the operator has to decide or to do first."""

    problem: str
    task: str


@dataclass(frozen=True, slots=True)
class OtherTable:
    """The table does not look like one of sessions, so no statement is offered to change it."""

    problem: str


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """An index or a constraint is missing, or a collation is another: the store works all the same.

    Attributes:
        problem: a sentence without its subject, the table.
        ddl: what mends it, if a statement does.
        consequence: what follows from it, or what to see to first.
        online: for a missing index, the statement that builds it while others read and write; None if the
            database has no such statement, and for anything else.
    """

    problem: str
    ddl: tuple[str, ...]
    consequence: str
    online: str | None = None

    def __str__(self) -> str:
        statements = "; ".join(self.ddl)
        how = f"mend it with: {statements}" if statements else f"see {PAGE}"
        return f"{self.problem}: {self.consequence}; {how}"


Difference = Addition | MissingTable | Change | Decision | OtherTable


def reported(difference: Difference | Shortcoming) -> TableDifference:
    """A difference as `SessionStore.differences` returns it."""
    task = ""
    if isinstance(difference, Decision):
        task = f"{difference.task}; see {PAGE}"
    elif isinstance(difference, OtherTable):
        task = f"decide first whether this is the table of your sessions; see {PAGE}"
    elif isinstance(difference, Shortcoming):
        task = difference.consequence if difference.ddl else f"{difference.consequence}; see {PAGE}"
    return TableDifference(
        problem=difference.problem,
        ddl=difference.ddl if isinstance(difference, Shortcoming) else statements_of([difference]),
        task=task,
        is_added=isinstance(difference, (Addition, MissingTable))
        or (isinstance(difference, Shortcoming) and difference.online is not None),
        works=isinstance(difference, Shortcoming),
    )


def mismatch(table: str, differences: Sequence[Difference]) -> SchemaMismatch:
    """The error that tells all differences of a table, with statements where running them is enough."""
    undecided = [each for each in differences if isinstance(each, (Decision, OtherTable))]
    ddl = () if undecided else statements_of(differences)
    lines = [f"table {table!r} does not match its declaration:"]
    if not undecided:
        lines += [f"  - {each.problem}" for each in differences]
        lines += ["running these statements is enough, and loses nothing:", *(f"  {sql};" for sql in ddl)]
        lines.append(f"see {PAGE}")
    elif any(isinstance(each, OtherTable) for each in differences):
        lines += [f"  - {each.problem}" for each in differences]
        lines.append("decide first whether this is the table of your sessions; table_name= chooses another")
        lines.append(f"how to decide, and what to run then: {PAGE}")
    else:
        for each in differences:
            lines += _one_by_one(each)
        count = len(differences) - len(undecided)
        if count:
            lines.append(f"statements mend {count} of these {len(differences)}; the others need you first")
        lines.append(f"how to decide, and what to run then: {PAGE}")
    problems = [each.problem for each in differences]
    return SchemaMismatch("\n".join(lines), table=table, differences=problems, ddl=ddl)


def statements_of(differences: Iterable[Difference]) -> tuple[str, ...]:
    """All statements in their order, each once, because two columns may need the same type."""
    mended = (each for each in differences if isinstance(each, (Addition, MissingTable, Change)))
    return tuple(dict.fromkeys(sql for each in mended for sql in each.ddl))


def _one_by_one(difference: Difference) -> Iterator[str]:
    yield f"  - {difference.problem}"
    if isinstance(difference, Decision):
        yield f"      {difference.task}"
    else:
        yield "      to mend this one, without loss, run:"
        for sql in statements_of([difference]):
            yield f"      {sql};"
