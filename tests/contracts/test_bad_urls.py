"""URLs that cannot work are typed errors that say what to do."""

from __future__ import annotations

import re
import sys

import pytest

from schema_session_backend import ConfigurationError, MissingDependency, SessionStore, SessionStoreError


@pytest.fixture
def _other_drivers_are_missing(monkeypatch):
    for driver in ("asyncpg", "pg8000", "psycopg2", "MySQLdb"):
        monkeypatch.setitem(sys.modules, driver, None)


@pytest.mark.usefixtures("_other_drivers_are_missing")
@pytest.mark.parametrize(
    ("url", "extra", "usual"),
    [
        ("postgresql+pg8000://app@db/app", "postgresql", "postgresql+psycopg://"),
        ("postgresql+asyncpg://app@db/app", "postgresql", "postgresql+psycopg://"),
        ("postgresql+nonsense://app@db/app", "postgresql", "postgresql+psycopg://"),
        ("mysql+mysqldb://app@db/app", "mysql", "mariadb+pymysql://"),
        ("mysql://app@db/app", "mysql", "mariadb+pymysql://"),
        ("mariadb://app@db/app", "mysql", "mariadb+pymysql://"),
    ],
)
def test_a_url_without_its_driver_is_refused_with_the_extra_to_install(url, extra, usual):
    with pytest.raises(MissingDependency) as caught:
        SessionStore(url)

    assert caught.value.extra == extra
    assert f"pip install 'schema_session_backend[{extra}]'" in str(caught.value)
    assert usual in str(caught.value)
    assert isinstance(caught.value, ImportError)


@pytest.mark.usefixtures("_other_drivers_are_missing")
@pytest.mark.parametrize(
    ("url", "starts"),
    [
        ("postgresql+pg8000://app@db/app", "postgresql+psycopg://"),
        ("mysql://app@db/app", "mariadb+pymysql:// or mysql+pymysql://"),
    ],
)
def test_a_url_without_its_driver_is_refused_with_the_start_of_a_url_that_the_extra_supports(url, starts):
    with pytest.raises(MissingDependency, match=f"not installed: start the URL with {re.escape(starts)} for"):
        SessionStore(url)


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("postgres://app@db/app", "postgresql+psycopg"),
        ("postgres+psycopg://app@db/app", "postgresql+psycopg"),
        ("PostgreSQL://app@db/app", "postgresql+psycopg"),
        ("psql://app@db/app", "postgresql+psycopg"),
        ("mysql2://app@db/app", "mariadb+pymysql"),
        ("sqlite3:///sessions.db", "sqlite"),
    ],
)
def test_the_url_scheme_of_another_tool_is_refused_with_the_scheme_to_write(url, start):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore(url)

    wrong = url.partition(":")[0]
    assert str(caught.value) == f"no database's URL starts with {wrong}://: write {start}:// instead"


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+pysqlcipher://"])
def test_another_driver_for_sqlite_has_no_extra_to_install(url):
    with pytest.raises(SessionStoreError, match="sqlite://") as caught:
        SessionStore(url)

    assert "[]" not in str(caught.value)


@pytest.mark.parametrize("backend", ["oracle", "mssql+pyodbc", "redis", "mongodb"])
def test_an_unknown_database_is_refused_with_the_known_ones(backend):
    with pytest.raises(ConfigurationError, match="has to start with sqlite, postgresql or mariadb"):
        SessionStore(f"{backend}://app@db/app")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "app:open-sesame@db/app",
        "postgresql+psycopg://app:open-sesame@db:port/app",
        None,
        5,
        b"sqlite://",
    ],
    ids=repr,
)
def test_a_url_that_cannot_be_understood_is_refused_and_not_shown(url):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore(url)

    assert "it looks like postgresql+psycopg://user:password@host/name" in str(caught.value)
    assert "open-sesame" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_an_asynchronous_driver_is_refused():
    with pytest.raises(ConfigurationError, match="asynchronous; choose a synchronous driver"):
        SessionStore("postgresql+psycopg_async://app@db/app")


def test_constructing_a_store_touches_no_database():
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", schemas="user_id Integer")

    assert store.fields == ("user_id",)
    store.close()
