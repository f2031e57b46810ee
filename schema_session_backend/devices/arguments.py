"""What an argument has to be."""

from __future__ import annotations

from ..errors import WrongArgument
from ..store import SessionStore


def require_store(value: object, taker: str) -> None:
    """Refuse anything but a store.

    Args:
        value: what was given.
        taker: what takes a store.

    Raises:
        WrongArgument: naming the taker, and the attribute that has the store, such as a cache's.
    """
    if isinstance(value, SessionStore):
        return
    advice = ", pass its .store" if isinstance(getattr(value, "store", None), SessionStore) else ""
    msg = f"{taker} takes a SessionStore, not {type(value).__name__}{advice}"
    raise WrongArgument(msg)


def require_user_field(store: object, taker: str) -> None:
    """Refuse a store that cannot tell whose a session is, and anything but a store.

    Raises:
        ConfigurationError: saying what to declare.
        WrongArgument: as `require_store` does.
    """
    require_store(store, taker)
    assert isinstance(store, SessionStore)
    store.user_of({})
