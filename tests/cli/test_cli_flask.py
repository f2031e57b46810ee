"""`flask sessions …`, on the store of an application."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from flask import Flask
from flask_session import Session

from schema_session_backend import ConfigurationError, SessionStore
from schema_session_backend.cachelib import SchemaCache
from schema_session_backend.cli.flask import sessions, store_of

APPLICATION = """
    from flask import Flask
    from flask_session import Session
    from schema_session_backend import SessionStore
    from schema_session_backend.cachelib import SchemaCache

    app = Flask(__name__)
    store = SessionStore("sqlite:///site.db", schemas="user_id Integer index from _user_id")
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SchemaCache(store))
    Session(app)
"""


@pytest.fixture
def application(tmp_path):
    """The directory of an application with one session."""
    (tmp_path / "app.py").write_text(textwrap.dedent(APPLICATION))
    with SessionStore(
        f"sqlite:///{tmp_path}/site.db", schemas="user_id Integer index from _user_id"
    ) as store:
        store.set("session:a-secret-id", {"_user_id": "42"})
    return tmp_path


def flask(directory, *arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    program = f"{before}\nfrom flask.cli import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_the_commands_work_on_the_applications_store(application):
    listed = flask(application, "sessions", "ls", "--user", "42")
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == 2
    assert "a-secret-id" not in listed.stdout

    ended = flask(application, "sessions", "revoke", "--user", "42", "--yes")

    assert ended.stdout == "1 session ended\n"
    assert "0" in flask(application, "sessions", "stats").stdout


def test_flask_itself_works_where_rich_is_not_installed(application):
    without = "import sys; sys.modules['rich'] = sys.modules['rich.console'] = None"

    assert flask(application, "routes", before=without).returncode == 0
    told = flask(application, "sessions", "ls", before=without)
    assert told.returncode == 1
    assert "pip install 'schema_session_backend[cli]'" in told.stderr


def test_help_lists_the_same_commands(application):
    told = flask(application, "sessions", "--help")

    assert all(f"  {name} " in told.stdout for name in ("check", "erase", "ls", "watch")), told.stderr


def test_the_group_is_imported_by_flask_without_the_commands():
    code = (
        "import schema_session_backend.cli.flask, sys;"
        " assert not {'rich', 'schema_session_backend.cli.program'} & sys.modules.keys()"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
    assert sessions.name == "sessions"


def test_an_application_with_other_sessions_says_what_was_tried():
    app = Flask(__name__)

    with pytest.raises(ConfigurationError, match=r"app.config\['SESSION_CACHELIB'\] is NoneType"):
        store_of(app)


def test_the_store_is_found_after_flask_session_has_taken_the_setting():
    app = Flask(__name__)
    with SessionStore("sqlite://") as store:
        app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SchemaCache(store))
        Session(app)
        del app.config["SESSION_CACHELIB"]

        assert store_of(app) is store
