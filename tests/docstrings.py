"""What a docstring in Google's style tells: its prose and its sections."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from inspect import cleandoc

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
_ENTRY = re.compile(r"^(?P<names>\**\w+(?:, \**\w+)*): (?P<text>.*)$")
_REFERENCE = re.compile(r"(?:\b[Ss]ee|\b[Aa]s(?: in)?|[Tt]hose of|[Oo]ptions of) `(?P<name>[\w.]+)`")


@dataclass
class Docstring:
    """A docstring, taken apart.

    Attributes:
        prose: what stands outside of `Args`, `Attributes` and `Raises`, with what it returns.
        arguments: the texts under `Args` by the parameters' names.
        attributes: those under `Attributes`.
        errors: those under `Raises`.
    """

    prose: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str | None) -> Docstring:
        """The parts of a docstring."""
        found = cls()
        sections = {"Args": found.arguments, "Attributes": found.attributes, "Raises": found.errors}
        entries: dict[str, str] | None = None
        names: list[str] = []
        for line in cleandoc(text or "").splitlines():
            if (heading := _SECTION.match(line)) is not None:
                entries, names = sections.get(heading[1]), []
            elif entries is None or (line and not line.startswith(" ")):
                entries = None
                found.prose += f"{line}\n"
            elif (entry := _ENTRY.match(line.removeprefix("    "))) is not None:
                names = entry["names"].replace("*", "").split(", ")
                entries.update(dict.fromkeys(names, entry["text"]))
            else:
                entries.update({name: f"{entries[name]} {line.strip()}" for name in names})
        return found

    @property
    def references(self) -> list[str]:
        """The calls and classes that the prose refers to for what it does not repeat."""
        return references(self.prose)

    def paragraphs_on(self, name: str) -> list[str]:
        """The paragraphs of the prose that name something in backticks."""
        return [part for part in self.prose.split("\n\n") if f"`{name}`" in part]


def references(text: str) -> list[str]:
    """What a text refers to, as in "see `set`", "as `set` does", "those of `set`"."""
    return [match["name"] for match in _REFERENCE.finditer(" ".join(text.split()))]
