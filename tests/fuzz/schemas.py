"""The text form of `schemas`, which stands in ini files and environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutations import SCHEMAS

from schema_session_backend import ConfigurationError, SessionStore
from schema_session_backend._table import text_form
from schema_session_backend._table.text_form import TYPES
from test_text_form import MISTAKES, ODD_MISTAKES

from .target import Target, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator


LONGEST = 8192
RIGHT = (
    "user_id Integer index from _user_id; name String(length=5) not null unique default 'x';",
    "role Enum('a;b', \"c)\", native_enum=False); at DateTime(timezone=True); n BigInteger default -3",
    'app Integer references app.users.id from "auth.userid".sessions.0; t Numeric(12, 2) default 1.10',
    "b Boolean default true; d Double default 1.5; u Uuid; j JSON; i Interval; l LargeBinary(3)",
)


def _seeds() -> Iterator[bytes]:
    mistakes = (*MISTAKES, *ODD_MISTAKES.values())
    for text in (SCHEMAS, *RIGHT, *(text for text, _, _ in mistakes)):
        yield text.encode("utf-8", "surrogatepass")[:LONGEST]


def _check(data: bytes) -> bool:
    """A text declares columns, which a store takes or refuses, or the error tells a position in it."""
    text = text_of(data)
    try:
        columns = text_form.parse(text)
    except ConfigurationError as error:
        _require_position(error, text)
        return False
    assert all(column.name for column in columns)
    try:
        SessionStore("sqlite://", schemas=text, gc_interval=None).close()
    except ConfigurationError:
        return False
    return True


def _require_position(error: ConfigurationError, text: str) -> None:
    position = int(str(error).removeprefix("schemas, position ").partition(":")[0])
    assert 1 <= position <= len(text) + 1
    assert error.__context__ is None


WORDS = (
    *TYPES,
    "index",
    "unique",
    "not null",
    "default ",
    "references ",
    "from ",
    "True",
    "timezone=",
    "length=",
)
TEXT_FORM = Target("text_form", _seeds, _check, WORDS, LONGEST)
