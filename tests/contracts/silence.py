"""An id and a value that no log, repr or error may contain, and everything that those say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from schema_session_backend import SessionStore

ID = "the-id-of-Anns-session"
BOBS = "the-id-of-Bobs-session"
SECRET = "hunter2-the-value"


def everything_in(error: BaseException) -> str:
    """The texts and attributes of an error, and of its causes and contexts, suppressed or not."""
    said, seen = "", set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        said += f"{one}\n{one!r}\n{vars(one)}\n"
        waiting += [one.__cause__, one.__context__]
    return said


def assert_silent(said: str, store: SessionStore, *ids: str) -> None:
    for secret in (SECRET, *ids, *map(store.handle, ids)):
        assert secret not in said


def all_that_was_logged(log: pytest.LogCaptureFixture) -> str:
    return "\n".join(f"{record.getMessage()} {record.args!r}" for record in log.records)
