"""The base columns as mixins, for applications that map the sessions' table with SQLAlchemy's declarative."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - declarative reads the annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from .types import UTCDateTime, additional_type, sid_type


class SessionMixin:
    """The base columns of a sessions' table. Add your own columns, and pass the class as `table=`."""

    sid: Mapped[str] = mapped_column(sid_type(), primary_key=True)
    additional: Mapped[str] = mapped_column(additional_type())
    expire_at: Mapped[int | None] = mapped_column(BigInteger, index=True)
    revision: Mapped[int] = mapped_column(BigInteger)


class TimestampedSessionMixin(SessionMixin):
    """The base columns with `created_at` and `updated_at`, which `timestamps` and `absolute_max_age` need."""

    created_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime())
    updated_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime())
