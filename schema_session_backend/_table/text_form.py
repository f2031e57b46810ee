"""The text form of `schemas`, for ini files: `user_id Integer index; ip String(45) not null`.

Each column is a name, one of SQLAlchemy's generic types with its arguments, and any of the words `index`,
`unique`, `not null` and `default` with a literal.
"""

from __future__ import annotations

import ast
import re
from typing import Any, Final

from sqlalchemy import Column
from sqlalchemy import types as sa

from ..errors import ConfigurationError, did_you_mean

_KINDS: Final = (
    sa.BigInteger, sa.Boolean, sa.Date, sa.DateTime, sa.Double, sa.Enum, sa.Float, sa.Integer, sa.Interval,
    sa.JSON, sa.LargeBinary, sa.Numeric, sa.SmallInteger, sa.String, sa.Text, sa.Time, sa.Unicode,
    sa.UnicodeText, sa.Uuid,
)  # fmt: skip
TYPES: Final[dict[str, type[sa.TypeEngine[Any]]]] = {kind.__name__: kind for kind in _KINDS}
_WORDS: Final = ("index", "unique", "not null", "default")
_TRUTH: Final = {"true": True, "false": False}

_BLANK = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = r"'[^']*'|\"[^\"]*\""
_ARGUMENTS = re.compile(rf"\((?:{_QUOTED}|[^()'\"])*\)")
_LITERAL = re.compile(rf"{_QUOTED}|[^\s;]+")
_WORD = re.compile(r"not\s+null\b|[^\s;]+", re.IGNORECASE)


def parse(text: str) -> list[Column[Any]]:
    """The columns that `text` declares.

    Raises:
        ConfigurationError: with the position (from 1) of what cannot be understood.
    """
    reader = _Reader(text)
    columns = []
    while not reader.at_end():
        if reader.take(re.compile(";")) is None:
            columns.append(_column(reader))
            if not reader.at_end() and reader.take(re.compile(";")) is None:
                raise reader.error("columns are separated by ';'")
    return columns


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def at_end(self) -> bool:
        self._skip_blanks()
        return self.position == len(self.text)

    def peek(self, pattern: re.Pattern[str]) -> str | None:
        self._skip_blanks()
        found = pattern.match(self.text, self.position)
        return found.group() if found else None

    def take(self, pattern: re.Pattern[str]) -> str | None:
        taken = self.peek(pattern)
        self.position += len(taken or "")
        return taken

    def error(self, problem: str) -> ConfigurationError:
        return ConfigurationError(f"schemas, position {self.position + 1}: {problem}")

    def _skip_blanks(self) -> None:
        blank = _BLANK.match(self.text, self.position)
        assert blank is not None
        self.position = blank.end()


def _column(reader: _Reader) -> Column[Any]:
    if (name := reader.peek(_NAME)) is None:
        raise reader.error(
            "a column starts with its name, a letter or '_' followed by letters, digits or '_'"
        )
    reader.take(_NAME)
    kind = _type(reader, name)
    options: dict[str, Any] = {}
    while (word := reader.peek(_WORD)) is not None:
        normal = " ".join(word.lower().split())
        if normal not in _WORDS:
            raise reader.error(f"column {name!r} cannot be {word!r}: {did_you_mean(normal, _WORDS)}")
        reader.take(_WORD)
        if normal == "not null":
            options["nullable"] = False
        elif normal == "default":
            options["default"] = _literal(reader, name, kind)
        else:
            options[normal] = True
    return Column(name, kind, **options)


def _type(reader: _Reader, column: str) -> sa.TypeEngine[Any]:
    name = reader.peek(_NAME)
    if name is None:
        raise reader.error(f"column {column!r} needs a type, as in '{column} Integer'")
    if name not in TYPES:
        raise reader.error(f"column {column!r} has no type {name!r}: {did_you_mean(name, TYPES)}")
    start = reader.position
    reader.take(_NAME)
    arguments = reader.take(_ARGUMENTS) if reader.text[reader.position : reader.position + 1] == "(" else ""
    if arguments is None:
        raise reader.error(f"column {column!r}: the parenthesis of {name} is not closed")
    positional, keywords = [], {}
    try:
        call = ast.parse(f"{name}{arguments or '()'}", mode="eval").body
        assert isinstance(call, ast.Call)
        positional = [ast.literal_eval(argument) for argument in call.args]
        keywords = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
        kind = TYPES[name](*positional, **keywords)
        if all(_is_size(getattr(kind, size, None)) for size in ("length", "precision", "scale")):
            return kind
    except (SyntaxError, ValueError, TypeError, AssertionError):
        pass
    reader.position = start
    raise reader.error(f"column {column!r}: {name} does not take the arguments {arguments}")


def _is_size(value: object) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _literal(reader: _Reader, column: str, kind: sa.TypeEngine[Any]) -> Any:
    text = reader.peek(_LITERAL) or ""
    try:
        value = _TRUTH[text.lower()] if text.lower() in _TRUTH else ast.literal_eval(text)
    except (SyntaxError, ValueError):
        value = None
    if value is None:
        raise reader.error(
            f"column {column!r}: 'default' needs a number, true, false or a quoted text after it"
        )
    reader.take(_LITERAL)
    if isinstance(kind, (sa.Numeric, sa.Float)) and type(value) in {int, float}:
        return kind.python_type(text)
    return value
