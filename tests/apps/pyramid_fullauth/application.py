"""A site whose users are pyramid_fullauth's, with one page of its own."""

from __future__ import annotations

from typing import Any

import transaction
from pyramid.authentication import SessionAuthenticationHelper
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid_basemodel import Session
from pyramid_fullauth.models import User
from pyramid_fullauth.security import FullAuthSecurityPolicy


class SecurityPolicyOnSession(FullAuthSecurityPolicy):
    """pyramid_fullauth's policy keeps the user in an AuthTkt cookie, which no server can end."""

    def __init__(self) -> None:
        self.helper = SessionAuthenticationHelper()

    def authenticated_userid(self, request: Any) -> Any:
        return self.helper.authenticated_userid(request)

    def remember(self, request: Any, userid: Any, max_age: int | None = None, **options: Any) -> Any:
        request.session.rotate()
        request.session.remember(max_age)  # 30 days with "Remember me"
        return self.helper.remember(request, userid, **options)


def main(_global_config: Any, **settings: Any) -> Any:
    with Configurator(settings=settings) as config:
        config.include("pyramid_tm")
        config.include("pyramid_basemodel")
        config.include("pyramid_schema_session")
        config.set_security_policy(SecurityPolicyOnSession())
        config.commit()  # pyramid_fullauth sets its own policy and sessions unless it finds others
        config.include("pyramid_fullauth")
        config.add_forbidden_view(lambda request: HTTPSeeOther(request.route_path("login")))
        config.add_route("index", "/")
        config.add_view(index, route_name="index", permission="email_change")
        application = config.make_wsgi_app()
    with transaction.manager:
        ann = User(email="ann@example.org", password="secret", address_ip="127.0.0.1")
        Session.add(ann)
        Session.flush()
        ann.is_active = True
    return application


def index(request: Any) -> Response:
    return Response(f"Signed in as {request.user.email}")
