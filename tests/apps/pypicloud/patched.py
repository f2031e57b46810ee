"""pypicloud 1.3.12, with what it uses of older Pythons and SQLAlchemys; it needs this with any sessions."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import sqlalchemy


class ArgSpec(NamedTuple):
    """What `inspect.getargspec` returned before Python 3.11, for pyramid_duh."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


class String(sqlalchemy.String):
    """Takes `convert_unicode`, which has had no effect since Python 3."""

    def __init__(self, *args: Any, convert_unicode: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)


old_python: Any = inspect
old_python.getargspec = lambda function: ArgSpec(*inspect.getfullargspec(function)[:4])
old_sqlalchemy: Any = sqlalchemy
old_sqlalchemy.String = String

from pypicloud import main  # noqa: E402, F401 - app.ini names it
