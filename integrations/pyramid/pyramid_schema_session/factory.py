"""`SchemaSessionFactory`: an `ISessionFactory`, made in code or from settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyramid.interfaces import ISessionFactory
from zope.interface import implementer

from schema_session_backend import ConfigurationError, SessionStore
from schema_session_backend._options import (
    Seconds,
    Switch,
    Text,
    WholeSeconds,
    declared,
    require_switches,
)
from schema_session_backend._session.timeouts import seconds
from schema_session_backend._shared import read_options, refuse_unknown, settings_of, shared_store

from .cookie import Cookie
from .session import SchemaSession
from .sessions import UserSessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyramid.request import Request

PREFIX: Final = "schema_session."


@implementer(ISessionFactory)
class SchemaSessionFactory:
    """Makes each request's session; pass it to `config.set_session_factory`.

    Args:
        store: keeps the sessions.
        timeout: seconds, the idle timeout; None for the store's `max_age`.
        cookie_name: the cookie's name; unless given `__Host-session`, or `__Secure-session` with a domain or
            another path, or `session` without `cookie_secure`.
        cookie_max_age: seconds that the browser keeps the cookie; None until the browser is closed.
        cookie_path: the part of the site that the cookie is for.
        cookie_domain: the domain that the cookie is for, with its subdomains; None for this host only.
        cookie_secure: send the cookie over HTTPS only; turn it off for development only.
        cookie_httponly: hide the cookie from JavaScript.
        cookie_samesite: `"Lax"`, `"Strict"` or `"None"`; which requests from other sites carry the cookie.
        set_on_exception: save the session, and set its cookie, also when an exception view answers.
        transactional: save in the transaction of pyramid_tm, so that the session is saved if the
            application's own data is, and only then.
        dbsession: the request's attribute with the application's SQLAlchemy `Session` or `Connection`, for
            `transactional`; its database has to be the store's.

    Raises:
        ConfigurationError: naming an option that cannot work.
    """

    def __init__(  # noqa: PLR0913 - each is an option with its default in sight
        self,
        store: SessionStore,
        *,
        timeout: Seconds | None = None,
        cookie_name: Text = "",
        cookie_max_age: WholeSeconds | None = None,
        cookie_path: Text = "/",
        cookie_domain: Text | None = None,
        cookie_secure: Switch = True,
        cookie_httponly: Switch = True,
        cookie_samesite: Text = "Lax",
        set_on_exception: Switch = True,
        transactional: Switch = False,
        dbsession: Text = "dbsession",
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

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> SchemaSessionFactory:
        """The factory that those `settings` describe whose names begin with `schema_session.`.

        Raises:
            ConfigurationError: naming the setting.
        """
        ours, options = settings_of(settings, prefix=PREFIX), declared(cls)
        refuse_unknown(ours, prefix=PREFIX, options=options)
        own = read_options(ours, options, prefix=PREFIX)
        store = shared_store(
            {name: value for name, value in ours.items() if name not in options}, prefix=PREFIX
        )
        return cls(store, **own)

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
        """The sessions of the user of `request`, for `config.add_request_method`."""
        return UserSessions(request, self.store)
