"""Checks of the arguments that the application passes."""

from __future__ import annotations

from ..errors import ConfigurationError, WrongArgument
from ..store import SessionStore


def require_store(value: object, taker: str) -> None:
    """Refuse a value that is no store.

    Args:
        value: the argument.
        taker: the name of the class or function that takes it, for the error message.

    Raises:
        WrongArgument: naming the taker; if the value has a store, as a cache has, it says so.
    """
    if isinstance(value, SessionStore):
        return
    advice = ", pass its .store" if isinstance(getattr(value, "store", None), SessionStore) else ""
    msg = f"{taker} takes a SessionStore, not {type(value).__name__}{advice}"
    raise WrongArgument(msg)


def require_user_field(store: object, taker: str) -> None:
    """Refuse a store without a `user_field`, and a value that is no store.

    Args:
        store: the argument.
        taker: the name of the class or function that takes it, for the error message.

    Raises:
        ConfigurationError: saying which column to declare.
        WrongArgument: as `require_store` does.
    """
    require_store(store, taker)
    assert isinstance(store, SessionStore)
    store.user_of({})


def require_user(user: object, taker: str) -> None:
    """Refuse a `user` that cannot be called.

    Args:
        user: the argument.
        taker: the name of the class or function that takes it, for the error message.

    Raises:
        ConfigurationError: naming the taker.
    """
    if not callable(user):
        kind = type(user).__name__
        msg = f"{taker} takes as user= a function that returns the id of the signed-in user, not {kind}"
        raise ConfigurationError(msg)
