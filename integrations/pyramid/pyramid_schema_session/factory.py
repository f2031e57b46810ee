"""`SchemaSessionFactory`: an `ISessionFactory`, made in code or from settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyramid.interfaces import ISessionFactory
from zope.interface import implementer

from schema_session_backend import ConfigurationError, SessionStore
from schema_session_backend._options import declared, require_field, require_switches
from schema_session_backend._session.timeouts import seconds
from schema_session_backend._shared import coerced, refuse_unknown, shared_store

from .cookie import Cookie
from .session import SchemaSession
from .sessions import UserSessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyramid.request import Request

    from schema_session_backend._session.timeouts import Seconds

PREFIX: Final = "schema_session."


@implementer(ISessionFactory)
class SchemaSessionFactory:
    """Makes each request's session; pass it to `config.set_session_factory`.

    Args:
        store: keeps the sessions.
        timeout: seconds, the idle timeout, instead of the store's `max_age`.
        cookie_name: see `Cookie`, also for the other `cookie_…`.
        cookie_max_age: seconds that the browser keeps the cookie; None until it is closed.
        cookie_path: what of the site it is for.
        cookie_domain: None for this host only.
        cookie_secure: whether it is for HTTPS only; turn it off for development only.
        cookie_httponly: whether JavaScript cannot see it.
        cookie_samesite: `"Lax"`, `"Strict"` or `"None"`.
        set_on_exception: whether the session is saved, and its cookie set, when an exception view answers.
        transactional: save in the transaction of pyramid_tm, so that the session is saved if the
            application's own data is, and only then.
        dbsession: the request's attribute with the application's SQLAlchemy `Session` or `Connection`, for
            `transactional`; its database has to be the store's.
        user_field: the declared column that tells whose a session is, for `request.schema_sessions`; by
            default `user_id`.

    Raises:
        ConfigurationError: naming an option that cannot work.
    """

    def __init__(  # noqa: PLR0913 - each is an option with its default in sight
        self,
        store: SessionStore,
        *,
        timeout: Seconds | None = None,
        cookie_name: str = "",
        cookie_max_age: int | None = None,
        cookie_path: str = "/",
        cookie_domain: str | None = None,
        cookie_secure: bool = True,
        cookie_httponly: bool = True,
        cookie_samesite: str = "Lax",
        set_on_exception: bool = True,
        transactional: bool = False,
        dbsession: str = "dbsession",
        user_field: str | None = None,
    ) -> None:
        if not isinstance(store, SessionStore):
            msg = f"SchemaSessionFactory takes a SessionStore, not {type(store).__name__}"
            raise ConfigurationError(msg)
        require_switches(
            cookie_secure=cookie_secure,
            cookie_httponly=cookie_httponly,
            set_on_exception=set_on_exception,
            transactional=transactional,
        )
        self.store = store
        self._cookie = Cookie(
            name=cookie_name,
            max_age=cookie_max_age,
            path=cookie_path,
            domain=cookie_domain,
            secure=cookie_secure,
            httponly=cookie_httponly,
            samesite=cookie_samesite,
        )
        self._timeout = None if timeout is None else seconds(timeout, "timeout")
        self._set_on_exception = set_on_exception
        if not isinstance(dbsession, str) or not dbsession.isidentifier():
            msg = f"dbsession takes the name of a request's attribute, not {dbsession!r}"
            raise ConfigurationError(msg)
        self.dbsession = dbsession if transactional else None
        """The request's attribute in whose transaction sessions are saved; None for their own."""
        if user_field is not None:
            require_field(user_field, store.fields, "user_field")
        self.user_field = user_field or "user_id"
        """The declared column that tells whose a session is."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> SchemaSessionFactory:
        """The factory that settings beginning with `schema_session.` describe.

        Raises:
            ConfigurationError: naming the setting.
        """
        ours = {
            name.removeprefix(PREFIX): value for name, value in settings.items() if name.startswith(PREFIX)
        }
        kinds = declared(cls)
        refuse_unknown(ours, kinds, prefix=PREFIX)
        own = {name: coerced(name, ours.pop(name), kinds, prefix=PREFIX) for name in kinds if name in ours}
        return cls(shared_store(ours, prefix=PREFIX), **own)

    def __call__(self, request: Request) -> SchemaSession:
        """The session of a request; it is read at its first use."""
        return SchemaSession(
            request,
            self.store,
            self._cookie,
            timeout=self._timeout,
            set_on_exception=self._set_on_exception,
            dbsession=self.dbsession,
        )

    def sessions(self, request: Request) -> UserSessions:
        """`request.schema_sessions`, for `config.add_request_method`."""
        return UserSessions(request, self.store, user_field=self.user_field)
