"""Which store a command works on, and what is said where there is none."""

from __future__ import annotations

import sys
import textwrap

import pytest
from click.testing import CliRunner

from schema_session_backend import SessionStore
from schema_session_backend.cli.program import program


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """An application's directory, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with SessionStore("sqlite:///site.db", schemas="user_id Integer index") as store:
        store.set("a", {"user_id": 42})
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in {"shop", "broken"}]:
        del sys.modules[name]


@pytest.fixture
def write(directory):
    """Writes a file of the application."""

    def write(name: str, text: str) -> None:
        path = directory / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")

    return write


@pytest.fixture
def shop(write):
    """The package of an application."""
    write("shop/__init__.py", "")
    write(
        "shop/sessions.py",
        """
        from schema_session_backend import SessionStore
        from schema_session_backend.cachelib import SchemaCache

        store = SessionStore("sqlite:///site.db", schemas="user_id Integer index")
        cache = SchemaCache(store)
        nothing = None

        def make_store():
            return store

        def fails():
            raise RuntimeError("no settings yet")
        """,
    )


def run(*arguments: str, env=None):
    result = CliRunner().invoke(program, arguments, env=env)
    assert "Traceback" not in result.output
    return result


def finds_the_session(*arguments: str, env=None) -> bool:
    result = run(*arguments, "ls", "user_id=42", env=env)
    assert result.exit_code == 0, result.output
    return len(result.stdout.splitlines()) == 2


# -- by name


@pytest.mark.parametrize(
    "name", ["sessions:store", "sessions", "sessions:cache", "sessions:make_store", "sessions:cache.store"]
)
def test_a_store_is_named_by_its_module_and_attribute(shop, name):
    assert finds_the_session("--store", f"shop.{name}")


def test_the_environment_can_name_it(shop):
    assert finds_the_session(env={"SCHEMA_SESSION_STORE": "shop.sessions"})


@pytest.mark.parametrize(
    ("name", "tried"),
    [
        ("shop.sesions:store", ["import shop: ", "import shop.sesions: no such module in the package shop"]),
        ("shopp:store", ["import shopp: no such module in ", "PYTHONPATH"]),
        ("shop.sessions:stor", ["import shop.sessions: ", "'stor': there is none; did you mean 'store'?"]),
        ("shop.sessions:nothing", ["'nothing': NoneType", "a function that returns one"]),
        ("shop.sessions:fails", ["calling it without arguments: RuntimeError: no settings yet at "]),
        ("shop", ["its attribute 'store': there is none"]),
        ("shop..x", ["no such module"]),
        ("not a name", ["no such module"]),
    ],
)
def test_a_name_without_a_store_says_what_was_tried(shop, name, tried):
    result = run("--store", name, "ls")

    assert result.exit_code == 1
    assert f"--store {name}: no store was found there. Tried:" in result.stderr
    assert [part for part in tried if part not in result.stderr] == []


def test_a_module_that_fails_says_where(write):
    write("broken.py", "import os\n\nos.environ['DATABASE_URL_THAT_IS_NOT_SET']\n")

    result = run("--store", "broken:store", "ls")

    assert "import broken: KeyError: 'DATABASE_URL_THAT_IS_NOT_SET' at " in result.stderr


# -- from an ini file


PYRAMID = """
[app:main]
use = egg:shop
schema_session.url = sqlite:///%(here)s/site.db
schema_session.schemas = user_id Integer index
schema_session.cookie_secure = false
schema_session.timeout = 3600
"""
BEAKER = """
[DEFAULT]
debug = true
[app:main]
session.type = schema
session.url = sqlite:///%(here)s/site.db
session.schemas = user_id Integer index
session.timeout = 3600
[server:main]
port = 8080
"""


@pytest.mark.parametrize("text", [PYRAMID, BEAKER, BEAKER.replace("session.", "beaker.session.")])
def test_an_ini_file_of_pyramid_or_beaker_has_the_store(write, text, monkeypatch, tmp_path):
    write("site.ini", text)
    monkeypatch.chdir("/")

    assert finds_the_session("--ini", f"{tmp_path}/site.ini")
    assert finds_the_session("--ini", f"{tmp_path}/site.ini#app:main")


def test_an_ini_file_may_name_the_store(write, shop):
    write("site.ini", "[app:main]\nschema_session.store = shop.sessions:store\n")

    assert finds_the_session("--ini", "site.ini")


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("[app:main]\nuse = egg:shop\n", "site.ini", "has no setting schema_session.url or session.url"),
        (PYRAMID, "site.ini#app:mian", "has no section [app:mian]; did you mean 'app:main'?"),
        (PYRAMID, "sight.ini", "cannot be read: [Errno 2] No such file"),
        ("schema_session.url = sqlite://\n", "site.ini", "cannot be read: File contains no section headers"),
        ("[app:main]\nschema_session.url = %(nowhere)s\n", "site.ini", "cannot be read: "),
        (
            PYRAMID + PYRAMID.replace("main", "other").replace("site.db", "x.db"),
            "site.ini",
            "choose one by site.ini#section",
        ),
    ],
)
def test_an_ini_file_without_one_store_is_an_error(write, text, place, problem):
    write("site.ini", text)

    result = run("--ini", place, "ls")

    assert result.exit_code == 1
    assert problem in result.stderr


# -- from options


def test_the_options_are_those_of_the_store():
    assert finds_the_session("--url", "sqlite:///site.db", "--schemas", "user_id Integer index")


def test_the_environment_can_hold_each_option():
    env = {"SCHEMA_SESSION_URL": "sqlite:///site.db", "SCHEMA_SESSION_SCHEMAS": "user_id Integer index"}

    assert finds_the_session(env=env)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "which store? Give one of --store, --ini and --url"),
        (["--url", "sqlite://", "--ini", "a.ini"], "--ini and --url were given"),
        (["--store", "shop:store", "--timestamps"], "--store brings its own options: leave out --timestamps"),
        (["--url", "sqlite:///site.db", "--max-age", "soon"], "--max-age: 'soon' is not a number of seconds"),
        (["--url", "oracle://x"], "'oracle' is not supported"),
        (["--url", "sqlite:///site.db", "--schemas", "user_id Nonsense"], "Nonsense"),
        (["--url", "sqlite:///nowhere.db"], "there is no file nowhere.db"),
    ],
)
def test_options_that_cannot_work_are_errors(arguments, problem, directory):
    result = run(*arguments, "ls")

    assert result.exit_code == 1
    assert problem in result.stderr
    assert not (directory / "nowhere.db").exists()


def test_init_creates_a_file_that_is_not_there(directory):
    assert run("--url", "sqlite:///new.db", "init").exit_code == 0
    assert (directory / "new.db").exists()


def test_an_option_in_the_wrong_place_says_where_it_goes():
    result = run("ls", "--url", "sqlite:///site.db")

    assert result.exit_code == 2
    assert "write it before 'ls'" in result.stderr


def test_no_command_but_init_creates_the_table(directory):
    SessionStore("sqlite:///empty.db").ping()

    for command in ("check", "ls", "stats", "gc"):
        assert run("--url", "sqlite:///empty.db", command).exit_code in {1, 2}

    with SessionStore("sqlite:///empty.db") as store:
        assert [each.problem for each in store.differences()] == ["there is no table 'sessions'"]
