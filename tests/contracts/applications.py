"""What an application has of its own: an engine, and tables that sessions refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, String, Table, Text, create_engine, event
from sqlalchemy.orm import Mapped, mapped_column

from databases import is_pooled

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from schema_session_backend import SessionMixin


def application_engine(url, **options) -> Engine:
    if is_pooled(url):
        # As docs/howto/operate.md tells it, for the application's own statements.
        options.setdefault("connect_args", {})["prepare_threshold"] = None
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    return engine


def own_table(*columns: Column[Any], primary: str = "sid") -> Table:
    """A table of the application's own, with the base columns and those."""
    base: dict[str, Any] = {
        "sid": Column("sid", String(64), primary_key=primary == "sid"),
        "additional": Column("additional", Text, nullable=False),
        "expire_at": Column("expire_at", BigInteger),
        "revision": Column("revision", BigInteger, nullable=False),
    }
    return Table("own", MetaData(), *base.values(), *columns)


def users_and_sessions(base: Any, mixin: type[SessionMixin]) -> tuple[Any, Any]:
    """Two mapped classes: users, and sessions of users that end with their user."""
    users, sessions = base.names

    class User(base):
        __tablename__ = users
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(20))

    class UserSession(mixin, base):  # type: ignore[valid-type, misc]
        __tablename__ = sessions
        user_id: Mapped[int | None] = mapped_column(ForeignKey(f"{users}.id", ondelete="CASCADE"), index=True)
        device: Mapped[str | None] = mapped_column(String(50))

    return User, UserSession
