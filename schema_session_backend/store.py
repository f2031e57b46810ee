"""`SessionStore`: the operations on sessions. All that the host adapters talk to."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Never, Self

from sqlalchemy import URL, Column, Engine, MetaData, Table  # noqa: TC002 - `declared` resolves the types

from . import _options as options
from ._many import ManySessions
from ._operating import Operating
from ._options import Bytes, Keys, Object, Seconds, Switch, Text  # noqa: TC001 - likewise
from ._request_fields import RequestFields
from ._searching import Searching
from ._session import timeouts
from ._session.ids import Ids
from ._session.model import LoadedSession, Saved
from ._session.pickling import serializer_for
from ._session.sealing import sealing_for
from ._session.serializer import Serializer  # noqa: TC001 - likewise
from ._session.tags import Converter  # noqa: TC001 - likewise
from ._session.timeouts import Timeouts
from ._sql.clock import Clock
from ._sql.database import Database
from ._sql.failures import shown
from ._sql.indexing import Indexing
from ._sql.janitor import Janitor
from ._sql.moving import Moving
from ._sql.resealing import Resealing
from ._sql.saving import Saving, Wanted
from ._sql.search import Search
from ._sql.statements import Statements
from ._sql.survey import Survey
from ._sql.sync import Synchronizer
from ._sql.upkeep import Upkeep
from ._table.declaration import Declaration, Names
from ._table.rows import HANDLE, Rows
from ._unrenewed import UnrenewedPaths
from .errors import ConfigurationError, WrongArgument

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

__all__ = ["SessionStore"]

_log = logging.getLogger("schema_session_backend")

DAY: Final = 24 * 60 * 60
HOUR: Final = 60 * 60


class SessionStore(Searching, ManySessions, Operating):
    """Web sessions in a table whose declared columns can be searched.

    Constructing a store never touches the network; the table is created or checked at the first use, or by
    `wait_for_sync`. One store serves all threads of a process, and the processes that are forked from it. As
    a context manager it is closed at the end.

    Every operation runs in its own transaction; `within` gives the same store inside a caller's. Each may
    raise `StoreUnavailable` (the database is down or stays locked), `AccessDenied` or `StatementFailed`, and
    the first one what `wait_for_sync` raises.

    `sid` is a session's id, a secret text. An id that no session can have finds no session. A `Record` or a
    `LoadedSession` instead of an id is a `WrongArgument`, an impossible `max_age` a `ConfigurationError`.

    Args:
        engine_or_url: an `Engine`, whose pool is then shared, or a URL.
        schemas: the declared columns: SQLAlchemy Columns, or text such as
            `"user_id Integer index; device String(50)"`.
        table: your own `Table` or mapped class instead; all of its columns but the base columns and
            those that the database computes are declared.
        table_name: the table's name, `schema.name` for one outside of the default schema.
        metadata: the `MetaData` to put the table into, such as the one that Alembic looks at.
        sid_name: the name of the column for the handle.
        expire_at_name: the name of the column for the expiry, in milliseconds since 1970 UTC.
        additional_name: the name of the column for everything that is not declared.
        revision_name: the name of the column that counts the saves of a session.
        timestamps: keep `created_at` and `updated_at`.
        user_field: the declared column that tells whose a session is; `user_id` unless given, if there is
            a column of that name.
        request_fields: the columns that hosts fill in from the request, such as `"ip user_agent device"`, in
            a session that the application changes; `ip/24/48` cuts IPv4 and IPv6 addresses to networks.
        sync: create the table and add missing nullable columns and indexes; without it, differences are only
            reported.
        sync_timeout: seconds to wait for the database at the first use.
        deadline: seconds that an operation may wait: for a connection, a lock, or the database's answer;
            `math.inf` for any time.
        gc_interval: seconds between two removals of expired sessions; None leaves that to you.
        max_age: seconds, the idle timeout; `math.inf` for sessions that never expire.
        anonymous_max_age: seconds, the idle timeout of sessions without a user, whose `user_field` is NULL;
            no host and no call can make it longer. `math.inf` if they live as long as others.
        absolute_max_age: seconds after its creation that no session passes, `math.inf` for no such limit;
            needs `timestamps`.
        unrenewed_paths: the beginnings of the paths of requests that renew no session, such as
            `"/poll /events"`; they leave its expiry, and its cookie, as they are.
        touch_interval: seconds that the expiry of an unchanged session may lag behind; a twentieth of the
            idle timeout and at most 60 unless given, 0 to write each time.
        max_size: bytes that a session may take beside its columns, before it is sealed.
        hash_sid: store a hash of the session id. Without it a reader of the table can take over sessions,
            and handles are ids, to be kept secret.
        serializer: `"json"`, `"pickle"` (whoever can write to the table can then run code here) or an
            object of your own, see `Serializer`.
        types: converters for values of your own classes, `{Money: (to_plain, from_plain)}`. The first makes
            a plain value of a `Money`, the second an equal `Money` of that. The class's name is stored too.
        strict_types: refuse instances of subclasses of built-in types, and lazy strings, instead of storing
            their plain values.
        encryption_keys: keys of 32 random bytes as base64url text, which seal everything that is not
            declared: it is encrypted, and refused if it was changed or is from another row. The first key
            seals, and all open.
        unsealed: what becomes of sessions that are not sealed, with `encryption_keys`: `"refuse"` takes them
            for corrupt, `"read"` reads them, `"write"` also writes them so.

    Raises:
        ConfigurationError: for an option or a column that cannot work.
        MissingDependency: naming the extra that installs the URL's driver.
    """

    def __init__(  # noqa: PLR0913 - each is an option with its default in sight
        self,
        engine_or_url: Engine | URL | str,
        *,
        schemas: Text | Iterable[Column[Any]] = (),
        table: Object[Table | type[Any]] | None = None,
        table_name: Text = "sessions",
        metadata: Object[MetaData] | None = None,
        sid_name: Text = "sid",
        expire_at_name: Text = "expire_at",
        additional_name: Text = "additional",
        revision_name: Text = "revision",
        timestamps: Switch = False,
        user_field: Text | None = None,
        request_fields: Text | Iterable[str] = "",
        sync: Switch = True,
        sync_timeout: Seconds = 3,
        deadline: Seconds = 5,
        gc_interval: Seconds | None = HOUR,
        max_age: Seconds = DAY,
        anonymous_max_age: Seconds = math.inf,
        absolute_max_age: Seconds = math.inf,
        unrenewed_paths: Text = "",
        touch_interval: Seconds | None = None,
        max_size: Bytes = 64 * 1024,
        hash_sid: Switch = True,
        serializer: Text | Serializer = "json",
        types: Object[Mapping[type[Any], Converter]] | None = None,
        strict_types: Switch = False,
        encryption_keys: Keys | Iterable[str | bytes] = "",
        unsealed: Text = "refuse",
        **unknown: Never,
    ) -> None:
        options.refuse_unknown(unknown, SessionStore)
        options.require_switches(
            timestamps=timestamps, sync=sync, hash_sid=hash_sid, strict_types=strict_types
        )
        timeout = timeouts.seconds(sync_timeout, "sync_timeout")
        self._timeouts = Timeouts(
            idle=timeouts.seconds(max_age, "max_age"),
            anonymous=timeouts.seconds(anonymous_max_age, "anonymous_max_age"),
            absolute=timeouts.seconds(absolute_max_age, "absolute_max_age"),
            touch_interval=options.span_or_zero(touch_interval, "touch_interval"),
        )
        self.hash_sid = hash_sid
        """Whether handles are hashes of the session ids, and so may be shown."""
        self._ids = Ids(hashed=hash_sid)
        self._database = Database(
            engine_or_url, timeout=timeout, deadline=timeouts.seconds(deadline, "deadline")
        )
        declaration = Declaration(
            names=Names(sid_name, additional_name, expire_at_name, revision_name),
            timestamps=timestamps,
            hashed=hash_sid,
            dialect=self._database.engine.dialect,
            strict=strict_types,
        )
        self._table = (
            declaration.new(schemas, name=table_name, metadata=metadata)
            if table is None
            else declaration.adopt(
                table, instead_of=(schemas, metadata is not None, table_name != "sessions")
            )
        )
        self._database.failures.table = self._table.table
        self._database.failures.hashed = hash_sid
        if self._timeouts.absolute_ms is not None and self._table.created_at is None:
            msg = "absolute_max_age counts from created_at: set timestamps=True too"
            raise ConfigurationError(msg)
        self.user_field = options.user_field(user_field, self.fields)
        """The declared column that tells whose a session is; None if there is no such column."""
        if self._timeouts.anonymous_ms is not None and self.user_field is None:
            msg = (
                f"anonymous_max_age needs a column that tells whose a session is: declare one named"
                f" {options.USER_FIELD!r}, or name yours in user_field="
            )
            raise ConfigurationError(msg)
        self._unrenewed_paths = UnrenewedPaths(unrenewed_paths)
        self._request_fields = RequestFields(request_fields, self._table.fields)
        made = serializer_for(serializer, types, strict=strict_types, shared=not hash_sid)
        sealing = sealing_for(encryption_keys, unsealed, made, table=self._table.table.name)
        self._rows = Rows(
            self._table,
            made,
            sealing=sealing,
            max_size=options.size(max_size),
            hashed=hash_sid,
            strict=strict_types,
            user_field=self.user_field,
            anonymous_ms=self._timeouts.anonymous_ms,
        )
        self._statements = Statements(
            self._table, self._rows, self._database.vendor, absolute_ms=self._timeouts.absolute_ms
        )
        self._search = Search(self._statements)
        self._survey = Survey(self._search, self._rows, hashed=hash_sid)
        self._resealing = Resealing(self._statements, self._rows, sealing, made)
        self._moving = Moving(self._survey, self._statements, self._rows)
        self._clock = Clock()
        self._saving = Saving(self._statements, self._rows, self._timeouts, self._clock)
        self._janitor = Janitor(
            self._database, self._statements, interval=options.span(gc_interval, "gc_interval")
        )
        self._indexing = Indexing(self._database, self._table)
        self._synchronizer = Synchronizer(
            self._database,
            self._table,
            self._clock,
            self._indexing,
            self._resealing.require_keys,
            change=sync,
            timeout=timeout,
        )
        self._upkeep = Upkeep(self._database, self._synchronizer, self._janitor)

    def __repr__(self) -> str:
        return f"<SessionStore {self._table.name!r} on {shown(self.engine.url)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # -- a session by its id

    def get(self, sid: str) -> dict[str, Any] | None:
        """The session's data, or None if there is no such session or it has expired."""
        session = self.load(sid)
        return None if session is None else session.data

    def set(self, sid: str, data: Mapping[str, Any], max_age: Seconds | None = None) -> None:
        """Store a session whatever was there before, in one statement.

        Args:
            sid: the session id, 1 to 255 ASCII characters; `new_session_id` makes one.
            data: the whole session.
            max_age: seconds, this session's idle timeout; `math.inf` for no timeout, None for the store's.

        Raises:
            InvalidSessionId: for an id that no session can have.
            InvalidField: naming a column that a value does not fit.
            UnserializableValue: naming a key whose value would not come back equal.
            SessionTooLarge: if it is larger than `max_size`.
            ConstraintViolated: if the table has a constraint that the session does not meet.
        """
        row = self._rows.new(self._ids.require(sid), data, self._timeouts.span(max_age))
        self._upkeep.run(self._statements.upsert(row.omitted), row.values)

    def add(self, sid: str, data: Mapping[str, Any], max_age: Seconds | None = None) -> bool:
        """Store a session unless there is one; returns whether it was stored.

        Arguments and errors are those of `set`.
        """
        handle, span = self._ids.require(sid), self._timeouts.span(max_age)
        return self._saving.add(self._upkeep, handle, data, span)

    def has(self, sid: str) -> bool:
        """Whether there is such a session; nothing of it is read."""
        handle = self._ids.handle(sid)
        return handle is not None and bool(self._upkeep.run(self._statements.exists, {HANDLE: handle}).rows)

    def update(
        self, sid: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]
    ) -> dict[str, Any] | None:
        """Change a session while nobody else can, such as to count in it; its expiry stays.

        Args:
            sid: the session's id.
            change: makes the new data of the old. It must not use the store, and may be called again.

        Returns:
            the new data, or None if there is no such session.

        Raises:
            InvalidField, UnserializableValue, SessionTooLarge, ConstraintViolated: as `set` does.
        """
        handle = self._ids.handle(sid)
        if handle is None:
            return None
        return self._saving.update(self._upkeep, sid, handle, change)

    def touch(self, sid: str, max_age: Seconds | None = None) -> bool:
        """Start the idle timeout anew; returns whether there was such a session.

        Args:
            sid: the session's id.
            max_age: seconds, see `set`.
        """
        span, handle = self._timeouts.span(max_age), self._ids.handle(sid)
        if handle is None:
            return False
        return self._upkeep.run(self._statements.touch, self._rows.touched(handle, span)).count > 0

    def destroy(self, sid: str) -> bool:
        """Remove a session, expired or not; returns whether there was a row of it.

        A session that has got a new id in the last five minutes is removed by its old id too, so that no
        logout is lost.
        """
        handle = self._ids.handle(sid)
        return handle is not None and self._saving.destroy(self._upkeep, handle)

    def rotate(self, old_sid: str, new_sid: str) -> bool:
        """Give a session a new id, as a login should; returns whether there was such a session.

        Args:
            old_sid: the id that it has, which is dead from then on.
            new_sid: the id that it gets, under which nothing may be stored yet, and which no session may have
                had in the last five minutes.

        Raises:
            InvalidSessionId: if no session can have the new id.
            SessionExists: if the new id is taken.
        """
        new_handle, handle = self._ids.require(new_sid), self._ids.handle(old_sid)
        if handle is None:
            return False
        return self._saving.rotate(self._upkeep, handle, new_handle)

    # -- load, change, save: what host adapters use

    def load(self, sid: str) -> LoadedSession | None:
        """The session with what a later `save` needs, or None if there is no such session."""
        handle = self._ids.handle(sid)
        if handle is None:
            return None
        result = self._upkeep.run(self._statements.load, {HANDLE: handle})
        session = self._rows.first(sid, handle, result.rows, result.convert)
        if session is not None and session.version is not None:
            self._clock.set(session.version.now)
        return session

    def blank(self, sid: str, *, unknown: str | None = None) -> LoadedSession:
        """The start of a session under an id that nothing is stored under.

        Saving it stores it. If another request has done so meanwhile, the changes of both are kept.

        Args:
            sid: the new session's id.
            unknown: the id that the visitor came with, if there is no session of that id. If another request
                gave that session a new id in the last ten seconds, the save stores nothing: the visitor has
                a session, and its cookie is under way.

        Raises:
            InvalidSessionId: for a `sid` that no session can have.
        """
        came_with = None if unknown is None else self._ids.handle(unknown)
        return LoadedSession(sid, self._ids.require(sid), {}, None, None, None, came_with)

    def save(  # noqa: PLR0913 - each is a part of its own
        self,
        session: LoadedSession,
        data: Mapping[str, Any] | None = None,
        max_age: Seconds | None = None,
        *,
        new_sid: str | None = None,
        renew: bool = True,
        environ: Mapping[str, Any] | None = None,
    ) -> Saved:
        """Save what a request changed of a session that it loaded.

        Keys that other requests have saved meanwhile are kept; of a key that both changed the later save
        wins. A session that was destroyed, revoked or expired meanwhile is not brought back. A session that
        did not change is not written, except for a touch when `touch_interval` has passed. A session that
        got another id meanwhile is saved under that id.

        Args:
            session: from `load`, `blank` or the save before.
            data: the whole session as the request leaves it; None for `session.data`.
            max_age: seconds, see `set`.
            new_sid: the id that the session has from now on, as `rotate` would give it; in the same
                transaction, so that an error leaves the old id good.
            renew: start the idle timeout anew. Without it a session that is stored already keeps its expiry
                and `updated_at`, for requests that nobody makes on purpose, such as polling.
            environ: the request's WSGI environment. A path of `unrenewed_paths` means `renew=False`. If the
                request changed the session, `request_fields` are stored with it, as far as they are known;
                they alone are no change.

        Returns:
            the outcome, and the session for a further save. Its `data` is what is stored as far as this
            request knows; the keys of others that were merged are not in it.

        Raises:
            InvalidField, UnserializableValue, SessionTooLarge, ConstraintViolated: as `set` does.
            InvalidSessionId, SessionExists: for `new_sid`, as `rotate` does.
            WrongArgument: for anything but a loaded or blank session.
        """
        if not isinstance(session, LoadedSession):
            msg = f"save takes what load or blank returned, not {type(session).__name__}; set stores a dict"
            raise WrongArgument(msg)
        span = self._timeouts.span(max_age)
        wanted = Wanted(
            self._rows.checked(session.data if data is None else data),
            span,
            *(session.sid, session.handle) if new_sid is None else (new_sid, self._ids.require(new_sid)),
            renew and not (environ and self._unrenewed_paths.has(environ)),
            partial(self._request_fields.of, environ) if environ and self.request_fields else None,
        )
        saved = self._saving.save(self._upkeep, session, wanted)
        if saved.is_gone:
            _log.info("a request's changes were dropped, because its session was ended meanwhile")
        return saved

    # -- the same store in other circumstances

    def within(self, connection: Connection | Session) -> Self:
        """This store inside a caller's transaction: what it does counts if the caller commits.

        Nothing is tried again there, because a failed transaction has to begin anew. Call `wait_for_sync` at
        start: in the middle of a transaction that writes, SQLite cannot create the table.

        Args:
            connection: an SQLAlchemy `Connection` or ORM `Session` on the store's database.

        Raises:
            WrongArgument: for anything else, such as an Engine.
        """
        store = copy.copy(self)
        store._upkeep = self._upkeep.within(self._database.joined(connection))  # noqa: SLF001 - a copy of this one
        return store

    def prefixed(self, prefix: str) -> Self:
        """This store for the sessions whose ids begin with `prefix`, in the same table.

        It takes ids without the prefix, and finds, counts, revokes and clears no other sessions. With
        `hash_sid=False` no prefix may begin with another one.

        Raises:
            ConfigurationError: for a prefix that no session id could begin with.
        """
        store = copy.copy(self)
        store._ids = self._ids.prefixed(prefix)  # noqa: SLF001 - a copy of this one
        return store

    # -- the whole table

    def repo(self) -> Table:
        """The SQLAlchemy table, for queries of your own, for foreign keys, and for Alembic.

        `store.engine` runs them: `connection.execute(store.repo().select().where(…))`.
        """
        return self._table.table

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine."""
        return self._database.engine

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the declared columns."""
        return tuple(field.name for field in self._table.fields)

    @property
    def home_fields(self) -> tuple[str, ...]:
        """The names of those declared columns that are the home of a key of the same name; no copies."""
        return tuple(field.name for field in self._table.fields if field.path is None)

    @property
    def has_timestamps(self) -> bool:
        """Whether the table keeps `created_at` and `updated_at`."""
        return self._table.created_at is not None

    @property
    def request_fields(self) -> tuple[str, ...]:
        """The names of the columns that hosts fill in from requests."""
        return self._request_fields.names

    @property
    def unrenewed_paths(self) -> tuple[str, ...]:
        """The beginnings of the paths of requests that renew no session."""
        return self._unrenewed_paths.prefixes

    def fields_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What the declared columns hold for a session, searchable copies too.

        Args:
            data: the session's.

        Returns:
            the values by the names of the columns; None for a key that the session does not have.

        Raises:
            WrongArgument: if `data` is no mapping.
        """
        # The session of Beaker's middleware has the methods of a mapping, and is none.
        if not isinstance(data, Mapping) and not hasattr(data, "items"):
            msg = f"fields_of takes the data of a session, not {type(data).__name__}"
            raise WrongArgument(msg)
        return self._rows.fields_of(dict(data.items()))

    def user_of(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """Whose a session is: the `user_field` with its value, as searches take it.

        Args:
            data: the session's.

        Returns:
            None if nobody is signed in.

        Raises:
            ConfigurationError: if the store has no `user_field`.
        """
        if self.user_field is None:
            msg = (
                f"table {self._table.name!r}: no column tells whose a session is; declare one named"
                f" {options.USER_FIELD!r}, or name yours in user_field="
            )
            raise ConfigurationError(msg)
        user = self.fields_of(data)[self.user_field]
        return None if user is None else {self.user_field: user}

    def confirmed_user(self, data: Mapping[str, Any], user: object) -> dict[str, Any] | None:
        """Whose a session is, if the application's authentication names the same user.

        Args:
            data: the session's.
            user: the user that the authentication names, such as 42 or the text "42"; None for nobody.

        Returns:
            as `user_of`; None for nobody, and if the two are different users.

        Raises:
            ConfigurationError: if the store has no `user_field`.
            InvalidField: if `user` does not fit the column, for instance because it is an object.
            WrongArgument: if `data` is no mapping.
        """
        owner = self.user_of(data)
        if owner is None or user is None:
            return None
        [(name, value)] = owner.items()
        if self._rows.value_named(name, user) == value:
            return owner
        _log.warning(
            "table %r: the application's authentication names another user than the session's column %r",
            self._table.name,
            name,
        )
        return None

    @property
    def max_age(self) -> float:
        """The idle timeout in seconds; `math.inf` for none."""
        return self._timeouts.idle

    def idle_timeout(self, session: LoadedSession, max_age: Seconds | None = None) -> float:
        """With which idle timeout `save` would keep a session that was loaded.

        Args:
            session: from `load`.
            max_age: seconds, see `set`.

        Returns:
            seconds; `math.inf` for none.

        Raises:
            ConfigurationError: for an impossible `max_age`.
            WrongArgument: for anything but a loaded session.
        """
        if not isinstance(session, LoadedSession):
            msg = f"idle_timeout takes what load returned, not {type(session).__name__}"
            raise WrongArgument(msg)
        span = self._timeouts.span(max_age)
        if session.version is not None:
            span = self._rows.span(session.version.content, span)
        return math.inf if span is None else span / 1000

    def handle(self, sid: str) -> str:
        """What the table holds instead of a session's id; `Record.handle` is the same.

        Raises:
            InvalidSessionId: if no session can have that id.
        """
        return self._ids.require(sid)

    def wait_for_sync(self, timeout: Seconds | None = None) -> None:
        """Make sure that the table exists and matches the declared columns.

        The first operation does the same. With `sync`, a missing table is created and missing nullable
        columns are added; nothing is ever dropped. Missing indexes of a table that has rows are built in the
        background, while the table is used; see `build_indexes`.

        Args:
            timeout: seconds instead of `sync_timeout`.

        Raises:
            SchemaMismatch: with every difference, and what to do.
            StoreUnavailable, AccessDenied, StatementFailed: if the database is not there in time, or refuses.
            ConfigurationError: for a table that this database cannot have, for `encryption_keys` that open
                none of its sessions, and for an impossible `timeout`.
        """
        self._synchronizer.ensure(None if timeout is None else timeouts.seconds(timeout, "timeout"))

    def close(self) -> None:
        """Stop background work, and close the connections of an engine that was made for this store."""
        self._janitor.stop()
        self._indexing.stop()
        self._database.close()
