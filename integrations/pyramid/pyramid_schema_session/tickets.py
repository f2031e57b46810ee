"""A warning where the application's security policy keeps a ticket beside the session."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Final

from pyramid.authentication import AuthTktCookieHelper, RepozeWho1AuthenticationPolicy
from pyramid.interfaces import IAuthenticationPolicy, ISecurityPolicy

if TYPE_CHECKING:
    from pyramid.registry import Registry

_TICKETS: Final = (AuthTktCookieHelper, RepozeWho1AuthenticationPolicy)
_log = logging.getLogger("schema_session_backend")


def warn_of_tickets(registry: Registry) -> None:
    """Warn if the security policy of `registry` keeps a ticket: it outlives a session that was ended.

    A ticket is found where it is the policy itself, or one of the policy's attributes.
    """
    # An authentication policy of Pyramid 1 comes first: Pyramid 2 wraps it in a security policy of its own.
    policy = registry.queryUtility(IAuthenticationPolicy) or registry.queryUtility(ISecurityPolicy)
    attributes = (value for _, value in inspect.getmembers_static(policy))
    if any(isinstance(part, _TICKETS) for part in (policy, *attributes)):
        _log.warning(
            "%s.%s keeps a ticket beside the session, which keeps a device signed in whose session was ended;"
            " keep the login in the session instead, with SessionAuthenticationHelper, see"
            ' docs/howto/kicked_out.md ("Kicked out is out")',
            type(policy).__module__,
            type(policy).__qualname__,
        )
