"""The users' page: see the devices where they are signed in, as HTML or JSON, and sign them out."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from .._user_agents import device_name
from ..errors import NoSuchSession
from .http import Refused, Request, Response, json_response, redirect

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from .._session.model import Record
    from ..store import SessionStore
    from .rendering import Renderer
    from .texts import Texts
    from .visitor import Visitor

MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Device:
    """A session as its user sees it; these are the fields in JSON, and in the template."""

    handle: str
    device: str
    place: str
    current: bool
    """Whether it is the session of the request."""
    signed_in_at: dt.datetime | None
    last_seen_at: dt.datetime | None
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Devices:
    """The handlers for every signed-in user.

    Args:
        store: the store of the sessions.
        renderer: renders the page.
        open_store: opens the store for ending sessions, inside of the request's transaction if there is one.
        fields: the keys of a session that hold its `device`, `user_agent`, `ip` and `place`.
    """

    store: SessionStore
    renderer: Renderer
    open_store: Callable[[Request], AbstractContextManager[SessionStore]]
    fields: Mapping[str, str]

    def show(self, request: Request, visitor: Visitor) -> Response:
        """The visitor's devices as HTML."""
        devices, more = self._devices(visitor, self.renderer.texts(request))
        done = request.args.get("done")
        return self.renderer.render(
            request,
            "devices.html",
            devices=devices,
            more=more,
            token=visitor.csrf_token(),
            done=done if done in {"one", "others"} else "",
        )

    def show_json(self, request: Request, visitor: Visitor) -> Response:
        """The visitor's devices as JSON."""
        devices, more = self._devices(visitor, self.renderer.texts(request))
        return json_response({"csrf_token": visitor.csrf_token(), "sessions": devices, "more": more})

    def sign_out(self, request: Request, visitor: Visitor) -> Response:
        """End one session of the visitor's user.

        Raises:
            Refused: if there is no such session, or if it is another user's.
        """
        handles = request.handles
        with self.open_store(request) as store:
            ended = bool(handles) and store.revoke(handles[0], visitor.user)
        if not ended:
            raise Refused(HTTPStatus.NOT_FOUND, "done_none")
        return _signed_out(request, "one", 1)

    def sign_out_others(self, request: Request, visitor: Visitor) -> Response:
        """End all sessions of the visitor's user except for the request's own.

        Raises:
            Refused: if the request's own session has been ended meanwhile.
        """
        try:
            with self.open_store(request) as store:
                ended = store.revoke_where(visitor.user, keep=visitor.sid)
        except NoSuchSession:
            raise Refused(HTTPStatus.UNAUTHORIZED, "not_signed_in") from None
        return _signed_out(request, "others", ended)

    def _devices(self, visitor: Visitor, texts: Texts) -> tuple[list[Device], int]:
        """The visitor's devices, and the number of further devices that are not among them.

        The request's own device comes first, then the others, beginning with the one that was used last.
        """
        records = self.store.find(visitor.user, limit=MOST_SHOWN + 1)
        more = 0
        current = self.store.handle(visitor.sid)
        if len(records) > MOST_SHOWN:
            more = max(0, self.store.count(visitor.user) - MOST_SHOWN)
            records = records[:MOST_SHOWN]
            if all(record.handle != current for record in records):
                loaded = self.store.load(visitor.sid)
                records = records if loaded is None else [loaded.record(), *records[:-1]]
        devices = [self._device(record, current, texts) for record in records]
        return sorted(devices, key=lambda device: (not device.current, -_seconds(device.last_seen_at))), more

    def _device(self, record: Record, current: str, texts: Texts) -> Device:
        data = record.data | self.store.fields_of(record.data)
        fields = {name: _text(data.get(key)) for name, key in self.fields.items()}
        name = device_name(fields["user_agent"], texts.browser_on_system) or fields["device"]
        return Device(
            handle=record.handle,
            device=name or texts.unknown_device,
            place=fields["place"] or fields["ip"],
            current=record.handle == current,
            signed_in_at=record.created_at,
            last_seen_at=record.updated_at,
            expires_at=record.expires_at,
        )


def _signed_out(request: Request, which: str, ended: int) -> Response:
    if request.wants_json:
        return json_response({"signed_out": ended})
    return redirect(f"{request.root}/?done={which}")


def _text(value: Any) -> str:
    """A session's value, if it is text; the application may store anything."""
    return value if isinstance(value, str) else ""


def _seconds(moment: dt.datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
