"""Everybody's sessions, for those whom the application lets administer them."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from ..errors import InvalidField
from .http import Request, Response, json_response, redirect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy.types import TypeEngine

    from .._session.model import Record
    from ..store import SessionStore
    from .rendering import Renderer
    from .visitor import Visitor

    Parser = Callable[[str], Any]

PER_PAGE: Final = 50
DAYS: Final = 14
# Characters of a text that could not be searched for, in the message that says so.
LONGEST_SHOWN: Final = 50
# In a query, beside the columns; no column can have such a name.
AFTER: Final = "-after"
DONE: Final = "-done"


@dataclass(frozen=True)
class Admin:
    """The handlers for administrators.

    Args:
        store: where the sessions are.
        renderer: renders the page.
        ending: gives the store to end sessions with, which may be in a request's transaction.
    """

    store: SessionStore
    renderer: Renderer
    ending: Callable[[Request], AbstractContextManager[SessionStore]]

    def show(self, request: Request, visitor: Visitor) -> Response:
        """The sessions that were searched for, and on the first page the counts per day."""
        query = request.args
        asked = {name: query[name] for name in self._parsers if query.get(name)}
        records: Sequence[Record] = ()
        problem, after = "", None
        try:
            page = self.store.browse(self._values(asked), after=query.get(AFTER), limit=PER_PAGE)
            records, after = page.records, page.after
        except InvalidField as bad:
            text = asked[bad.field][:LONGEST_SHOWN]
            problem = self.renderer.texts(request).admin_bad_value.format(column=bad.field, value=text)
        is_start = not asked and AFTER not in query
        done = query.get(DONE, "")
        return self.renderer.render(
            request,
            "admin.html",
            fields=self.store.fields,
            searchable=list(self._parsers),
            shown=_shown,
            asked=asked,
            problem=problem,
            records=records,
            is_partial=after is not None and len(records) < PER_PAGE,
            next_url="" if after is None else _url(request, {**asked, AFTER: after}),
            first_url=_url(request, asked) if AFTER in query else "",
            days=self.store.count_per_day(DAYS) if is_start else [],
            this=self.store.handle(visitor.sid),
            token=visitor.csrf_token(),
            again=urlencode({name: query[name] for name in (*asked, AFTER) if name in query}),
            done=done if done.isdecimal() else "",
        )

    def sign_out(self, request: Request, _visitor: Visitor) -> Response:
        """End the sessions that were selected."""
        with self.ending(request) as store:
            ended = store.revoke_many(request.handles)
        if request.wants_json:
            return json_response({"signed_out": ended})
        shown = dict(parse_qsl(request.fields.get("again", "")))
        asked = {name: text for name, text in shown.items() if name in {*self._parsers, AFTER}}
        return redirect(_url(request, {**asked, DONE: str(ended)}))

    @cached_property
    def _parsers(self) -> dict[str, Parser]:
        """The declared columns that can be searched, with what makes a value of the text in a form."""
        columns = self.store.repo().c
        found = {name: _parser(columns[name].type) for name in self.store.fields}
        return {name: parser for name, parser in found.items() if parser is not None}

    def _values(self, asked: dict[str, str]) -> dict[str, Any]:
        """What was searched for, as values of the columns.

        Raises:
            InvalidField: naming a column that cannot have such a value.
        """
        values = {}
        for name, text in asked.items():
            try:
                values[name] = self._parsers[name](text)
            except (ValueError, KeyError, ArithmeticError):
                raise InvalidField(self.store.repo().name, name, "has no such values") from None
        return values


def _url(request: Request, query: dict[str, str]) -> str:
    return f"{request.root}/admin" + (f"?{urlencode(query)}" if query else "")


def _parser(column: TypeEngine[Any]) -> Parser | None:
    """What makes a value of a text; None for a type that cannot be typed into a form."""
    try:
        kind: Any = column.python_type
    except NotImplementedError:
        return None
    return (lambda name: kind[name]) if issubclass(kind, enum.Enum) else _PARSERS.get(kind)


def _shown(value: Any) -> Any:
    """A value as an administrator would type it to search for it."""
    if isinstance(value, enum.Enum):
        return value.name
    return value.hex() if isinstance(value, bytes) else value


def _truth(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


_PARSERS: Final[dict[type, Parser]] = {
    bool: _truth,
    bytes: bytes.fromhex,
    decimal.Decimal: decimal.Decimal,
    dt.date: dt.date.fromisoformat,
    dt.datetime: dt.datetime.fromisoformat,
    dt.time: dt.time.fromisoformat,
    float: float,
    int: int,
    str: str,
    uuid.UUID: uuid.UUID,
}
