"""A Flask application that shows people where they are signed in, and lets them sign out any device.

Run it with `python flask_app.py`, or with `flask --app flask_app run`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flask import Flask, abort, current_app, redirect, render_template_string, request, session
from flask_session import Session

from schema_session_backend import SessionStore
from schema_session_backend.cachelib import SchemaCache

if TYPE_CHECKING:
    from werkzeug import Response

PAGE = """
<!doctype html>
<html lang="en">
<title>Devices</title>
{% if "user_id" in session %}
  <h1>User {{ session["user_id"] }}</h1>
  {% for record in records %}
    <form method="post" action="{{ url_for('kick', handle=record.handle) }}">
      {{ record.data["device"] }}, last seen {{ record.updated_at.strftime("%F %T UTC") }}
      {% if record.handle == this %}(this browser){% else %}<button>Sign out</button>{% endif %}
    </form>
  {% endfor %}
  <form method="post" action="{{ url_for('sign_out_others') }}"><button>Sign out all others</button></form>
  <form method="post" action="{{ url_for('sign_out') }}"><button>Sign out</button></form>
{% else %}
  <form method="post" action="{{ url_for('sign_in') }}">
    <label>User number <input name="user_id" type="number" required></label> <button>Sign in</button>
  </form>
{% endif %}
"""


def create_app(database: str) -> Flask:
    store = SessionStore(database, schemas="user_id Integer index; device String(50)", timestamps=True)
    app = Flask(__name__)
    app.config.update(
        SESSION_TYPE="cachelib",
        SESSION_CACHELIB=SchemaCache(store),
        SESSION_KEY_PREFIX="",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    Session(app)

    @app.get("/")
    def index() -> str:
        records = store.find(user_id=session["user_id"]) if "user_id" in session else []
        return render_template_string(PAGE, records=records, this=store.handle(session.sid))  # type: ignore[attr-defined]

    @app.post("/sign-in")
    def sign_in() -> Response:
        # A real site checks a password here.
        user_id = request.form.get("user_id", type=int)
        if user_id is None or not 0 < user_id < 2**31:
            abort(400, "user_id must be a positive number")
        current_app.session_interface.regenerate(session)  # type: ignore[attr-defined]
        session["user_id"] = user_id
        session["device"] = request.user_agent.string[:50]
        return redirect("/")

    @app.post("/kick/<handle>")
    def kick(handle: str) -> Response:
        # The condition on the user refuses the handle of another user's session.
        if "user_id" not in session or not store.revoke(handle, user_id=session["user_id"]):
            abort(404)
        return redirect("/")

    @app.post("/sign-out-others")
    def sign_out_others() -> Response:
        if "user_id" in session:
            store.revoke_where(user_id=session["user_id"], keep=session.sid)  # type: ignore[attr-defined]
        return redirect("/")

    @app.post("/sign-out")
    def sign_out() -> Response:
        session.clear()
        return redirect("/")

    return app


if __name__ == "__main__":
    create_app(os.environ.get("DATABASE_URL", "sqlite:///sessions.db")).run(port=8000)
