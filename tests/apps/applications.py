"""The applications: how each is started, and what a person sees and does there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from playwright.sync_api import Page

HERE: Final = Path(__file__).parent
BUILD: Final = HERE.parents[1] / "build/apps"
PSERVE: Final = ("pserve", "{configuration}/app.ini", "port={port}", "sessions={sessions}")
WAITRESS: Final = ("waitress-serve", "--listen=127.0.0.1:{port}", "--call", "application:create_app")
CREATE_ADMIN: Final = (
    "flask", "--app", "application", "fab", "create-admin", "--username=ann", "--firstname=Ann",
    "--lastname=Example", "--email=ann@example.org", "--password=secret",
)  # fmt: skip
MAKE_TABLES: Final = ("canaille", "db", "upgrade")
CREATE_USER: Final = (
    "canaille", "create", "user", "--user-name=ann", "--family-name=Example",
    "--emails=ann@example.org", "--password=correct horse",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Application:
    """A real application, in its own environment in build/apps.

    Attributes:
        name: the folder beside this file that holds its configuration, and the one of its environment.
        prepare: commands that run before the server; the first word is a program of its environment.
        serve: the command that is its server.
        schemas: the columns of its sessions, as its configuration declares them.
        user: the user Ann as these columns have her, from the application's `data`.
        page: a page for users only.
        signed_in: a selector of what only users see on that page.
        login_form: a selector of what the login page has in its place.
        sign_in: fills in the login form that is open, as Ann.
        remember_me: a selector of the box in that form; None if there is none.
    """

    name: str
    prepare: Sequence[Sequence[str]] = ()
    serve: Sequence[str]
    schemas: str
    user: Callable[[Path], Mapping[str, Any]]
    page: str
    signed_in: str
    login_form: str
    sign_in: Callable[[Page], None]
    remember_me: str | None = None

    @property
    def table_name(self) -> str:
        """The name of the table of its sessions."""
        return f"sessions_of_{self.name}"

    @property
    def configuration(self) -> Path:
        """The folder with its configuration."""
        return HERE / self.name

    @property
    def programs(self) -> Path:
        """The folder with its programs."""
        return BUILD / self.name / "bin"

    @property
    def data(self) -> Path:
        """The folder that it runs in, and writes to."""
        return BUILD / self.name / "data"


def _sign_in_to_pypicloud(page: Page) -> None:
    page.get_by_placeholder("Username").fill("ann")
    page.get_by_placeholder("Password").first.fill("secret")
    page.get_by_role("button", name="Log in").click()


def _sign_in_to_flask_appbuilder(page: Page) -> None:
    page.locator("#username").fill("ann")
    page.locator("#password").fill("secret")
    page.get_by_role("button", name="Sign In").click()


def _sign_in_to_pyramid_fullauth(page: Page) -> None:
    page.locator("[name=email]").fill("ann@example.org")
    page.locator("[name=password]").fill("secret")
    page.get_by_role("button", name="Log in").click()


def _sign_in_to_canaille(page: Page) -> None:
    # Canaille checks a field half a second after it was filled in. A check that arrives later than the form
    # fails the login, with any sessions.
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
        page.locator("[name=login]").fill("ann")
    page.get_by_role("button", name="Continue").click()
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
        page.locator("[name=password]").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()


def _user_of_canaille(data: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(data / "canaille.sqlite")) as database:
        [[user_id]] = database.execute("SELECT id FROM user")
    return {"user_id": user_id}


APPLICATIONS: Final = [
    Application(
        name="pypicloud",
        serve=PSERVE,
        schemas="user String(100) index",
        user=lambda _data: {"user": "ann"},
        page="/acct/login/",
        signed_in=".dropdown-toggle:has-text('ann')",
        login_form="form[ng-submit='submit(username, password)']",
        sign_in=_sign_in_to_pypicloud,
    ),
    Application(
        name="flask_appbuilder",
        prepare=[CREATE_ADMIN],
        serve=WAITRESS,
        schemas="user_id Integer index from _user_id",
        user=lambda _data: {"user_id": 1},
        page="/users/list/",
        signed_in="a.dropdown-toggle:has-text('Ann Example')",
        login_form="form[name=login]",
        sign_in=_sign_in_to_flask_appbuilder,
    ),
    Application(
        name="pyramid_fullauth",
        serve=PSERVE,
        schemas='user_id Integer index from "auth.userid"',
        user=lambda _data: {"user_id": 1},
        page="/",
        signed_in="text=Signed in as ann@example.org",
        login_form="#login_form",
        sign_in=_sign_in_to_pyramid_fullauth,
        remember_me="[name=remember]",
    ),
    Application(
        name="canaille",
        prepare=[MAKE_TABLES, CREATE_USER],
        serve=WAITRESS,
        schemas="user_id String(36) index from sessions.0.user",
        user=_user_of_canaille,
        page="/",
        signed_in="[name=family_name]",
        login_form="[name=login]",
        sign_in=_sign_in_to_canaille,
        remember_me="[name=remember]",
    ),
]
