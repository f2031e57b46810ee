"""What is imported when: no host, no ORM, and no driver but the URL's."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import schema_session_backend
from sealed import new_key

PACKAGE = Path(schema_session_backend.__file__).parent
HOSTS = {"beaker", "cachelib", "flask", "flask_session", "pyramid", "webob", "werkzeug", "django"}
DRIVERS = {"sqlite3", "psycopg", "psycopg2", "pg8000", "asyncpg", "pymysql", "MySQLdb", "mysql", "mariadb"}


def modules_after(code: str) -> set[str]:
    """The names of all modules that a new interpreter has imported after running that code."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"{code}\nimport sys, json\nprint(json.dumps(list(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return set(json.loads(done.stdout))


def test_importing_the_package_imports_no_host_no_orm_and_no_driver():
    assert modules_after("import schema_session_backend") & {*HOSTS, *DRIVERS, "sqlalchemy.orm"} == set()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite://", "sqlite3"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/none", "psycopg"),
        ("mariadb+pymysql://nobody@127.0.0.1:1/none", "pymysql"),
    ],
    ids=["sqlite", "postgresql", "mariadb"],
)
def test_making_a_store_imports_the_driver_of_its_url_and_no_other(url, driver):
    made = modules_after(
        "from schema_session_backend import SessionStore\n"
        f"SessionStore({url!r}, schemas='user_id Integer index', timestamps=True)"
    )

    assert made & DRIVERS == {driver}
    assert made & {*HOSTS, "sqlalchemy.orm"} == set()


def test_a_session_can_be_read_and_written_without_the_orm():
    used = modules_after(
        "from schema_session_backend import SessionStore\n"
        "store = SessionStore('sqlite://', schemas='user_id Integer')\n"
        "store.set('a', {'user_id': 1, 'cart': [1]})\n"
        "assert store.get('a') == {'user_id': 1, 'cart': [1]}\n"
        "assert store.count(user_id=1) == 1\n"
        "store.close()"
    )

    assert used & {*HOSTS, "sqlalchemy.orm"} == set()


def test_only_a_store_with_keys_imports_what_seals_sessions():
    made = "from schema_session_backend import SessionStore\nSessionStore('sqlite://'{})"

    assert "cryptography" not in modules_after(made.format(""))
    assert "cryptography" in modules_after(made.format(f", encryption_keys={new_key()!r}"))
    importing = {path.stem for path in PACKAGE.rglob("*.py") if "cryptography" in imported(path)}
    assert importing == {"ciphers"}


def test_pyramids_package_is_imported_by_no_other_module():
    used = modules_after("import schema_session_backend, schema_session_backend.cachelib")

    assert "pyramid_schema_session" not in used


def test_only_the_page_of_devices_imports_its_libraries():
    used = modules_after("import schema_session_backend, schema_session_backend.beaker")

    assert used & {"jinja2", "ua_parser", "werkzeug"} == set()


def test_only_the_command_line_imports_its_libraries():
    used = modules_after("import schema_session_backend, schema_session_backend.cli")

    assert used & {"click", "rich"} == set()


@pytest.mark.parametrize("package", ["click", "rich"])
def test_a_missing_library_of_the_command_line_is_an_error_that_says_what_to_install(package):
    modules_after(
        f"import sys\nsys.modules[{package!r}] = None\n"
        "from schema_session_backend.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as error:\n    assert 'schema_session_backend[cli]' in str(error)\n"
        "else:\n    raise AssertionError"
    )


@pytest.mark.parametrize("package", ["jinja2", "ua_parser", "werkzeug"])
def test_a_missing_library_of_the_page_of_devices_is_an_error_that_says_what_to_install(package):
    modules_after(
        f"import sys\nsys.modules[{package!r}] = None\n"
        "from schema_session_backend import MissingDependency\n"
        "try:\n    import schema_session_backend.devices\n"
        "except MissingDependency as error:\n    assert 'schema_session_backend[devices]' in str(error)\n"
        "else:\n    raise AssertionError"
    )


def test_the_mixins_are_imported_on_first_use():
    assert "sqlalchemy.orm" in modules_after("from schema_session_backend import SessionMixin")


def test_every_public_name_can_be_imported():
    names = schema_session_backend.__all__

    assert sorted(names) == sorted(set(names))
    objects = {name: getattr(schema_session_backend, name) for name in names}
    assert all(found.__name__ == name for name, found in objects.items() if name != "NULL")


def test_a_misspelt_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'SesionStore'"):
        schema_session_backend.SesionStore  # noqa: B018


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_only_a_hosts_module_imports_that_host():
    hosts = {str(path.relative_to(PACKAGE)): imported(path) & HOSTS for path in PACKAGE.rglob("*.py")}

    assert {module: found for module, found in hosts.items() if found} == {
        "beaker/backend.py": {"beaker"},
        "beaker/cache.py": {"beaker"},
        "beaker/session.py": {"beaker"},
        "beaker/session_class.py": {"beaker"},
        "cachelib.py": {"cachelib"},
        "cli/flask.py": {"flask"},
        "devices/flask.py": {"flask"},
        "devices/http.py": {"werkzeug"},
        "devices/page.py": {"werkzeug"},
        # For type checkers only; see the next test.
        "flask.py": {"flask"},
    }


def test_the_cache_does_not_import_flask():
    used = modules_after(
        "from schema_session_backend import SessionStore\n"
        "from schema_session_backend.cachelib import SchemaCache\n"
        "with SessionStore('sqlite://') as store:\n"
        "    SchemaCache(store).set('a', 1)"
    )

    assert used & HOSTS == {"cachelib"}
