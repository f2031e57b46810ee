"""The text form of `schemas`, for ini files: `user_id Integer index; ip String(45) not null`.

Each column is written as its name, one of SQLAlchemy's generic types with its arguments, and any of the
words `index`, `unique`, `not null`, `default` with a literal, `references` with `table.column`, and `from`
with a path into the session.
"""

from __future__ import annotations

import ast
import re
from typing import Any, Final

from sqlalchemy import Column, ForeignKey
from sqlalchemy import types as sa

from .._spelling import did_you_mean, folded
from ..errors import ConfigurationError
from .paths import EXAMPLES, PATH, SOURCE

_KINDS: Final = (
    sa.BigInteger, sa.Boolean, sa.Date, sa.DateTime, sa.Double, sa.Enum, sa.Float, sa.Integer, sa.Interval,
    sa.JSON, sa.LargeBinary, sa.Numeric, sa.SmallInteger, sa.String, sa.Text, sa.Time, sa.Unicode,
    sa.UnicodeText, sa.Uuid,
)  # fmt: skip
TYPES: Final[dict[str, type[sa.TypeEngine[Any]]]] = {kind.__name__: kind for kind in _KINDS}
# Names of these types in databases and in Python.
_TYPE_SYNONYMS: Final = {
    synonym: kind
    for kind, synonyms in {
        "BigInteger": "bigint int8 long",
        "Boolean": "bool bit",
        "DateTime": "timestamp",
        "DateTime(timezone=True)": "timestamptz",
        "Double": "float8",
        "Float": "float4 real",
        "Integer": "int int4 mediumint serial",
        "Interval": "timedelta",
        "JSON": "jsonb dict list",
        "LargeBinary": "binary blob bytea bytes longblob varbinary",
        "Numeric": "decimal money number",
        "SmallInteger": "int2 smallint tinyint",
        "String": "char character inet nvarchar str varchar varchar2",
        "Text": "clob longtext mediumtext",
        "Uuid": "guid uniqueidentifier",
    }.items()
    for synonym in synonyms.split()
}
_WORDS: Final = ("index", "unique", "not null", "default", "references", "from")
_WORD_SYNONYMS: Final = {
    "foreign": "references",
    "indexed": "index",
    "key": "index",
    "required": "not null",
}
_ADVICE: Final = {
    ",": "columns are separated by ';'",
    "null": "leave it out, because a column may be NULL unless it is 'not null'",
    "nullable": "leave it out, because a column may be NULL unless it is 'not null'",
    "on": "ON DELETE needs a Column, as in Column(…, ForeignKey(…, ondelete='CASCADE'))",
    "primary": "the session id is the primary key",
}
_TRUTH: Final = {"true": True, "false": False}

_BLANKS = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = r"'[^']*'|\"[^\"]*\""
_ARGUMENTS = re.compile(rf"\((?:{_QUOTED}|[^()'\"])*\)")
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_LITERAL = re.compile(rf"(?:{_QUOTED}|{_NUMBER}|true|false)(?![^\s;,])", re.ASCII | re.IGNORECASE)
_REFERENCE = re.compile(rf"{_NAME.pattern}(?:\.{_NAME.pattern}){{1,2}}(?![^\s;,])")
_WORD = re.compile(r"not\s+null\b|,|[^\s;,]+", re.IGNORECASE)
_NEXT_COLUMN = re.compile(rf"{_NAME.pattern}\s+({_NAME.pattern})")


def parse(text: str) -> list[Column[Any]]:
    """The columns that a text declares.

    Raises:
        ConfigurationError: with the position of the mistake, counted from 1.
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
    """Reads a text from left to right, and skips blanks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def at_end(self) -> bool:
        self._skip_blanks()
        return self.position == len(self.text)

    def peek(self, pattern: re.Pattern[str]) -> str | None:
        """The text at the position, if it matches."""
        self._skip_blanks()
        match = pattern.match(self.text, self.position)
        return match.group() if match else None

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """The same, and move the position behind it."""
        taken = self.peek(pattern)
        self.position += len(taken or "")
        return taken

    def error(self, problem: str) -> ConfigurationError:
        """The error for a mistake at the position."""
        return ConfigurationError(f"schemas, position {self.position + 1}: {problem}")

    def _skip_blanks(self) -> None:
        blanks = _BLANKS.match(self.text, self.position)
        assert blanks is not None
        self.position = blanks.end()


def _column(reader: _Reader) -> Column[Any]:
    if (name := reader.peek(_NAME)) is None:
        raise reader.error(
            "a column starts with its name, a letter or '_' followed by letters, digits or '_'"
        )
    reader.take(_NAME)
    kind = _type(reader, name)
    references: list[ForeignKey] = []
    options: dict[str, Any] = {}
    while (word := reader.peek(_WORD)) is not None:
        normal = " ".join(word.lower().split())
        if normal not in _WORDS:
            raise reader.error(f"column {name!r} cannot be {word!r}: {_advice(reader, normal)}")
        reader.take(_WORD)
        if normal == "not null":
            options["nullable"] = False
        elif normal == "default":
            options["default"] = _literal(reader, name, kind)
        elif normal == "references":
            references = [_reference(reader, name)]
        elif normal == "from":
            options["info"] = {SOURCE: _path(reader, name)}
        else:
            options[normal] = True
    return Column(name, kind, *references, **options)


def _advice(reader: _Reader, word: str) -> str:
    """What to write instead of the unknown word at the reader's position."""
    if word in _ADVICE:
        return _ADVICE[word]
    next_column = _NEXT_COLUMN.match(reader.text, reader.position)
    if next_column is not None and folded(next_column[1]) in {*map(folded, TYPES), *_TYPE_SYNONYMS}:
        return "if it is the next column, write ';' before it"
    return did_you_mean(word, _WORDS, synonyms=_WORD_SYNONYMS)


def _type(reader: _Reader, column: str) -> sa.TypeEngine[Any]:
    name = reader.peek(_NAME)
    if name is None:
        raise reader.error(f"column {column!r} needs a type, as in '{column} Integer'")
    if name not in TYPES:
        hint = did_you_mean(name, TYPES, synonyms=_TYPE_SYNONYMS)
        raise reader.error(f"column {column!r} has no type {name!r}: {hint}")
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
    except Exception:  # noqa: BLE001, S110 - Python's parser raises many errors, also a MemoryError
        pass
    reader.position = start
    raise reader.error(f"column {column!r}: {name} does not take the arguments {arguments}")


def _is_size(value: object) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _reference(reader: _Reader, column: str) -> ForeignKey:
    target = reader.take(_REFERENCE)
    if target is None:
        raise reader.error(f"column {column!r}: 'references' needs table.column after it, as in users.id")
    return ForeignKey(target)


def _path(reader: _Reader, column: str) -> str:
    path = reader.take(PATH)
    if path is None:
        raise reader.error(f"column {column!r}: 'from' needs a path into the session; {EXAMPLES}")
    return path


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
