"""What a response says of its request's session: the cookie, and that no cache may share the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_session_backend._session.timeouts import cookie_max_age

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyramid.request import Request
    from pyramid.response import Response

    from .cookie import Cookie
    from .state import State


class ResponseHeaders:
    """The headers `Set-Cookie`, `Vary` and `Cache-Control` of a response whose request used its session.

    Args:
        request: whose response it is.
        cookie: holds the session's id.
        save: saves the session and returns its state after that.
    """

    def __init__(self, request: Request, cookie: Cookie, save: Callable[[], State]) -> None:
        self._request = request
        self._cookie = cookie
        self._save = save
        self._is_expected = False
        self._runs_last = False

    def expect(self) -> None:
        """Have the headers set when the response is made; more calls change nothing."""
        if not self._is_expected:
            self._is_expected = True
            self._request.add_response_callback(self._set)

    def _set(self, request: Request, response: Response) -> None:
        """Save the session and set the headers; Pyramid calls it outside of all tweens."""
        if request.response_callbacks and not self._runs_last:
            # Other callbacks may still write to the session: go behind them, so that their part is saved too.
            self._runs_last = True
            request.add_response_callback(self._set)
            return
        response.vary = tuple(dict.fromkeys((*(response.vary or ()), "Cookie")))
        response.cache_control.no_store = True
        # Before the cookie, so that no cookie names a session that could not be saved.
        state = self._save()
        if state.sends_cookie and state.sid is not None:
            own = state.remembered
            max_age = self._cookie.max_age if own is None else cookie_max_age(own)
            if state.sid != self._cookie.read(request) or max_age is not None or state.changes_cookie:
                self._cookie.set(response, state.sid, max_age)
        elif state.was_ended:
            self._cookie.delete(response)
