"""What is fuzzed: a parser of what strangers write, the texts to begin with, and what must hold for any."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


class Target(NamedTuple):
    """A parser of what strangers write.

    Attributes:
        name: what `--only` takes.
        seeds: makes the inputs from which the fuzzer begins.
        check: raises an error if a promise does not hold for an input; returns whether the parser took it.
        words: what the fuzzer puts into inputs, because chance would not hit on it.
        longest: the bytes of the longest input.
    """

    name: str
    seeds: Callable[[], Iterable[bytes]]
    check: Callable[[bytes], bool]
    words: Collection[str]
    longest: int = 4096


def text_of(data: bytes) -> str:
    """Any bytes as text, some with lone surrogates."""
    return data.decode("utf-8", "surrogateescape")
