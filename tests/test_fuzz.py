"""`make fuzz`: its promises hold for the inputs with which the fuzzer begins."""

from __future__ import annotations

import pytest

from fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_the_promises_hold_for_the_first_inputs_some_of_which_the_parser_takes(name):
    target = TARGETS[name]
    seeds = [*target.seeds()]

    assert all(0 < len(seed) <= target.longest for seed in seeds)
    assert {target.check(seed) for seed in seeds} == {True, False}
