"""A session's dict <-> (values of the declared columns, text for `additional`): split and merge."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidField, SessionTooLarge, UnserializableValue

if TYPE_CHECKING:
    from .._session.serializer import Serializer
    from .declaration import SessionTable


class Split(NamedTuple):
    """A session as its row holds it; `columns` are in the order of the declared fields."""

    columns: tuple[Any, ...]
    additional: str


EMPTY = Split((), "{}")


class Codec:
    """Splits sessions for one table and puts them together again.

    A declared key that is None stays in `additional` too, which tells it from one that was never set:
    both are NULL in the column.

    Args:
        table: the sessions' table.
        serializer: makes the text for `additional`.
        max_size: bytes that this text may have.
    """

    def __init__(self, table: SessionTable, serializer: Serializer, *, max_size: int) -> None:
        self._table = table
        self._fields = table.fields
        self._mutable = [index for index, field in enumerate(table.fields) if field.mutable]
        self._serializer = serializer
        self._max_size = max_size

    def split(self, data: Mapping[str, Any]) -> Split:
        """The row for a new session, or one that replaces whatever is stored.

        Raises:
            InvalidField: if a value does not fit its column, or a key has the name of a base column.
            UnserializableValue: if a value would not come back equal.
            SessionTooLarge: if the rest is larger than `max_size`.
        """
        return self._split(data, new=True)

    def split_known(self, data: Mapping[str, Any]) -> Split:
        """The row for a session that is stored already; a key that it lost becomes NULL.

        Raises as `split` does.
        """
        return self._split(data, new=False)

    def merge(self, row: Split) -> dict[str, Any]:
        """The session's dict, freshly made.

        Raises:
            ValueError: if the row is corrupt.
        """
        data: dict[str, Any] = self._serializer.loads(row.additional)
        for field, value in zip(self._fields, row.columns, strict=False):
            if value is not None:
                data[field.name] = copy.deepcopy(value) if field.mutable else value
        return data

    def unchanged(self, one: Split, other: Split) -> bool:
        """Whether two rows hold equal sessions."""
        return one == other and all(
            self._serializer.same(one.columns[index], other.columns[index]) for index in self._mutable
        )

    def same(self, one: object, other: object) -> bool:
        """Whether two values of a session are equal with equal types at every depth."""
        try:
            return self._serializer.same(one, other)
        except UnserializableValue:
            # Only a declared column's own type has such a value, and there equality is exact.
            return type(one) is type(other) and one == other

    def _split(self, data: Mapping[str, Any], *, new: bool) -> Split:
        if type(data) is not dict and not isinstance(data, Mapping):
            raise UnserializableValue("<session>", f"a session is a dict, not {type(data).__name__}")
        rest = dict(data)
        if not self._table.reserved.isdisjoint(rest):
            clash = next(key for key in rest if key in self._table.reserved)
            raise InvalidField(self._table.name, clash, "is a base column; the session needs another key")
        columns = []
        for field in self._fields:
            name = field.name
            if name in rest:
                value = field.value_of(rest[name])
                columns.append(value)
                if value is not None:
                    del rest[name]
            else:
                columns.append(field.absent() if new else field.removed_value())
        additional = self._serializer.dumps(rest)
        size = len(additional) if additional.isascii() else len(additional.encode())
        if size > self._max_size:
            largest = max(rest, key=lambda key: len(self._serializer.dumps({key: rest[key]})))
            problem = (
                f"the session takes {size} bytes beside its columns and max_size allows {self._max_size};"
                f" its largest key is {largest!r}: store less, or raise max_size"
            )
            raise SessionTooLarge(problem, size=size, limit=self._max_size)
        return Split(tuple(columns), additional)
