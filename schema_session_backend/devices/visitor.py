"""Who is asking, and the token that only their own pages know."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Environ = Mapping[str, Any]

_PURPOSE: Final = b"schema_session_backend.devices"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who is signed in.

    Args:
        user: what their sessions have in common: declared columns with their values, such as
            `{"user_id": 42}`.
        sid: the id of the session with which they are asking.

    Raises:
        ConfigurationError: for a user of no columns, which everybody would be.
    """

    user: dict[str, Any] = field(repr=False)
    sid: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.user:
            msg = "Visitor takes the columns that tell whose a session is, such as {'user_id': 42}"
            raise ConfigurationError(msg)

    @property
    def is_somebody(self) -> bool:
        """Whether all of these columns have a value: without one, everybody else without one is the same."""
        return None not in self.user.values()

    def csrf_token(self) -> str:
        """A token for a form, another one each time, so that a compressed page does not give it away."""
        mask = secrets.token_bytes(hashlib.sha256().digest_size)
        return base64.urlsafe_b64encode(mask + _xor(mask, self._secret)).decode("ascii")

    def accepts(self, token: object) -> bool:
        """Whether a form's token is one of this visitor's session."""
        try:
            masked = base64.urlsafe_b64decode(str(token).encode("ascii"))
        except ValueError:
            return False
        half = len(self._secret)
        return len(masked) == 2 * half and hmac.compare_digest(
            _xor(masked[:half], masked[half:]), self._secret
        )

    @property
    def _secret(self) -> bytes:
        # From the session's id, so that nothing has to be stored, and a new session has another one.
        return hmac.digest(self.sid.encode("ascii"), _PURPOSE, "sha256")


def beaker_visitor(user_field: str = "user_id") -> Callable[[Environ], Visitor | None]:
    """What tells a `DevicesPage` who is asking, as Beaker's middleware knows it.

    Args:
        user_field: the declared column that tells whose a session is.
    """

    def visitor(environ: Environ) -> Visitor | None:
        session = environ["beaker.session"]
        user = session.get(user_field)
        return None if user is None else Visitor({user_field: user}, session.id)

    return visitor


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
