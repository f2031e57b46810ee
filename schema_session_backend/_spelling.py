"""Finds the known name that a misspelt name was probably meant to be."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def did_you_mean(
    name: str, known: Iterable[str], *, synonyms: Mapping[str, str] | None = None, otherwise: str = ""
) -> str:
    """The end of an error message about an unknown name: the known name that was probably meant.

    Args:
        name: the unknown name.
        known: the names that exist.
        synonyms: names that other software uses, `folded`, each with the known name for the same thing.
        otherwise: the text to return if no known name is similar; a list of all known names by default.
    """
    names = sorted(known)
    by_folded = {folded(known_name): known_name for known_name in names}
    # There are many synonyms, so a distant resemblance to one of them means nothing.
    for candidates, cutoff in (({**(synonyms or {}), **by_folded}, 0.8), (by_folded, 0.6)):
        nearest = get_close_matches(folded(name), candidates, n=1, cutoff=cutoff)
        if nearest:
            return f"did you mean {candidates[nearest[0]]!r}?"
    return otherwise or (f"known: {', '.join(names)}" if names else "there are none")


def folded(name: str) -> str:
    """A name in lower case, without underscores, hyphens and blanks, which people often mix up."""
    return "".join(filter(str.isalnum, name.casefold()))
