"""One's own devices: the page, the same as JSON, and signing out."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from .exchange import Refused, Request, Response, first, json_response, redirect
from .words import device_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from .._session.model import Record
    from .page import DevicesPage
    from .texts import Texts
    from .visitor import Visitor

MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Device:
    """A session as its owner sees it."""

    handle: str
    device: str
    place: str
    current: bool
    signed_in_at: dt.datetime | None
    last_seen_at: dt.datetime | None
    expires_at: dt.datetime | None


class Devices:
    """The part of the page that is for everybody.

    Args:
        page: which this is a part of.
        fields: the keys of a session that tell of its device: `words`, `user_agent`, `ip` and `place`.
    """

    def __init__(self, page: DevicesPage, fields: Mapping[str, str]) -> None:
        self._page = page
        self._fields = fields

    def show(self, request: Request) -> Response:
        """The page."""
        visitor = self._page.visitor(request)
        devices, more = self._devices(visitor, self._page.texts(request))
        done = first(request.query, "done")
        return self._page.render(
            request,
            "devices.html",
            devices=devices,
            more=more,
            token=visitor.csrf_token(),
            done=done if done in {"one", "others"} else "",
        )

    def tell(self, request: Request) -> Response:
        """The same as JSON."""
        visitor = self._page.visitor(request)
        devices, more = self._devices(visitor, self._page.texts(request))
        return json_response({"csrf_token": visitor.csrf_token(), "sessions": devices, "more": more})

    def sign_out(self, request: Request) -> Response:
        """End one session, if it is the visitor's own."""
        visitor = self._page.visitor(request)
        store = self._page.store
        handle = first(self._page.own_form(request, visitor), "handle")
        with self._page.connection(request) as connection:
            was_there = store.revoke(handle, *store.having(visitor.user), connection=connection)
        if not was_there:
            raise Refused(HTTPStatus.NOT_FOUND, "done_none")
        return self._done(request, "one", 1)

    def sign_out_others(self, request: Request) -> Response:
        """End all of the visitor's sessions but this one."""
        visitor = self._page.visitor(request)
        self._page.own_form(request, visitor)
        store = self._page.store
        with self._page.connection(request) as connection:
            user = store.having(visitor.user)
            ended = store.revoke_where(*user, keep=visitor.sid, connection=connection)
        return self._done(request, "others", ended)

    def _done(self, request: Request, what: str, ended: int) -> Response:
        if request.is_json:
            return json_response({"signed_out": ended})
        return redirect(f"{request.root}/?done={what}")

    def _devices(self, visitor: Visitor, texts: Texts) -> tuple[list[Device], int]:
        store = self._page.store
        user = store.having(visitor.user)
        found = store.find(*user, limit=MOST_SHOWN + 1)
        shown = found[:MOST_SHOWN]
        this = store.handle(visitor.sid)
        if len(found) > MOST_SHOWN and all(record.handle != this for record in shown):
            own = store.load(visitor.sid)
            shown = shown if own is None else [own.record(), *shown[:-1]]
        devices = [self._device(record, this, texts) for record in shown]
        devices.sort(key=lambda one: _moment(one.last_seen_at), reverse=True)
        devices.sort(key=lambda one: not one.current)
        more = store.count(*user) - MOST_SHOWN if len(found) > MOST_SHOWN else 0
        return devices, max(0, more)

    def _device(self, record: Record, this: str, texts: Texts) -> Device:
        told = {name: _text(record.data.get(key)) for name, key in self._fields.items()}
        return Device(
            handle=record.handle,
            device=device_of(told["user_agent"], texts) or told["words"] or texts.unknown_device,
            place=told["place"] or told["ip"],
            current=record.handle == this,
            signed_in_at=record.created_at,
            last_seen_at=record.updated_at,
            expires_at=record.expires_at,
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _moment(value: dt.datetime | None) -> float:
    return 0.0 if value is None else value.timestamp()
