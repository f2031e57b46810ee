"""Beaker's tests in another form: one case for each check that `test_session` makes, in one test there."""

from __future__ import annotations

from importlib import import_module

import pytest

theirs = import_module("tests.test_session")
CHECKS = [check for name, check in vars(theirs).items() if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check(check):
    check(theirs.get_session)
