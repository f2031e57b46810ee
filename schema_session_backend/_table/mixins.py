"""The base columns as mixins, for applications that map the sessions' table with SQLAlchemy's declarative."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - declarative reads the annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from .types import UTCDateTime, additional_type, sid_type


class SessionMixin:
    """The base columns of a sessions' table. Add your own columns, and pass the class as `table=`.

    Attributes:
        sid: the handle, which is the primary key.
        additional: everything that is not declared, as text.
        expire_at: when the session expires, in milliseconds since 1970 UTC; NULL for never.
        revision: the number of saves, from a random start.
    """

    sid: Mapped[str] = mapped_column(sid_type(), primary_key=True)
    additional: Mapped[str] = mapped_column(additional_type())
    expire_at: Mapped[int | None] = mapped_column(BigInteger, index=True)
    revision: Mapped[int] = mapped_column(BigInteger)


class TimestampedSessionMixin(SessionMixin):
    """The base columns with `created_at` and `updated_at`, which `timestamps` and `absolute_max_age` need.

    Attributes:
        created_at: when the session was first stored, in UTC.
        updated_at: when the session was last saved or touched, in UTC.
    """

    created_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime())
    updated_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime())
