"""gevent: a store says so if the process was patched after it was made."""

from __future__ import annotations

import subprocess
import sys

import pytest

PATCH = "from gevent import monkey; monkey.patch_all()"
USE = "store.set('a', {'user_id': 42}); store.destroy('a')"
LATE = "gevent patched this process after the store was made"


@pytest.fixture
def make(url, table_name):
    """A line that makes a store."""
    options = f"schemas='user_id Integer', table_name={table_name!r}, gc_interval=None"
    return f"from schema_session_backend import SessionStore; store = SessionStore({url!r}, {options})"


@pytest.fixture
def make_on_an_engine(url, table_name):
    """A line that makes a store on the application's engine."""
    return (
        "from sqlalchemy import create_engine; from schema_session_backend import SessionStore;"
        f" store = SessionStore(create_engine({url!r}), schemas='user_id Integer', table_name={table_name!r})"
    )


def warnings(*lines):
    """What a process that runs these lines says of gevent on its standard error."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    return [line for line in done.stderr.splitlines() if "gevent" in line]


def test_patching_after_the_store_was_made_is_a_warning_once(make):
    [warning] = warnings(make, PATCH, USE, "store.close()", USE)

    assert warning.startswith(LATE)
    assert "call gevent.monkey.patch_all() before the application is imported" in warning


def test_patching_after_the_store_was_made_on_an_engine_is_a_warning_once(make_on_an_engine):
    [warning] = warnings(make_on_an_engine, PATCH, USE, USE)

    assert warning.startswith(LATE)


def test_patching_in_a_forked_process_is_a_warning_there(make):
    in_child = f"{PATCH}; {USE}; os._exit(0)"
    fork = f"import os\nif (child := os.fork()) == 0:\n    {in_child}\nos.waitpid(child, 0)"
    [warning] = warnings(make, USE, fork, USE)

    assert warning.startswith(LATE)


def test_patching_first_or_not_at_all_is_no_warning(make):
    assert warnings(PATCH, make, USE) == []
    assert warnings(make, USE) == []
