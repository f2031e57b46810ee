"""The administrators' page: search the sessions of all users, and end any of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from .._column_texts import parser_of, typed
from ..errors import InvalidField
from .http import Request, Response, json_response, redirect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from .._column_texts import Parser
    from .._session.model import Record
    from ..store import SessionStore
    from .rendering import Renderer
    from .visitor import Visitor

PER_PAGE: Final = 50
DAYS: Final = 14
# The characters of a wrong search text that the error message shows.
LONGEST_SHOWN: Final = 50
# Names in a query string beside the names of columns. No column's name can begin with a hyphen.
AFTER: Final = "-after"
DONE: Final = "-done"


@dataclass(frozen=True)
class Admin:
    """The handlers for administrators.

    Args:
        store: the store of the sessions.
        renderer: renders the page.
        open_store: opens the store for ending sessions, inside of the request's transaction if there is one.
    """

    store: SessionStore
    renderer: Renderer
    open_store: Callable[[Request], AbstractContextManager[SessionStore]]

    def show(self, request: Request, visitor: Visitor) -> Response:
        """A page of the sessions that match the search; without a search, with the counts per day first."""
        query = request.args
        search = {name: query[name] for name in self._parsers if query.get(name)}
        records: Sequence[Record] = ()
        problem, after = "", None
        try:
            page = self.store.browse(self._values(search), after=query.get(AFTER), limit=PER_PAGE)
            records, after = page.records, page.after
        except InvalidField as error:
            text = search[error.field][:LONGEST_SHOWN]
            problem = self.renderer.texts(request).admin_bad_value.format(column=error.field, value=text)
        is_start = not search and AFTER not in query
        done = query.get(DONE, "")
        return self.renderer.render(
            request,
            "admin.html",
            fields=self.store.fields,
            fields_of=self.store.fields_of,
            searchable=list(self._parsers),
            searchable_text=typed,
            search=search,
            problem=problem,
            records=records,
            is_partial=after is not None and len(records) < PER_PAGE,
            next_url="" if after is None else _url(request, {**search, AFTER: after}),
            first_url=_url(request, search) if AFTER in query else "",
            days=self.store.count_per_day(DAYS) if is_start else [],
            current_handle=self.store.handle(visitor.sid),
            token=visitor.csrf_token(),
            query=urlencode({name: query[name] for name in (*search, AFTER) if name in query}),
            done=done if done.isdecimal() else "",
        )

    def sign_out(self, request: Request, _visitor: Visitor) -> Response:
        """End the selected sessions, and show the same page again."""
        with self.open_store(request) as store:
            ended = store.revoke_many(request.handles)
        if request.wants_json:
            return json_response({"signed_out": ended})
        submitted = dict(parse_qsl(request.fields.get("query", "")))
        query = {name: text for name, text in submitted.items() if name in {*self._parsers, AFTER}}
        return redirect(_url(request, {**query, DONE: str(ended)}))

    @cached_property
    def _parsers(self) -> dict[str, Parser]:
        """For each declared column that can be searched, the function that converts a search text."""
        columns = self.store.repo().c
        parsers = {name: parser_of(columns[name].type) for name in self.store.fields}
        return {name: parser for name, parser in parsers.items() if parser is not None}

    def _values(self, search: dict[str, str]) -> dict[str, Any]:
        """Convert the texts of a search to values of the columns.

        Raises:
            InvalidField: naming a column that cannot have the value.
        """
        values = {}
        for name, text in search.items():
            try:
                values[name] = self._parsers[name](text)
            except (ValueError, KeyError, ArithmeticError):
                raise InvalidField(self.store.repo().name, name, "has no such values") from None
        return values


def _url(request: Request, query: dict[str, str]) -> str:
    return f"{request.root}/admin" + (f"?{urlencode(query)}" if query else "")
