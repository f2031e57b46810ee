"""What the package says while a test runs, searched for the ids, the values and the passwords of that test.

None of these may be in a record of a log, nor in an error or in what it is chained to. Error reporters send
all of that away.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import pytest
from silence import everything_in
from sqlalchemy import URL

from schema_session_backend import SessionStore, SessionStoreError
from schema_session_backend._session.ids import Ids
from schema_session_backend._table.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is shorter, or a word, is also in what the package says by itself.
SHORTEST = 8
LONGEST = 200
WORD = re.compile("[a-z_]+")
# A test that stores thousands of values is searched for some hundreds of them.
MOST = 500
PASSWORD = re.compile(r"://[^/@:]*:([^@]+)@|[?&]\w*pass\w*=([^&]+)", re.IGNORECASE)


class Leaks(logging.Handler):
    """Collects what is said, and what may not be said."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()
        self.said: list[str] = []
        self.errors: WeakSet[BaseException] = WeakSet()

    def keep(self, value: Any) -> None:
        """A value of a session, whose parts may not be said; the names of its keys may."""
        parts = [value]
        for part in parts:
            if len(parts) > MOST or len(self.secrets) > MOST:
                return
            # Of these types exactly: an application's own may have no end.
            if type(part) is dict:
                parts += list(part.values())[:MOST]
            elif type(part) in {list, tuple, set, frozenset}:
                parts += list(part)[:MOST]
            elif isinstance(part, str) and len(part) >= SHORTEST and not WORD.fullmatch(part):
                self.secrets.add(str(part[:LONGEST]))

    def emit(self, record: logging.LogRecord) -> None:
        """A record of any log."""
        error = record.exc_info[1] if record.exc_info else None
        self.said.append(
            f"{record.getMessage()} {record.args!r} {record.exc_text} {everything_in(error) if error else ''}"
        )

    def hear(self, error: BaseException) -> None:
        """An error, which nobody changes any more."""
        self.said.append(everything_in(error))

    def found(self) -> list[str]:
        """What was said with a secret in it."""
        for error in list(self.errors):
            self.hear(error)
        return [
            f"{secret!r} is in: {said}" for said in self.said for secret in self.secrets if secret in said
        ]


@contextmanager
def searched() -> Iterator[Leaks]:
    """Collects in the block what is said, and which ids, values and passwords stores get."""
    leaks = Leaks()
    content, handle, make = Rows._content, Ids.handle, SessionStore.__init__

    def kept_content(self: Rows, data: Any, *arguments: Any, **options: Any) -> Any:
        leaks.keep(data)
        return content(self, data, *arguments, **options)

    def kept_id(self: Ids, sid: object) -> str | None:
        leaks.keep(sid)
        return handle(self, sid)

    # Options are read off its signature.
    @wraps(make)
    def kept_password(self: SessionStore, *arguments: Any, **options: Any) -> None:
        url = next(iter(arguments), "")
        given = getattr(url, "url", url)  # an Engine has one
        text = given.render_as_string(hide_password=False) if isinstance(given, URL) else str(given)
        leaks.secrets.update(one for found in PASSWORD.findall(text) for one in found if one)
        make(self, *arguments, **options)

    def made(self: SessionStoreError, *arguments: Any, **attributes: Any) -> None:
        super(SessionStoreError, self).__init__(*arguments, **attributes)
        leaks.errors.add(self)

    def died(self: SessionStoreError) -> None:
        leaks.hear(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rows, "_content", kept_content)
        patch.setattr(Ids, "handle", kept_id)
        patch.setattr(SessionStore, "__init__", kept_password)
        patch.setattr(SessionStoreError, "__init__", made, raising=False)
        # An error that dies during the test is chained to all that it will ever be chained to.
        patch.setattr(SessionStoreError, "__del__", died, raising=False)
        logging.getLogger().addHandler(leaks)
        try:
            yield leaks
        finally:
            logging.getLogger().removeHandler(leaks)


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Fails where the package said an id, a value or a password of the test."""
    with searched() as leaks:
        yield
    if found := leaks.found():
        pytest.fail("\n".join(found))
