"""The faults that are quick enough, a few times each: nothing lost, nothing revived, no answer wrong."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from databases import do_without
from servers import ServerMissing

from .faults import FAULTS, Fault
from .places import PLACES, opened
from .trial import tried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK = [
    pytest.param(name, fault, id=f"{fault.name}-{name}")
    for name in PLACES
    for fault in FAULTS
    if fault.quick and name in fault.on
]


@pytest.fixture(scope="module")
def places() -> Iterator[Callable[[str], Any]]:
    """Opens places, each once."""
    there: dict[str, Any] = {}
    with ExitStack() as stack:

        def find(name: str) -> Any:
            if name not in there:
                try:
                    there[name] = stack.enter_context(opened(name))
                except ServerMissing as missing:
                    do_without(missing)
            return there[name]

        yield find


@pytest.mark.parametrize(("place", "fault"), QUICK)
def test_no_acknowledged_write_is_lost_and_no_answer_is_wrong(places, place: str, fault: Fault):
    verdict = tried(fault, place, places(place), fault.quick, answers=5).verdict

    assert verdict is not None
    assert [*verdict.lost, *verdict.revived, *verdict.wrong] == []
    assert verdict.acknowledged > 0
