"""SQLite's file: deleted or replaced while a store has it open, or where it cannot be written."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url
from workers import in_fork

from clocks import FakeTime
from schema_session_backend import AccessDenied, SessionStore, StatementFailed

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
def path(url):
    """The file of the database."""
    return Path(str(make_url(url).database))


@pytest.fixture(params=["URL", "engine"])
def opened(request, url, make_store):
    """A store on a URL, or on an application's engine."""
    if request.param == "URL":
        yield make_store(url)
        return
    engine = create_engine(url)
    yield make_store(engine)
    engine.dispose()


@pytest.fixture
def time(monkeypatch) -> FakeTime:
    """The time by which the store looks after its file."""
    time = FakeTime()
    monkeypatch.setattr("schema_session_backend._sql.files.time", time)
    return time


def test_nothing_is_written_to_a_file_that_was_deleted(opened, path, time, caplog):
    opened.set("a", {"x": 1})
    for file in path.parent.glob("sessions.db*"):
        file.unlink()
    time.advance(1)

    for operation in (lambda: opened.set("b", {}), lambda: opened.get("a"), lambda: opened.destroy("a")):
        with pytest.raises(StatementFailed, match="no such table"):
            operation()
    assert "deleted or replaced" in caplog.text


def test_a_file_that_is_put_in_the_place_of_the_file_is_used(opened, path, time):
    opened.set("a", {"x": 1})
    opened.set("b", {"x": 1})
    opened.close()
    opened.engine.dispose()
    shutil.copy(path, path.with_suffix(".backup"))
    opened.destroy("a")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.with_suffix(".backup").replace(path)
    time.advance(1)

    assert opened.get("a") == {"x": 1}
    opened.set("c", {})
    opened.engine.dispose()
    assert opened.count() == 3


def test_a_file_that_stays_is_not_opened_again(make_store, time):
    store = make_store()
    store.set("a", {"x": 1})
    slot = store._database._slots.take()
    store._database._slots.put_back(slot)

    for _ in range(3):
        time.advance(1)
        store.set("a", {"x": 2})

    assert store._database._slots.take() is slot
    store._database._slots.put_back(slot)


NOBODY = 65534


@pytest.fixture
def directory():
    """A directory outside of the tests' own, to which other users have no access."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    for each in (path, *path.glob("*")):
        each.chmod(0o700)
    shutil.rmtree(path)


def refusals(url: str) -> list[str]:
    """The errors of a store of a user without rights, each of which has to come at once."""
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    waits = FakeTime()
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("schema_session_backend._sql.database.time", waits)
        store = SessionStore(url, sync_timeout=60)
        for operation in (store.wait_for_sync, lambda: store.get("a"), lambda: store.set("a", {})):
            with pytest.raises(AccessDenied) as caught:
                operation()
            found.append(str(caught.value))
    assert waits.pauses == 0
    return found


def test_a_directory_that_cannot_be_written_is_an_error_at_once(directory, url):
    directory.chmod(0o555)

    messages = in_fork(lambda: refusals(f"sqlite:///{directory}/sessions.db"))

    assert all("check the rights on the file and on its directory" in message for message in messages)


def test_a_directory_that_cannot_take_the_write_ahead_log_is_an_error_at_once(directory, url):
    url = f"sqlite:///{directory}/sessions.db"
    with SessionStore(url) as store:
        store.set("a", {})
    (directory / "sessions.db").chmod(0o666)
    directory.chmod(0o555)

    messages = in_fork(lambda: refusals(url))

    assert all("check the rights on the file and on its directory" in message for message in messages)


@pytest.mark.parametrize("name", ["file", "directory"])
def test_a_file_or_a_directory_that_cannot_be_read_is_an_error_at_once(directory, url, name):
    url = f"sqlite:///{directory}/closed/sessions.db"
    (directory / "closed").mkdir()
    with SessionStore(url) as store:
        store.set("a", {})
    (directory / "closed" / ("sessions.db" if name == "file" else "")).chmod(0)

    messages = in_fork(lambda: refusals(url))

    assert all("check the rights on the file and on its directory" in message for message in messages)
