"""Steps of views in a transaction, and failures."""

from __future__ import annotations

import zope.sqlalchemy
from pyramid.response import Response
from sqlalchemy import insert


def note(request, notes, text="a note"):
    request.dbsession.execute(insert(notes).values(text=text))
    zope.sqlalchemy.mark_changed(request.dbsession, request.tm)


def fails(error):
    def fail(request):
        raise error

    return fail


def sorry(error, request):
    return Response("sorry", 500)


def look(request):
    request.session.get("user_id")
