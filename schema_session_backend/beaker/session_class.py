"""A session class for Beaker without the weaknesses of Beaker's own."""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from beaker.session import Session

from .._session.ids import new_session_id
from .._session.timeouts import cookie_max_age, remember, remembered
from ..errors import ConfigurationError
from .session import SessionNamespace
from .text import ENCRYPTION_REFUSED, JSON, SERIALIZER_KEY, through_json

if TYPE_CHECKING:
    from .._session.timeouts import Seconds

# What RFC 6265 allows. Python takes a part after a blank for another cookie, and fails if that is illegal.
COOKIE_VALUE: Final = re.compile(r'("?)[!#-+\--:<-\[\]-~]*\1')


class SchemaSession(Session):
    """A session class for Beaker that does what a back end alone cannot; pass it as `session_class`.

    - An id from a cookie under which no session is stored is replaced, which prevents session fixation.
    - `regenerate_id()` moves the row to the new id when the session is saved; `invalidate()` and a timeout
      remove the row.
    - Ids have 256 random bits.
    - A failing database is an error, never an empty session that looks like a logout.
    - The store gets the session itself, and not a text that Beaker has pickled and encoded.

    Takes the arguments of Beaker's `Session`: `request`, `id` and `settings`.

    Raises:
        ConfigurationError: for an `encrypt_key`, because no field of an encrypted session can go to a column.
    """

    namespace: SessionNamespace
    """The session's namespace, whose name is always the session's id.

    Beaker creates it with the first load or save, so that a visitor without a cookie has none before.
    """

    _renew = True

    def __init__(self, request: Any, id: str | None = None, **settings: Any) -> None:  # noqa: A002 - Beaker's
        if settings.get("encrypt_key"):
            raise ConfigurationError(ENCRYPTION_REFUSED)
        settings["namespace_class"] = SessionNamespace
        # With True, Beaker treats any error of a load as a corrupt session, and logs the id of the session.
        settings["invalidate_corrupt"] = False
        # Remove the other cookies, and values that no id has: Beaker fails if it takes one for illegal.
        request["cookie"] = _only_cookie(request.get("cookie"), settings.get("key", "beaker.session.id"))
        super().__init__(request, id, **settings)

    def load(self) -> None:
        """Load the session; replace an id from the cookie under which no session is stored."""
        has_cookie = not self.is_new
        super().load()
        self.namespace.renew = self._renew
        if not self.is_new and remembered(self) is not None:
            self.last_accessed = self.namespace.last_use
        if has_cookie and self.is_new and self.use_cookies and not self.was_invalidated:
            self._create_id()
            self.namespace.replace(self.id)

    def invalidate(self) -> None:
        """Remove the session with its row, and start an empty session under a new id."""
        if hasattr(self, "namespace"):
            self.namespace.end()
        super().invalidate()

    def regenerate_id(self) -> None:
        """Give the session a new id; the old id is unknown as soon as the session is saved."""
        super().regenerate_id()
        if hasattr(self, "namespace"):
            # Without `save_accessed_time`, Beaker does not save the session at the end of the request.
            self.namespace.rename(self.id, at_once=not self.save_atime)
            self._keep_cookie_if_late()

    def save(self, accessed_only: bool = False) -> None:  # noqa: FBT001, FBT002 - Beaker's signature
        """Save the session; `accessed_only` is that of Beaker's `Session.save`."""
        super().save(accessed_only)
        if hasattr(self, "namespace") and self.namespace.sends_cookie and remembered(self) is not None:
            # Beaker itself sets a cookie once, whose time then runs down while the session is in use.
            self._send_cookie()
        self._keep_cookie_if_late()

    def remember(self, max_age: Seconds | None) -> None:
        """Have the session, and its cookie, live that long after each use instead of Beaker's `timeout`.

        It counts from the next save, and as long as the session lives.

        Args:
            max_age: seconds; `math.inf` for ever, None for Beaker's `timeout` and `cookie_expires` again.

        Raises:
            ConfigurationError: for an impossible `max_age`.
        """
        remember(self, max_age)
        self._send_cookie()

    def keep_expiry(self) -> None:
        """Have this request not start the idle timeout anew, and not renew the cookie.

        What it writes to the session is saved.
        """
        self._renew = False
        if hasattr(self, "namespace"):
            self.namespace.renew = False

    def delete(self) -> None:
        """Remove the session, and its cookie if the request has loaded the session."""
        remember(self, None)
        super().delete()
        if hasattr(self, "namespace") and self.namespace.is_unknown:
            self._keep_cookie()

    def _keep_cookie_if_late(self) -> None:
        """Send no cookie if the session was ended or got a new id before the save.

        If two requests log in at the same time, one of them gives the session its new id. The other one must
        not replace that id in the browser. Nor must a request without a session, as long as it stores none: a
        cookie with a new id may be under way.
        """
        if hasattr(self, "namespace") and (self.namespace.is_late or self.namespace.is_unknown):
            self._keep_cookie()

    def _send_cookie(self) -> None:
        if self.use_cookies:
            # A new session's cookie is set by the save that stores it.
            self._update_cookie_out(set_cookie=not self.is_new or self.request["set_cookie"])

    def _set_cookie_expires(self, expires: Any) -> Any:
        """Have the cookie of a remembered session expire with it."""
        own = remembered(self)
        if expires is not None or own is None:
            return super()._set_cookie_expires(expires)
        usual = self.cookie_expires
        date = super()._set_cookie_expires(timedelta(seconds=cookie_max_age(own)))
        self.cookie_expires = usual
        return date

    def _keep_cookie(self) -> None:
        self.request["set_cookie"] = False

    def _create_id(self, set_new: bool = True) -> None:  # noqa: FBT001, FBT002 - Beaker's signature
        super()._create_id(set_new)
        self.id = new_session_id()
        if self.use_cookies:
            self._update_cookie_out(set_cookie=not set_new)

    def _encrypt_data(self, session_data: dict[str, Any] | None = None) -> dict[str, Any]:
        """The data that Beaker writes to the namespace: the session itself, after JSON if that is chosen."""
        data = session_data or self.copy()
        return {**through_json(data), SERIALIZER_KEY: JSON} if self.data_serializer == JSON else data

    def _decrypt_data(self, session_data: dict[str, Any]) -> dict[str, Any]:
        """The session in the data that Beaker has read from the namespace."""
        session_data.pop(SERIALIZER_KEY, None)
        if self.data_serializer == JSON:
            return through_json(session_data)
        # Without `save_accessed_time`, `regenerate_id` saves the session as it was read, so the application
        # gets a copy to change.
        return session_data if self.save_atime else copy.deepcopy(session_data)


def _only_cookie(given: Any, name: str) -> Any:
    """The cookies with that name and a value that may be an id, of a Cookie header.

    A dict, which Beaker takes too, gives all that have the name.
    """
    if isinstance(given, dict):
        return {key: value for key, value in given.items() if key == name}
    pairs = (cookie.partition("=") for cookie in (given or "").split(";"))
    named = (value.strip() for key, _, value in pairs if key.strip() == name)
    return ";".join(f"{name}={value}" for value in named if COOKIE_VALUE.fullmatch(value))
