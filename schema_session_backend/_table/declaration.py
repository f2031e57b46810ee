"""The sessions' table as it is declared: a SQLAlchemy `Table` of base columns and declared columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table
from sqlalchemy import exc as sa_exc
from sqlalchemy.types import NullType

from .._spelling import did_you_mean
from ..errors import ConfigurationError
from . import text_form
from .columns import Field, exact, field_of
from .types import UTCDateTime, additional_type, sid_type

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Dialect

MAX_IDENTIFIER: Final = 63
TIMESTAMPS: Final = ("created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the base columns."""

    sid: str = "sid"
    additional: str = "additional"
    expire_at: str = "expire_at"
    revision: str = "revision"


@dataclass(frozen=True, slots=True)
class SessionTable:
    """A `Table` of sessions, and the roles of its columns.

    Attributes:
        table: SQLAlchemy's table.
        sid: the primary key, which holds the handles.
        additional: the column of the session's keys that have no column, as text.
        expire_at: when the session expires, in milliseconds since 1970 UTC; NULL for never.
        revision: the number of saves, from a random start.
        created_at: when the session was first stored; None without timestamps.
        updated_at: when the session was last saved or touched; None without timestamps.
        fields: the declared columns.
        reserved: the names of columns that are no fields, which no key of a session may have.
        owned: whether the table was made from `schemas`; otherwise it is the application's own.
        hashed: whether handles are hashes, which any collation tells apart.
    """

    table: Table
    sid: Column[str]
    additional: Column[str]
    expire_at: Column[int]
    revision: Column[int]
    created_at: Column[dt.datetime] | None
    updated_at: Column[dt.datetime] | None
    fields: tuple[Field, ...]
    reserved: frozenset[str]
    owned: bool
    hashed: bool

    @property
    def stamps(self) -> list[Column[Any]]:
        """The columns of the timestamps; none without timestamps."""
        return [column for column in (self.created_at, self.updated_at) if column is not None]

    @property
    def name(self) -> str:
        """The table's name, with its schema, for messages."""
        return self.table.fullname


@dataclass(frozen=True, slots=True)
class Declaration:
    """Makes session tables from the application's declarations.

    Attributes:
        names: the names of the base columns.
        timestamps: whether there are `created_at` and `updated_at`.
        hashed: whether handles are hashes.
        dialect: the dialect of the database.
        strict: whether columns refuse instances of subclasses and lazy strings.
    """

    names: Names
    timestamps: bool
    hashed: bool
    dialect: Dialect
    strict: bool = False

    def new(
        self, schemas: str | Iterable[Column[Any]], *, name: str, metadata: MetaData | None
    ) -> SessionTable:
        """A new table with the columns that the application declares.

        Args:
            schemas: the columns, or their text form.
            name: the table's name, `schema.name` outside of the default schema.
            metadata: the `MetaData` of the table; None for a new one.

        Raises:
            ConfigurationError: naming the column that cannot be declared, or the position in the text form.
        """
        declared = text_form.parse(schemas) if isinstance(schemas, str) else _column_list(schemas)
        schema, bare_name = _schema_and_name(name)
        sid, *rest = _base_columns(self.names, hashed=self.hashed, timestamps=self.timestamps)
        try:
            table = Table(
                bare_name,
                MetaData() if metadata is None else metadata,
                sid,
                *_copies(declared, [sid, *rest]),
                *rest,
                schema=schema,
                # Declared columns compare byte for byte too, so that find(name="Ann") does not find "ann".
                mysql_collate="utf8mb4_nopad_bin",
                mariadb_collate="utf8mb4_nopad_bin",
            )
        except sa_exc.InvalidRequestError:
            table = None
        if table is None:
            msg = (
                f"the MetaData has a table {name!r} already: pass it as table=, or choose another table_name"
            )
            raise ConfigurationError(msg)
        if isinstance(schemas, str):
            _require_referenced(table)
            if self.dialect.name in {"mysql", "mariadb"}:
                _match_referenced(table)
        Index(f"ix_{bare_name}_{self.names.expire_at}", table.c[self.names.expire_at])
        return self._session_table(table, owned=True)

    def adopt(self, table_or_class: Any, *, instead_of: tuple[object, ...] = ()) -> SessionTable:
        """The application's own table.

        Args:
            table_or_class: a `Table`, or a mapped class.
            instead_of: the values of options that cannot be combined with a table of the application's own.

        Raises:
            ConfigurationError: naming the base column that is missing, or what else cannot work.
        """
        if any(instead_of):
            msg = "table= brings its columns, name and MetaData: leave out schemas, table_name and metadata"
            raise ConfigurationError(msg)
        table, names = getattr(table_or_class, "__table__", table_or_class), self.names
        if not isinstance(table, Table):
            msg = (
                f"table= takes a Table or a mapped class, not {type(table_or_class).__name__};"
                " the name of a table is table_name="
            )
            raise ConfigurationError(msg)
        for column in table.c:
            if not _made_by_database(column):
                _require_no_other_key(column)
            if "%" in column.name:
                # Drivers take a % in a statement for a parameter.
                msg = f"table {table.fullname!r}: the column {column.name!r} needs a name without %"
                raise ConfigurationError(msg)
        required = [names.sid, names.additional, names.expire_at, names.revision]
        required += TIMESTAMPS if self.timestamps else ()
        missing = [name for name in required if name not in table.c]
        if missing:
            msg = f"table {table.fullname!r} lacks the column {missing[0]!r}: use SessionMixin"
            raise ConfigurationError(msg)
        if list(table.primary_key.columns) != [table.c[names.sid]]:
            msg = f"table {table.fullname!r}: the primary key has to be the column {names.sid!r} alone"
            raise ConfigurationError(msg)
        return self._session_table(table, owned=False)

    def _session_table(self, table: Table, *, owned: bool) -> SessionTable:
        names = self.names
        base = {names.sid, names.additional, names.expire_at, names.revision}
        if all(name in table.c for name in TIMESTAMPS):
            base.update(TIMESTAMPS)
        generated = {column.name for column in table.c if _made_by_database(column)}
        created_at, updated_at = (table.c[name] if name in base else None for name in TIMESTAMPS)
        return SessionTable(
            table=table,
            sid=table.c[names.sid],
            additional=table.c[names.additional],
            expire_at=table.c[names.expire_at],
            revision=table.c[names.revision],
            created_at=created_at,
            updated_at=updated_at,
            fields=tuple(
                field_of(table.fullname, column, self.dialect, strict=self.strict)
                for column in table.c
                if column.name not in base | generated
            ),
            reserved=frozenset(base | generated),
            owned=owned,
            hashed=self.hashed,
        )


def _base_columns(names: Names, *, hashed: bool, timestamps: bool) -> list[Column[Any]]:
    for option in ("sid", "additional", "expire_at", "revision"):
        _require_identifier(getattr(names, option), f"{option}_name")
    columns: list[Column[Any]] = [
        Column(names.sid, sid_type(hashed=hashed), primary_key=True),
        Column(names.additional, additional_type(), nullable=False),
        Column(names.expire_at, BigInteger),
    ]
    if timestamps:
        columns += [Column(name, UTCDateTime()) for name in TIMESTAMPS]
    columns.append(Column(names.revision, BigInteger, nullable=False))
    if len({column.name.casefold() for column in columns}) < len(columns):
        msg = "two base columns have the same name: check the options that end with _name"
        raise ConfigurationError(msg)
    return columns


def _copies(declared: Iterable[Any], base: Iterable[Column[Any]]) -> list[Column[Any]]:
    taken = {column.name.casefold(): "a base column" for column in base}
    copies = []
    for column in declared:
        _require_declarable(column)
        if (clash := taken.get(column.name.casefold())) is not None:
            msg = f"column {column.name!r} cannot be declared: the name is that of {clash}; choose another"
            raise ConfigurationError(msg)
        taken[column.name.casefold()] = "another declared column"
        # A Column belongs to one Table only. Copies let several stores be declared with the same Columns.
        copy = column._copy()  # noqa: SLF001
        copy.type = exact(copy.type)
        copies.append(copy)
    return copies


def _column_list(schemas: Any) -> list[Any]:
    if isinstance(schemas, Iterable):
        return list(schemas)
    raise _no_column(schemas)


def _no_column(value: object) -> ConfigurationError:
    if isinstance(value, str):
        return ConfigurationError("schemas takes one text with ';' between the columns, not a list of texts")
    kind = type(value).__name__
    return ConfigurationError(f"schemas takes a list of SQLAlchemy Columns or their text form, not {kind}")


def _schema_and_name(name: object) -> tuple[str | None, str]:
    """A table's schema, None for the default schema, and its name within the schema."""
    parts = name.split(".", 1) if isinstance(name, str) else [name]
    for part in parts:
        _require_identifier(part, "table_name", name)
    *schema, bare_name = map(str, parts)
    return (schema[0] if schema else None), bare_name


def _require_identifier(name: object, where: str, whole: object = None) -> None:
    if not isinstance(name, str) or not name.isidentifier() or len(name) > MAX_IDENTIFIER:
        msg = (
            f"{where}: {whole or name!r} is no identifier;"
            f" use a letter or '_' followed by letters, digits or '_', {MAX_IDENTIFIER} at most"
        )
        raise ConfigurationError(msg)


def _require_declarable(column: object) -> None:
    if not isinstance(column, Column):
        raise _no_column(column)
    _require_identifier(column.name, "schemas")
    _require_no_other_key(column)
    if column.primary_key:
        msg = f"column {column.name!r} cannot be declared a primary key: the session id is the primary key"
        raise ConfigurationError(msg)
    if _made_by_database(column):
        msg = f"column {column.name!r} cannot be declared: the database makes its values, not the session"
        raise ConfigurationError(msg)
    if isinstance(column.type, NullType) and not column.foreign_keys:
        msg = f"column {column.name!r} needs a type, as in Column({column.name!r}, Integer)"
        raise ConfigurationError(msg)


def _require_referenced(table: Table) -> None:
    """Refuse a reference in the text form to a table or a column that does not exist."""
    for key in (key for column in table.c for key in column.foreign_keys):
        try:
            key.column  # noqa: B018 - the property looks the column up
        except sa_exc.NoReferencedColumnError as error:
            problem = f"the table {error.table_name!r} has no column {error.column_name!r}"
        except sa_exc.NoReferencedTableError as error:
            others = table.metadata.tables.keys() - {table.key}
            hint = did_you_mean(error.table_name, others) if others else "pass yours as metadata="
            problem = f"the MetaData has no table {error.table_name!r} yet; {hint}"
        else:
            continue
        # Leave the MetaData as it was, so that a second attempt does not fail because of the first.
        table.metadata.remove(table)
        msg = f"column {key.parent.name!r} cannot reference {key.target_fullname}: {problem}"
        raise ConfigurationError(msg)


def _match_referenced(table: Table) -> None:
    """Give each whole number that refers to another the type of that: MariaDB has no other foreign keys.

    The text form has no words for MariaDB's UNSIGNED.
    """
    for key in (key for column in table.c for key in column.foreign_keys):
        if isinstance(key.parent.type, Integer) and isinstance(key.column.type, Integer):
            key.parent.type = key.column.type


def _require_no_other_key(column: Column[Any]) -> None:
    if column.key != column.name:
        msg = (
            f"column {column.name!r} has the key {column.key!r}: leave out key=,"
            " because sessions have the column's name as key"
        )
        raise ConfigurationError(msg)


def _made_by_database(column: Column[Any]) -> bool:
    """Whether the database makes the column's values, so that no session can set them."""
    return column.computed is not None or column.identity is not None
