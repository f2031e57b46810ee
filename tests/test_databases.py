"""`TEST_DATABASES` runs the tests on some databases only, for contributors who have no server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from databases import DATABASES, chosen_databases

ROOT = Path(__file__).parents[1]
OF_EACH_DATABASE = "tests/contracts/test_operations.py"


def run_pytest(*arguments: str, **environ: str) -> str:
    """Run pytest as a contributor does, without what this run was told or has found; returns what it says."""
    ours = re.compile("TEST_.*|CI|PYTEST_.*")
    kept = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env=kept | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ("sqlite", ["sqlite"]),
        ("mariadb, sqlite", ["sqlite", "mariadb"]),
        ("", list(DATABASES)),
        (None, list(DATABASES)),
    ],
)
def test_the_variable_chooses_databases_by_their_names(monkeypatch, names, chosen):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("TEST_DATABASES", raising=False)
    if names is not None:
        monkeypatch.setenv("TEST_DATABASES", names)

    assert chosen_databases() == chosen


@pytest.mark.parametrize("names", ["mysql", "sqlite,", "SQLite"])
def test_an_unknown_name_is_an_error(monkeypatch, names):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TEST_DATABASES", names)

    with pytest.raises(pytest.UsageError, match="no database: it takes sqlite, postgresql, mariadb"):
        chosen_databases()


def test_tests_of_other_databases_are_deselected_and_not_skipped():
    said = run_pytest("--collect-only", "-q", OF_EACH_DATABASE, TEST_DATABASES="postgresql")

    ids = re.findall(r"\[((?:sqlite|postgresql|mariadb)(?:, partitioned)?)", said)
    assert set(ids) == {"postgresql", "postgresql, partitioned"}
    assert "deselected" in said
    assert "skipped" not in said


def test_tests_that_need_no_database_are_kept_and_the_report_says_what_is_left_out():
    said = run_pytest("--collect-only", "tests/test_imports.py", TEST_DATABASES="mariadb")

    assert "databases: mariadb; TEST_DATABASES leaves out sqlite, postgresql" in said
    assert "test_making_a_store_imports_the_driver_of_its_url_and_no_other[sqlite]" in said
    assert "deselected" not in said


@pytest.mark.parametrize(("names", "looks"), [("sqlite", False), ("sqlite,mariadb", True)])
def test_a_server_is_looked_for_where_its_database_is_chosen(names, looks):
    """A way to find servers that does not exist is a KeyError as soon as a server is looked for."""
    said = run_pytest(
        "-n1",
        OF_EACH_DATABASE,
        "-k",
        "get_gives_what and sqlite and not sealed",
        TEST_DATABASES=names,
        TEST_SERVERS="nowhere",
    )

    assert ("KeyError: 'nowhere'" in said) is looks
    assert ("1 passed" in said) is not looks


def test_the_drivers_that_are_chosen_choose_the_databases():
    said = run_pytest("--collect-only", OF_EACH_DATABASE, TEST_DRIVERS="psycopg2")

    assert (
        "databases: postgresql; with psycopg2 on postgresql; TEST_DRIVERS leaves out sqlite, mariadb" in said
    )
    assert "deselected" in said


def test_an_unknown_driver_is_an_error():
    said = run_pytest("--collect-only", OF_EACH_DATABASE, TEST_DRIVERS="oursql")

    assert "TEST_DRIVERS has 'oursql', which is no driver: it takes psycopg2, mysqldb" in said


@pytest.mark.parametrize("names", ["psycopg2,pgbouncer", "psycopg2,psycopg2"])
def test_two_drivers_of_one_database_are_an_error(names):
    said = run_pytest("--collect-only", OF_EACH_DATABASE, TEST_DRIVERS=names)

    assert "TEST_DRIVERS has several for one database" in said


def test_tests_that_pgbouncer_cannot_run_are_deselected_there():
    tests = "tests/contracts/test_p10_bounded_waits.py"
    said = run_pytest("--collect-only", "-q", tests, TEST_DRIVERS="pgbouncer")

    assert "became_read_only" not in said
    assert "became_read_only" in run_pytest("--collect-only", "-q", tests)


def test_ci_refuses_to_leave_databases_out():
    said = run_pytest(OF_EACH_DATABASE, TEST_DATABASES="sqlite", CI="true")

    assert "ERROR: TEST_DATABASES leaves databases out, which CI must not: unset it" in said
    assert "passed" not in said
