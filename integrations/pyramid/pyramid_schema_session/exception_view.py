"""What an exception view does to the session, which is kept although its transaction is rolled back."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .session import SchemaSession
    from .state import State

FLASH: Final = "_f_"
"""The prefix of the keys that hold the queues of flash messages."""


class ExceptionView:
    """What the exception view of a request does to the session.

    pyramid_tm runs an exception view in the view's transaction, which it then rolls back. What the view did
    to the session goes with its data. What the exception view did is done again after that, because it is
    about the answer: a message for the next page, or the token of a form that is shown.
    """

    def __init__(self) -> None:
        self._before: State | None = None
        self._after: State | None = None
        self._has_ended = False

    def begin(self, state: State) -> None:
        """Remember the session as the view left it; more calls change nothing."""
        if self._before is None:
            self._before = state._replace(values=copy.deepcopy(state.values))

    def end_session(self) -> None:
        """Remember an end of the session, if the exception view has begun."""
        self._has_ended = self._before is not None

    def roll_back(self, state: State) -> None:
        """Remember the session as the exception view left it, if it has begun."""
        if self._before is not None:
            self._after = state

    def forget(self) -> None:
        """Begin anew, because all of it is kept."""
        self._before = self._after = None
        self._has_ended = False

    @property
    def is_undone(self) -> bool:
        """Whether there is something to do again."""
        return self._after is not None

    def redo(self, session: SchemaSession) -> None:
        """Do it again, to the session as it is stored."""
        before, after, has_ended = self._before, self._after, self._has_ended
        self.forget()
        assert before is not None
        assert after is not None
        if has_ended:
            session.invalidate()
        elif after.new_sid != before.new_sid:
            session.rotate()
        old, new = {} if has_ended else before.values or {}, after.values or {}
        for key in old.keys() - new.keys():
            session.pop(key, None)
        for key, value in new.items():
            if key not in old:
                session[key] = value
            elif type(value) is not type(old[key]) or value != old[key]:
                session[key] = _changed(key, old[key], value, session.get(key))


def _changed(key: str, old: Any, new: Any, stored: Any) -> Any:
    """The stored value with the change from `old` to `new`: messages are added, another value is replaced."""
    if not key.startswith(FLASH) or new[: len(old)] != old:
        return new
    return [*(stored or ()), *new[len(old) :]]
