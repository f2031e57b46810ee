"""Everybody's sessions, for those whom the application lets see them."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from .._sql.survey import Page
from ..errors import InvalidField
from .exchange import Request, Response, first, json_response, parsed, redirect

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.types import TypeEngine

    from .._sql.survey import DayCount
    from .page import DevicesPage

PER_PAGE: Final = 50
DAYS: Final = 14
# No column can have such a name.
AFTER: Final = "-after"
DONE: Final = "-done"


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's count, and its part of the highest one."""

    day: DayCount
    percent: int


class Admin:
    """The part of the page that is for administrators.

    Args:
        page: which this is a part of.
    """

    def __init__(self, page: DevicesPage) -> None:
        self._page = page
        self._fields = page.store.fields
        columns = page.store.table.c
        self._searchable = [name for name in self._fields if _can_be_written(columns[name].type)]

    def show(self, request: Request) -> Response:
        """A page of the sessions that have what was searched for, and counts per day."""
        visitor = self._page.administrator(request)
        query = {name: values[0] for name, values in request.query.items()}
        asked = {name: query[name] for name in self._searchable if query.get(name)}
        texts, store = self._page.texts(request), self._page.store
        problem, page = "", Page([], None)
        try:
            values = self._values(asked)
            page = store.browse(*store.having(values), after=query.get(AFTER), limit=PER_PAGE)
        except InvalidField as bad:
            problem = texts.admin_bad_value.format(column=bad.field, value=asked[bad.field][:PER_PAGE])
        is_start = not asked and AFTER not in query
        return self._page.render(
            request,
            "admin.html",
            fields=self._fields,
            searchable=self._searchable,
            shown=_shown,
            asked=asked,
            problem=problem,
            records=page.records,
            is_partial=page.after is not None and len(page.records) < PER_PAGE,
            next_url="" if page.after is None else self._url(request, {**asked, AFTER: page.after}),
            first_url=self._url(request, asked) if AFTER in query else "",
            bars=_bars(store.count_per_day(DAYS)) if is_start else [],
            this=store.handle(visitor.sid),
            token=visitor.csrf_token(),
            again=urlencode({name: query[name] for name in (*asked, AFTER) if name in query}),
            done=query[DONE] if query.get(DONE, "").isdecimal() else "",
        )

    def sign_out(self, request: Request) -> Response:
        """End the sessions that were selected."""
        visitor = self._page.administrator(request)
        form = self._page.own_form(request, visitor)
        with self._page.connection(request) as connection:
            ended = self._page.store.revoke_many(form.get("handle", []), connection=connection)
        if request.is_json:
            return json_response({"signed_out": ended})
        again = parsed(first(form, "again"))
        asked = {name: values[0] for name, values in again.items() if name in {*self._searchable, AFTER}}
        return redirect(self._url(request, {**asked, DONE: str(ended)}))

    @staticmethod
    def _url(request: Request, query: dict[str, str]) -> str:
        encoded = urlencode(query)
        return f"{request.root}/admin" + (f"?{encoded}" if encoded else "")

    def _values(self, asked: dict[str, str]) -> dict[str, Any]:
        """What was searched for, as values of the columns.

        Raises:
            InvalidField: naming the column that a text cannot be a value of.
        """
        table, values = self._page.store.table, {}
        for name, text in asked.items():
            try:
                values[name] = _value(table.c[name].type.python_type, text)
            except (ValueError, TypeError, KeyError, ArithmeticError, NotImplementedError):
                raise InvalidField(table.name, name, "has no such values") from None
        return values


def _value(kind: type, text: str) -> Any:
    if issubclass(kind, enum.Enum):
        return kind[text]
    return _PARSERS.get(kind, kind)(text)


def _can_be_written(kind: TypeEngine[Any]) -> bool:
    """Whether a value of that type is something to write into a field of a form."""
    try:
        python = kind.python_type
    except NotImplementedError:
        return False
    return issubclass(python, enum.Enum) or python in {str, int, float, *_PARSERS}


def _shown(value: Any) -> Any:
    """A value as it would be searched for."""
    if isinstance(value, enum.Enum):
        return value.name
    return value.hex() if isinstance(value, bytes) else value


def _truth(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


_PARSERS: Final[dict[type, Callable[[str], Any]]] = {
    bool: _truth,
    bytes: bytes.fromhex,
    decimal.Decimal: decimal.Decimal,
    dt.date: dt.date.fromisoformat,
    dt.datetime: dt.datetime.fromisoformat,
    dt.time: dt.time.fromisoformat,
    uuid.UUID: uuid.UUID,
}


def _bars(days: list[DayCount]) -> list[Bar]:
    most = max((day.count for day in days), default=0)
    return [Bar(day, round(100 * day.count / most) if most else 0) for day in days]
