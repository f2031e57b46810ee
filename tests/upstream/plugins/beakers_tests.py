"""Lets the tests of Beaker 1.13 run on later releases, and those of its containers in less time."""

from __future__ import annotations

import base64
import pickle

import beaker._compat as compat

LONGEST = 3
"""Seconds; two are spent in creating a value."""

# What the tests import of Beaker, and what Beaker has no use for since it left Python 2.
for name, value in {
    "u_": str,
    "bytes_": lambda text: text.encode("utf-8"),
    "pickle": pickle,
    "b64decode": base64.b64decode,
}.items():
    if not hasattr(compat, name):
        setattr(compat, name, value)


def pytest_collection_modifyitems(items):
    for module in {item.module for item in items if item.module.__name__ == "tests.test_container"}:
        _shorten(module)


def _shorten(module):
    run = module._run_container_test
    module._run_container_test = lambda backend, seconds, *more: run(backend, min(seconds, LONGEST), *more)
