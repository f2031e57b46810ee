"""Values that are everyday in applications and no values of built-in types, with what comes back of each."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import itertools
import math
import time
from collections import ChainMap, Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

import flask
import msgspec
from babel.support import LazyProxy
from flask_babel import lazy_gettext
from kinds import Color, Point, Role, nested
from markupsafe import Markup
from oauthlib.oauth2.rfc6749.tokens import OAuth2Token
from sqlalchemy.sql.elements import quoted_name
from translationstring import TranslationString, TranslationStringFactory
from webob.multidict import MultiDict as WebObMultiDict
from werkzeug.datastructures import (
    CombinedMultiDict,
    Headers,
    ImmutableDict,
    ImmutableList,
    ImmutableMultiDict,
    MultiDict,
)


class Plan(enum.StrEnum):
    FREE = "free"
    PAID = "paid"


class Device(str, enum.Enum):  # noqa: UP042 - as applications wrote it before Python 3.11
    PHONE = "phone"


class Moment(dt.datetime):
    pass


class Literal(Markup):
    """As WebHelpers has it."""

    __slots__ = ()


TOKEN = {"access_token": "abc", "expires_at": 1700000000.5, "scope": ["read", "write"]}
_ = TranslationStringFactory("site")


def _reordered() -> OrderedDict[str, int]:
    ordered = OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    return ordered


def lazy_text(text: str) -> Any:
    return lazy_gettext(text)


def _later() -> str:
    return "later"


# Values that come back as another type, which is their plain value.
AS_PLAIN: dict[str, tuple[Any, Any]] = {
    "OrderedDict": (OrderedDict(a=1, b=2), {"a": 1, "b": 2}),
    "OrderedDict, reordered": (_reordered(), {"b": 2, "a": 1}),
    "defaultdict": (defaultdict(list, a=[1]), {"a": [1]}),
    "Counter": (Counter("aab"), {"a": 2, "b": 1}),
    "OAuth token": (OAuth2Token(TOKEN), TOKEN),
    "ImmutableDict": (ImmutableDict(a=1), {"a": 1}),
    "ImmutableList": (ImmutableList([1, 2]), [1, 2]),
    "namedtuple": (Point(1, "y"), (1, "y")),
    "namedtuple of urllib": (urlsplit("http://h/p?q#f"), ("http", "h", "/p", "q", "f")),
    "struct_time": (time.gmtime(0), (1970, 1, 1, 0, 0, 0, 3, 1, 0)),
    "StrEnum": (Plan.PAID, "paid"),
    "str and Enum": (Device.PHONE, "phone"),
    "IntEnum": (Color.RED, 1),
    "HTTPStatus": (HTTPStatus.NOT_FOUND, 404),
    "TranslationString": (_("hello", default="Hello"), "hello"),
    "quoted_name": (quoted_name("name", quote=True), "name"),
    "lazy_gettext of Flask-Babel": (lazy_text("Please log in."), "Please log in."),
    "LazyProxy of Babel": (LazyProxy(_later), "later"),
    "StrEnum as a key": ({Plan.FREE: 1}, {"free": 1}),
    "IntEnum as a key": ({Color.RED: 1}, {1: 1}),
    "a lazy text as a key": ({lazy_text("a"): 1}, {"a": 1}),
    "IntEnum in a set": ({Color.RED, 2}, {1, 2}),
    "StrEnum in a frozenset in a key": ({frozenset({Plan.FREE}): 1}, {frozenset({"free"}): 1}),
    "namedtuple in a key": ({Point(1, 2): 1}, {(1, 2): 1}),
    "each in another": (
        OrderedDict(a=[Point(Plan.FREE, OrderedDict(b=(Color.RED,)))]),
        {"a": [("free", {"b": (1,)})]},
    ),
}

# Values that come back as they are.
EXACT: dict[str, Any] = {
    "Markup": Markup("<b>saved</b>"),
    "Markup in a flashed message": [("message", Markup("<b>saved</b>")), ("warning", "plain")],
    "Markup as a key": {Markup("<i>"): Markup("")},
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity in a dict": {"a": {"b": (-math.inf,)}},
}


@dataclasses.dataclass
class Address:
    city: str


class Struct(msgspec.Struct):
    city: str


class Pydantic:
    def model_dump(self) -> dict[str, Any]:
        return {}


class Hiding(dict[str, int]):
    def items(self) -> Any:
        return [("a", 1)]


class Shuffling(list[int]):
    def __iter__(self) -> Any:
        return iter([2, 1])


class Endless(tuple[int, ...]):
    __slots__ = ()

    def __iter__(self) -> Any:
        return itertools.count(1)


class Proud(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return 1


class Failing(int):
    def __eq__(self, other: object) -> bool:
        raise OSError

    __hash__ = int.__hash__


class Colliding(str):
    """Two dict keys that are the same text."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 1


def _fail() -> str:
    raise LookupError


PAIRS = [("tag", "a"), ("tag", "b")]
# Values that would not come back equal, with what the error says to store instead.
UNEQUAL: dict[str, tuple[Any, str]] = {
    "request.args": (ImmutableMultiDict(PAIRS), "value.to_dict(flat=False)"),
    "request.args without a query": (ImmutableMultiDict(), "value.to_dict(flat=False)"),
    "request.form": (MultiDict(PAIRS), "value.to_dict(flat=False)"),
    "request.values": (CombinedMultiDict([MultiDict(PAIRS)]), "value.to_dict(flat=False)"),
    "request.GET of WebOb": (WebObMultiDict(PAIRS), "value.dict_of_lists()"),
    # A mapping before Werkzeug 3.
    "request.headers": (Headers(PAIRS), "dict(value)" if isinstance(Headers(), Mapping) else "list(value)"),
    "a dataclass": (Address("Rome"), "dataclasses.asdict(value)"),
    "a model of Pydantic": (Pydantic(), "value.model_dump()"),
    "a struct": (Struct("Rome"), "msgspec.structs.asdict(value)"),
    "an object": (object(), "str(value), or give the store a converter in types="),
    "a member of an Enum": (Role.ADMIN, "value.value"),
    "a mapping": (ChainMap({"a": 1}), "dict(value)"),
    "a proxy of Flask": (flask.current_app, "value._get_current_object()"),
    "a path": (PurePath("a"), "str(value)"),
    "a range": (range(3), "list(value)"),
    "a memoryview": (memoryview(b"a"), "bytes(value)"),
    "a datetime of a subclass": (Moment(2024, 1, 1, tzinfo=dt.UTC), "value.isoformat()"),
    "a dict that hides items": (Hiding(a=1, b=2), "dict(value)"),
    "a list that shows other items": (Shuffling([1, 2]), "list(value)"),
    "a tuple without an end": (Endless([1, 2]), "tuple(value)"),
    "a text that equals no text": (Proud("a"), "str(value)"),
    "a number that cannot be compared": (Failing(1), "int(value)"),
    "a lazy text that fails": (LazyProxy(_fail), "str(value)"),
    "equal keys": ({Colliding("a"): 1, "a": 2}, "plain values"),
    "equal keys beside a number": ({Colliding("a"): 1, "a": 2, 3: 4}, "plain values"),
    "equal members": ({Colliding("a"), "a"}, "plain values"),
    "an int of 5,000 digits": (10**5000, "hex(value)"),
    "a text too deep": (nested(101), "it flatter"),
}

assert type(AS_PLAIN["TranslationString"][0]) is TranslationString
