"""`Visitor`: the signed-in user of a request, and the CSRF token for the user's forms."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError, WrongArgument
from .arguments import require_user, require_user_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..store import SessionStore

    Environ = Mapping[str, Any]

_PURPOSE: Final = b"schema_session_backend.devices"
_SECRET_LENGTH: Final = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Visitor:
    """The signed-in user of a request, and the request's session.

    Args:
        user: the declared columns that tell to which user a session belongs, with their values, such as
            `{"user_id": 42}`.
        sid: the id of the request's session.

    Raises:
        ConfigurationError: for a user without columns, which all sessions would match.
        WrongArgument: if `user` is no mapping, or if `sid` is no text.
    """

    user: Mapping[str, Any] = field(repr=False)
    sid: str = field(repr=False)

    def __post_init__(self) -> None:
        wanted = "Visitor takes the columns that tell whose a session is, such as {'user_id': 42}"
        if not isinstance(self.user, Mapping):
            msg = f"{wanted}, not {type(self.user).__name__}"
            raise WrongArgument(msg)
        if not self.user:
            raise ConfigurationError(wanted)
        if not isinstance(self.sid, str):
            msg = f"Visitor takes the id of the request's session as text, not {type(self.sid).__name__}"
            raise WrongArgument(msg)

    def csrf_token(self) -> str:
        """A token for a form.

        The token is masked with new random bytes each time. Otherwise an attacker could guess it from the
        size of compressed pages (the BREACH attack).
        """
        mask = secrets.token_bytes(_SECRET_LENGTH)
        return base64.urlsafe_b64encode(mask + _xor(mask, self._secret)).decode("ascii")

    def accepts(self, token: object) -> bool:
        """Whether `token`, from a form, was made for this visitor's session."""
        try:
            masked = base64.urlsafe_b64decode(str(token).encode("ascii"))
        except ValueError:
            return False
        if len(masked) != 2 * _SECRET_LENGTH:
            return False
        secret = _xor(masked[:_SECRET_LENGTH], masked[_SECRET_LENGTH:])
        return hmac.compare_digest(secret, self._secret)

    @property
    def _secret(self) -> bytes:
        # Derived from the session's id, so that nothing has to be stored and a token ends with its session.
        return hmac.digest(self.sid.encode("ascii"), _PURPOSE, "sha256")


def confirmed_visitor(
    store: SessionStore, session: Mapping[str, Any], sid: str | None, user: object
) -> Visitor | None:
    """The visitor with a session, if the application's authentication names the session's own user.

    Args:
        store: the store of the session.
        session: the session's data.
        sid: the session's id; None if it is not stored.
        user: the user that the authentication names; None for nobody.
    """
    confirmed = store.confirmed_user(session, user)
    return None if confirmed is None or sid is None else Visitor(confirmed, sid)


def beaker_visitor(
    store: SessionStore, user: Callable[[Environ], object]
) -> Callable[[Environ], Visitor | None]:
    """The argument `visitor` for a `DevicesPage` behind Beaker's middleware.

    Args:
        store: the store of the sessions. Its `user_field` tells to which user a session belongs.
        user: returns the user that the application's authentication names for a WSGI environment, such as 42
            or the text "42"; None for nobody. A visitor is whom both this and the session name.

    Raises:
        ConfigurationError: if the store has no `user_field`, or if `user` is no function.
        WrongArgument: if `store` is no `SessionStore`.
    """
    require_user_field(store, "beaker_visitor")
    require_user(user, "beaker_visitor")

    def visitor(environ: Environ) -> Visitor | None:
        # The authentication comes first, because it may sign the session out.
        authenticated = user(environ)
        session = environ["beaker.session"]
        # Beaker's lazy session has the methods of a dict, but is no mapping.
        return confirmed_visitor(store, session, session.id, authenticated)

    return visitor


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
