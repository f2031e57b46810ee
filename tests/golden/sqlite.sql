-- What the store sends to sqlite, written by: python tests/test_golden_sql.py --write
--
--     SessionStore(
--         'sqlite:///sessions.db',
--         schemas='user_id Integer index; device String(50)',
--         timestamps=True,
--         absolute_max_age=2592000,
--     )
--
-- A name that begins with a colon is a parameter, for which the driver gets ?. A parameter :ssb_…
-- gets its value when the statement runs; "with" tells the values of the others. Two expressions are
-- abbreviated:
--
--     {now_ms}   CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER)
--     {utc_now}  strftime('%Y-%m-%d %H:%M:%f000', 'now')


-- == The table

-- the table
CREATE TABLE sessions (
    sid VARCHAR(64) NOT NULL,
    user_id INTEGER,
    device VARCHAR(50),
    additional TEXT NOT NULL,
    expire_at BIGINT,
    created_at DATETIME,
    updated_at DATETIME,
    revision BIGINT NOT NULL,
    PRIMARY KEY (sid)
);

-- an index
CREATE INDEX ix_sessions_expire_at ON sessions (expire_at);

-- an index
CREATE INDEX ix_sessions_user_id ON sessions (user_id);


-- == Connections, transactions and locks: _sql/vendors

-- each new connection
PRAGMA foreign_keys = ON;

-- each new connection
PRAGMA synchronous = NORMAL;

-- once, for the database
PRAGMA journal_mode;

-- once, for the database
PRAGMA journal_mode = WAL;

-- the start of a transaction of several statements
BEGIN IMMEDIATE;


-- == Sessions by their handles: _sql/statements.py

-- load
-- Read a live session.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at
FROM sessions
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- lock
-- Read a live session and keep others from changing it until the transaction ends.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at
FROM sessions
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- exists
-- Look whether there is a live session.
SELECT 1
FROM sessions
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- descends
-- Look whether a live row is the one that was inserted, however often it was saved since.
SELECT 1
FROM sessions
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- any_of
-- Look whether any of the sessions is live.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1 = 1, :param_2 = 0
SELECT 1
FROM sessions
WHERE sessions.sid IN (:sid_1_1, :sid_1_2) AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
LIMIT :param_1 OFFSET :param_2;

-- load_many
-- Read live sessions; the handle comes last in a row.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.sid IN (:sid_1_1, :sid_1_2);

-- starts
-- Read how the texts of live sessions begin, in the order of handles; the handle comes first.
-- with :substr_2 = 1, :substr_3 = 17, :sid_1 = 'handle-1', :param_1 = 5000, :param_2 = 0
SELECT sessions.sid, substr(sessions.additional, :substr_2, :substr_3) AS substr_1
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.sid > :sid_1
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- starts, of a prefix
-- Read how the texts of live sessions begin, in the order of handles; the handle comes first.
-- with :substr_2 = 1, :substr_3 = 17, :sid_1 = '', :sid_2 = '0123456789abcdef', :sid_3 = '0123456789abcdeg',
--      :substr_4 = 1, :substr_5 = 16, :substr_6 = '0123456789abcdef', :param_1 = 5000, :param_2 = 0
SELECT sessions.sid, substr(sessions.additional, :substr_2, :substr_3) AS substr_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid > :sid_1
    AND sessions.sid >= :sid_2
    AND sessions.sid < :sid_3
    AND substr(sessions.sid, :substr_4, :substr_5) = :substr_6
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- texts
-- Read the texts of live sessions, between the handle and the revision.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
SELECT sessions.sid, sessions.additional, sessions.revision
FROM sessions
WHERE sessions.sid IN (:sid_1_1, :sid_1_2) AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- upsert
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle, :ssb_field_0, :ssb_field_1, :ssb_additional, ({now_ms} + :ssb_max_age), {utc_now}, {utc_now},
    :ssb_revision
)
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = min(
        excluded.expire_at,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
        )
        THEN sessions.created_at
        ELSE excluded.created_at
    END,
    updated_at = excluded.updated_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- upsert, two sessions
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES
    (
        :ssb_handle_0, :ssb_field_0_0, :ssb_field_1_0, :ssb_additional_0, ({now_ms} + :ssb_max_age_0),
        {utc_now}, {utc_now}, :ssb_revision_0
    ),
    (
        :ssb_handle_1, :ssb_field_0_1, :ssb_field_1_1, :ssb_additional_1, ({now_ms} + :ssb_max_age_1),
        {utc_now}, {utc_now}, :ssb_revision_1
    )
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = min(
        excluded.expire_at,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
        )
        THEN sessions.created_at
        ELSE excluded.created_at
    END,
    updated_at = excluded.updated_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- upsert, a column gets its default
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle, :ssb_field_0, :ssb_additional, ({now_ms} + :ssb_max_age), {utc_now}, {utc_now}, :ssb_revision
)
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = min(
        excluded.expire_at,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
        )
        THEN sessions.created_at
        ELSE excluded.created_at
    END,
    updated_at = excluded.updated_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- insert
-- Store a session under an id under which nothing is stored.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle, :ssb_field_0, :ssb_field_1, :ssb_additional, ({now_ms} + :ssb_max_age), {utc_now}, {utc_now},
    :ssb_revision
)
ON CONFLICT (sid) DO NOTHING;

-- save
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    user_id=:ssb_field_0,
    device=:ssb_field_1,
    additional=:ssb_additional,
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, no column changed
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    additional=:ssb_additional,
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, without renewing
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET user_id=:ssb_field_0, additional=:ssb_additional, revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed
-- `save`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle,
    user_id=:ssb_field_0,
    additional=:ssb_additional,
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed, without renewing
-- `save`, and give the session a new id.
UPDATE sessions
SET sid=:ssb_new_handle, user_id=:ssb_field_0, additional=:ssb_additional, revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- amend
-- Replace a session that is locked, and leave its expiry alone.
UPDATE sessions
SET
    user_id=:ssb_field_0,
    device=:ssb_field_1,
    additional=:ssb_additional,
    updated_at={utc_now},
    revision=:ssb_revision
WHERE sessions.sid = :ssb_handle;

-- reseal
-- Replace the text of a session that nobody has saved meanwhile, and leave all else alone.
UPDATE sessions
SET additional=:ssb_additional
WHERE sessions.sid = :ssb_handle AND sessions.revision = :ssb_revision;

-- touch
-- Move the expiry of a live session, and nothing else.
UPDATE sessions
SET
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE {utc_now}
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=CASE WHEN (
        sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
        AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
    ) THEN sessions.created_at ELSE {utc_now} END,
    updated_at={utc_now}
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew
-- Touch a session that is still the one that was loaded, however often it was saved since.
UPDATE sessions
SET
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew_renamed
-- `renew`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle,
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- rename
-- Give a session that is still the one that was loaded a new id, and leave its expiry alone.
UPDATE sessions
SET sid=:ssb_new_handle
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- rotate
-- Give a live session a new id.
UPDATE sessions
SET sid=:ssb_new_handle
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- leave_trace
-- Leave a trace of a session that just got a new id.
INSERT INTO sessions (sid, additional, expire_at, revision, user_id, device, created_at, updated_at)
SELECT
    :ssb_handle AS anon_1, :ssb_trace AS anon_2, -({now_ms} + 300000) AS anon_3, 0, sessions.user_id,
    sessions.device, sessions.created_at, sessions.updated_at
FROM sessions
WHERE sessions.sid = :ssb_new_handle;

-- trace
-- Read the trace under an id: its text, and how many milliseconds ago the id was changed.
SELECT sessions.additional, {now_ms} + sessions.expire_at + 300000 AS anon_1
FROM sessions
WHERE sessions.sid = :ssb_handle AND sessions.expire_at BETWEEN -{now_ms} - 600000 AND -{now_ms} - 1;

-- destroy
-- Remove a session, live or not, but not its trace.
DELETE FROM sessions
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at >= 0);

-- destroy_many
-- Remove sessions, live or not.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
DELETE FROM sessions
WHERE sessions.sid IN (:sid_1_1, :sid_1_2);

-- revoke
-- Remove a live session.
DELETE FROM sessions
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- revoke_many
-- Remove live sessions.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
DELETE FROM sessions
WHERE sessions.sid IN (:sid_1_1, :sid_1_2) AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- expired
-- Handles of expired sessions that no other transaction holds, and keep others from touching them.
-- with :param_1 = 200, :param_2 = 0
SELECT sessions.sid
FROM sessions
WHERE sessions.expire_at <= {now_ms} AND sessions.expire_at NOT BETWEEN -{now_ms} - 600000 AND -{now_ms} - 1
ORDER BY sessions.expire_at
LIMIT :param_1 OFFSET :param_2;

-- expired, after some
-- Handles of expired sessions that no other transaction holds, and keep others from touching them.
-- with :param_1 = 200, :param_2 = 3
SELECT sessions.sid
FROM sessions
WHERE sessions.expire_at <= {now_ms} AND sessions.expire_at NOT BETWEEN -{now_ms} - 600000 AND -{now_ms} - 1
ORDER BY sessions.expire_at
LIMIT :param_1 OFFSET :param_2;

-- delete_expired
-- Remove sessions of these handles that are still expired.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
DELETE FROM sessions
WHERE sessions.sid IN (:sid_1_1, :sid_1_2) AND sessions.expire_at <= {now_ms};

-- delete_expired_row
-- Remove the expired row of a primary key that need not be a handle.
-- with :param_1 = 'key'
DELETE FROM sessions
WHERE sessions.sid = :param_1 AND sessions.expire_at <= {now_ms};


-- == Sessions by their columns: _sql/search.py

-- find
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.user_id = :ssb_equals_0_0
ORDER BY sessions.created_at DESC, "rowid" DESC, sessions.sid;

-- find, with a limit
-- Read live sessions, the newest first; the handle comes last in a row.
-- with :param_1 = 0
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.user_id = :ssb_equals_0_0
ORDER BY sessions.created_at DESC, "rowid" DESC, sessions.sid
LIMIT :ssb_limit OFFSET :param_1;

-- find, NULL and a value
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id IS NULL
    AND sessions.device = :ssb_equals_1_1
ORDER BY sessions.created_at DESC, "rowid" DESC, sessions.sid;

-- find, of a prefix
-- Read live sessions, the newest first; the handle comes last in a row.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
    AND substr(sessions.sid, :substr_1, :substr_2) = :substr_3
ORDER BY sessions.created_at DESC, "rowid" DESC, sessions.sid;

-- count
-- Count live sessions.
SELECT count(*) AS count_1
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.user_id = :ssb_equals_0_0;

-- count_rows
-- Count sessions, live or not.
-- with :sid_1 = '', :sid_2 = '0100'
SELECT count(*) AS count_1
FROM sessions
WHERE sessions.sid >= :sid_1 AND sessions.sid < :sid_2;

-- count_rows, of a prefix
-- Count sessions, live or not.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef', :sid_3 = '0123456789abcdef', :sid_4 = '0123456789abcdef0100'
SELECT count(*) AS count_1
FROM sessions
WHERE
    sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
    AND substr(sessions.sid, :substr_1, :substr_2) = :substr_3
    AND sessions.sid >= :sid_3
    AND sessions.sid < :sid_4;

-- now
-- Read the database's clock, in milliseconds since 1970 UTC.
SELECT {now_ms};

-- per_day
-- Count live sessions by the day of their creation, in UTC.
-- with :created_at_1 = 2026-11-25 00:00:00+00:00
SELECT date(sessions.created_at) AS date_1, count(*) AS count_1
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.created_at >= :created_at_1
GROUP BY date(sessions.created_at);

-- per_day, of a sample
-- Count live sessions by the day of their creation, in UTC.
-- with :created_at_1 = 2026-11-25 00:00:00+00:00, :sid_1 = '', :sid_2 = '0100'
SELECT date(sessions.created_at) AS date_1, count(*) AS count_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.created_at >= :created_at_1
    AND sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
GROUP BY date(sessions.created_at);

-- per_value
-- Count live sessions by their values in a column, the most frequent ones first.
-- with :param_1 = 10, :param_2 = 0
SELECT sessions.device, count(*) AS count_1
FROM sessions
WHERE sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}
GROUP BY sessions.device
ORDER BY count(*) DESC
LIMIT :param_1 OFFSET :param_2;

-- per_value, of a sample
-- Count live sessions by their values in a column, the most frequent ones first.
-- with :sid_1 = '', :sid_2 = '0100', :param_1 = 10, :param_2 = 0
SELECT sessions.device, count(*) AS count_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
GROUP BY sessions.device
ORDER BY count(*) DESC
LIMIT :param_1 OFFSET :param_2;

-- stored
-- Count rows, live or not.
SELECT count(*) AS count_1
FROM sessions
WHERE sessions.user_id = :ssb_equals_0_0;

-- expired
-- Count rows that expired so many milliseconds ago or earlier, of which gc has removed none.
SELECT count(*) AS count_1
FROM sessions
WHERE sessions.expire_at <= {now_ms} - 60000 AND sessions.expire_at >= 0;

-- starting
-- Handles of live sessions that begin with a text, where handles are hashes.
-- with :sid_1 = '9f86d0', :sid_2 = '9f86d1', :substr_1 = 1, :substr_2 = 6, :substr_3 = '9f86d0', :param_1 =
--      2, :param_2 = 0
SELECT sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
    AND substr(sessions.sid, :substr_1, :substr_2) = :substr_3
LIMIT :param_1 OFFSET :param_2;

-- starting, of a prefix
-- Handles of live sessions that begin with a text, where handles are hashes.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef', :sid_3 = '0123456789abcdef', :sid_4 = '0123456789abcdeg', :substr_4 = 1, :substr_5
--      = 16, :substr_6 = '0123456789abcdef', :param_1 = 2, :param_2 = 0
SELECT sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
    AND substr(sessions.sid, :substr_1, :substr_2) = :substr_3
    AND sessions.sid >= :sid_3
    AND sessions.sid < :sid_4
    AND substr(sessions.sid, :substr_4, :substr_5) = :substr_6
LIMIT :param_1 OFFSET :param_2;

-- handles
-- The next handles of live sessions, in their order.
-- with :sid_1 = 'handle-1', :param_1 = 5000, :param_2 = 0
SELECT sessions.sid
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.sid > :sid_1
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- page
-- Read live sessions in the order of their handles, up to `end`; the handle comes last in a row.
-- with :sid_1 = 'handle-1', :param_1 = 51, :param_2 = 0
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND sessions.sid > :sid_1
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- page, up to an end
-- Read live sessions in the order of their handles, up to `end`; the handle comes last in a row.
-- with :sid_1 = 'handle-1', :sid_2 = 'handle-2', :param_1 = 51, :param_2 = 0
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id IS NULL
    AND sessions.device = :ssb_equals_1_1
    AND sessions.sid > :sid_1
    AND sessions.sid <= :sid_2
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- end_of
-- The handle that comes so many rows after another one, of sessions live or not.
-- with :sid_1 = 'handle-1', :param_1 = 1, :param_2 = 4999
SELECT sessions.sid
FROM sessions
WHERE sessions.sid > :sid_1
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- revoke
-- Remove the live session with that handle, if it is one of those.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid = :ssb_kept
    AND sessions.user_id = :ssb_equals_0_0;

-- revoke_all
-- Remove live sessions.
DELETE FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.user_id = :ssb_equals_0_0;

-- revoke_others
-- Remove live sessions but one, and none if that one is not there.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND (sessions.sid NOT IN (:ssb_kept, :ssb_kept_too))
    AND (
        EXISTS (
            SELECT 1
            FROM (
                SELECT sessions.sid AS sid
                FROM sessions
                WHERE
                    sessions.sid IN (:ssb_kept, :ssb_kept_too)
                    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            ) AS spared
        )
    );

-- spared
-- Look for the session that `revoke_others` spares.
SELECT sessions.sid
FROM sessions
WHERE
    sessions.sid IN (:ssb_kept, :ssb_kept_too)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- spared, of a prefix
-- Look for the session that `revoke_others` spares.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef'
SELECT sessions.sid
FROM sessions
WHERE
    sessions.sid IN (:ssb_kept, :ssb_kept_too)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
    AND substr(sessions.sid, :substr_1, :substr_2) = :substr_3;

-- revoke_older
-- Remove live sessions, all but the newest ones.
-- with :param_1 = 0
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND (
        sessions.sid NOT IN (
            SELECT kept.sid
            FROM (
                SELECT sessions.sid AS sid
                FROM sessions
                WHERE
                    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                    AND sessions.user_id = :ssb_equals_0_0
                ORDER BY sessions.created_at DESC, "rowid" DESC, sessions.sid
                LIMIT :ssb_limit OFFSET :param_1
            ) AS kept
        )
    );

-- erase
-- Remove rows, live or not.
DELETE FROM sessions
WHERE sessions.user_id = :ssb_equals_0_0;

-- clear
-- Remove every session, live or not.
DELETE FROM sessions;

-- clear, of a prefix
-- Remove every session, live or not.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef'
DELETE FROM sessions
WHERE
    sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
    AND substr(sessions.sid, :substr_1, :substr_2) = :substr_3;


-- == What differs without timestamps and absolute_max_age

-- the table
CREATE TABLE sessions (
    sid VARCHAR(64) NOT NULL,
    user_id INTEGER,
    device VARCHAR(50),
    additional TEXT NOT NULL,
    expire_at BIGINT,
    revision BIGINT NOT NULL,
    PRIMARY KEY (sid)
);

-- load
-- Read a live session.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms
FROM sessions
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- lock
-- Read a live session and keep others from changing it until the transaction ends.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms
FROM sessions
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- load_many
-- Read live sessions; the handle comes last in a row.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.sid IN (:sid_1_1, :sid_1_2);

-- upsert
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, revision)
VALUES (:ssb_handle, :ssb_field_0, :ssb_field_1, :ssb_additional, ({now_ms} + :ssb_max_age), :ssb_revision)
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = excluded.expire_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- upsert, two sessions
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, revision)
VALUES
    (
        :ssb_handle_0, :ssb_field_0_0, :ssb_field_1_0, :ssb_additional_0, ({now_ms} + :ssb_max_age_0),
        :ssb_revision_0
    ),
    (
        :ssb_handle_1, :ssb_field_0_1, :ssb_field_1_1, :ssb_additional_1, ({now_ms} + :ssb_max_age_1),
        :ssb_revision_1
    )
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = excluded.expire_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- upsert, a column gets its default
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, additional, expire_at, revision)
VALUES (:ssb_handle, :ssb_field_0, :ssb_additional, ({now_ms} + :ssb_max_age), :ssb_revision)
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = excluded.expire_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- insert
-- Store a session under an id under which nothing is stored.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, revision)
VALUES (:ssb_handle, :ssb_field_0, :ssb_field_1, :ssb_additional, ({now_ms} + :ssb_max_age), :ssb_revision)
ON CONFLICT (sid) DO NOTHING;

-- save
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    user_id=:ssb_field_0,
    device=:ssb_field_1,
    additional=:ssb_additional,
    expire_at=({now_ms} + :ssb_max_age),
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, no column changed
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET additional=:ssb_additional, expire_at=({now_ms} + :ssb_max_age), revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed
-- `save`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle,
    user_id=:ssb_field_0,
    additional=:ssb_additional,
    expire_at=({now_ms} + :ssb_max_age),
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- amend
-- Replace a session that is locked, and leave its expiry alone.
UPDATE sessions
SET user_id=:ssb_field_0, device=:ssb_field_1, additional=:ssb_additional, revision=:ssb_revision
WHERE sessions.sid = :ssb_handle;

-- touch
-- Move the expiry of a live session, and nothing else.
UPDATE sessions
SET expire_at=({now_ms} + :ssb_max_age)
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew
-- Touch a session that is still the one that was loaded, however often it was saved since.
UPDATE sessions
SET expire_at=({now_ms} + :ssb_max_age)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew_renamed
-- `renew`, and give the session a new id.
UPDATE sessions
SET sid=:ssb_new_handle, expire_at=({now_ms} + :ssb_max_age)
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- leave_trace
-- Leave a trace of a session that just got a new id.
INSERT INTO sessions (sid, additional, expire_at, revision, user_id, device)
SELECT
    :ssb_handle AS anon_1, :ssb_trace AS anon_2, -({now_ms} + 300000) AS anon_3, 0, sessions.user_id,
    sessions.device
FROM sessions
WHERE sessions.sid = :ssb_new_handle;

-- find
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.user_id = :ssb_equals_0_0
ORDER BY
    CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END,
    sessions.expire_at DESC,
    "rowid" DESC,
    sessions.sid;

-- find, with a limit
-- Read live sessions, the newest first; the handle comes last in a row.
-- with :param_1 = 0
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.user_id = :ssb_equals_0_0
ORDER BY
    CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END,
    sessions.expire_at DESC,
    "rowid" DESC,
    sessions.sid
LIMIT :ssb_limit OFFSET :param_1;

-- find, NULL and a value
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id IS NULL
    AND sessions.device = :ssb_equals_1_1
ORDER BY
    CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END,
    sessions.expire_at DESC,
    "rowid" DESC,
    sessions.sid;

-- find, of a prefix
-- Read live sessions, the newest first; the handle comes last in a row.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND sessions.sid >= :sid_1
    AND sessions.sid < :sid_2
    AND substr(sessions.sid, :substr_1, :substr_2) = :substr_3
ORDER BY
    CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END,
    sessions.expire_at DESC,
    "rowid" DESC,
    sessions.sid;

-- page
-- Read live sessions in the order of their handles, up to `end`; the handle comes last in a row.
-- with :sid_1 = 'handle-1', :param_1 = 51, :param_2 = 0
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND sessions.sid > :sid_1
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- page, up to an end
-- Read live sessions in the order of their handles, up to `end`; the handle comes last in a row.
-- with :sid_1 = 'handle-1', :sid_2 = 'handle-2', :param_1 = 51, :param_2 = 0
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id IS NULL
    AND sessions.device = :ssb_equals_1_1
    AND sessions.sid > :sid_1
    AND sessions.sid <= :sid_2
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- revoke_older
-- Remove live sessions, all but the newest ones.
-- with :param_1 = 0
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND (
        sessions.sid NOT IN (
            SELECT kept.sid
            FROM (
                SELECT sessions.sid AS sid
                FROM sessions
                WHERE
                    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                    AND sessions.user_id = :ssb_equals_0_0
                ORDER BY
                    CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END,
                    sessions.expire_at DESC,
                    "rowid" DESC,
                    sessions.sid
                LIMIT :ssb_limit OFFSET :param_1
            ) AS kept
        )
    );


-- == What differs with hash_sid=False

-- the table
CREATE TABLE sessions (
    sid VARCHAR(255) NOT NULL,
    user_id INTEGER,
    device VARCHAR(50),
    additional TEXT NOT NULL,
    expire_at BIGINT,
    created_at DATETIME,
    updated_at DATETIME,
    revision BIGINT NOT NULL,
    PRIMARY KEY (sid)
);

-- load
-- Read a live session.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at
FROM sessions
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- lock
-- Read a live session and keep others from changing it until the transaction ends.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at
FROM sessions
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- exists
-- Look whether there is a live session.
SELECT 1
FROM sessions
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- descends
-- Look whether a live row is the one that was inserted, however often it was saved since.
SELECT 1
FROM sessions
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- any_of
-- Look whether any of the sessions is live.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2',
--      :param_2 = 1, :param_3 = 0
SELECT 1
FROM sessions
WHERE
    sessions.sid IN (:sid_1_1, :sid_1_2)
    AND (sessions.sid COLLATE "BINARY") IN (:param_1_1, :param_1_2)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
LIMIT :param_2 OFFSET :param_3;

-- load_many
-- Read live sessions; the handle comes last in a row.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid IN (:sid_1_1, :sid_1_2)
    AND (sessions.sid COLLATE "BINARY") IN (:param_1_1, :param_1_2);

-- starts, of a prefix
-- Read how the texts of live sessions begin, in the order of handles; the handle comes first.
-- with :substr_2 = 1, :substr_3 = 17, :sid_1 = '', :substr_4 = 1, :substr_5 = 16, :substr_6 =
--      '0123456789abcdef', :param_1 = 5000, :param_2 = 0
SELECT sessions.sid, substr(sessions.additional, :substr_2, :substr_3) AS substr_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid > :sid_1
    AND substr(sessions.sid COLLATE "BINARY", :substr_4, :substr_5) = :substr_6
ORDER BY sessions.sid
LIMIT :param_1 OFFSET :param_2;

-- texts
-- Read the texts of live sessions, between the handle and the revision.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
SELECT sessions.sid, sessions.additional, sessions.revision
FROM sessions
WHERE
    sessions.sid IN (:sid_1_1, :sid_1_2)
    AND (sessions.sid COLLATE "BINARY") IN (:param_1_1, :param_1_2)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- upsert
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle, :ssb_field_0, :ssb_field_1, :ssb_additional, ({now_ms} + :ssb_max_age), {utc_now}, {utc_now},
    :ssb_revision
)
ON CONFLICT (sid COLLATE "BINARY")
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = min(
        excluded.expire_at,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
        )
        THEN sessions.created_at
        ELSE excluded.created_at
    END,
    updated_at = excluded.updated_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- upsert, two sessions
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES
    (
        :ssb_handle_0, :ssb_field_0_0, :ssb_field_1_0, :ssb_additional_0, ({now_ms} + :ssb_max_age_0),
        {utc_now}, {utc_now}, :ssb_revision_0
    ),
    (
        :ssb_handle_1, :ssb_field_0_1, :ssb_field_1_1, :ssb_additional_1, ({now_ms} + :ssb_max_age_1),
        {utc_now}, {utc_now}, :ssb_revision_1
    )
ON CONFLICT (sid COLLATE "BINARY")
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = min(
        excluded.expire_at,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
        )
        THEN sessions.created_at
        ELSE excluded.created_at
    END,
    updated_at = excluded.updated_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- upsert, a column gets its default
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle, :ssb_field_0, :ssb_additional, ({now_ms} + :ssb_max_age), {utc_now}, {utc_now}, :ssb_revision
)
ON CONFLICT (sid COLLATE "BINARY")
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = min(
        excluded.expire_at,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
        )
        THEN sessions.created_at
        ELSE excluded.created_at
    END,
    updated_at = excluded.updated_at,
    revision = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.revision < 9223372032559808511
        )
        THEN CAST(sessions.revision AS BIGINT) + 1
        ELSE excluded.revision
    END;

-- save
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    user_id=:ssb_field_0,
    device=:ssb_field_1,
    additional=:ssb_additional,
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, no column changed
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    additional=:ssb_additional,
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, without renewing
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET user_id=:ssb_field_0, additional=:ssb_additional, revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed
-- `save`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle,
    user_id=:ssb_field_0,
    additional=:ssb_additional,
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed, without renewing
-- `save`, and give the session a new id.
UPDATE sessions
SET sid=:ssb_new_handle, user_id=:ssb_field_0, additional=:ssb_additional, revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision = :ssb_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- amend
-- Replace a session that is locked, and leave its expiry alone.
UPDATE sessions
SET
    user_id=:ssb_field_0,
    device=:ssb_field_1,
    additional=:ssb_additional,
    updated_at={utc_now},
    revision=:ssb_revision
WHERE sessions.sid = :ssb_handle AND (sessions.sid COLLATE "BINARY") = :ssb_handle;

-- reseal
-- Replace the text of a session that nobody has saved meanwhile, and leave all else alone.
UPDATE sessions
SET additional=:ssb_additional
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision = :ssb_revision;

-- touch
-- Move the expiry of a live session, and nothing else.
UPDATE sessions
SET
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE {utc_now}
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=CASE WHEN (
        sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
        AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
    ) THEN sessions.created_at ELSE {utc_now} END,
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew
-- Touch a session that is still the one that was loaded, however often it was saved since.
UPDATE sessions
SET
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew_renamed
-- `renew`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle,
    expire_at=min(
        {now_ms} + :ssb_max_age,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- rename
-- Give a session that is still the one that was loaded a new id, and leave its expiry alone.
UPDATE sessions
SET sid=:ssb_new_handle
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- rotate
-- Give a live session a new id.
UPDATE sessions
SET sid=:ssb_new_handle
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- leave_trace
-- Leave a trace of a session that just got a new id.
INSERT INTO sessions (sid, additional, expire_at, revision, user_id, device, created_at, updated_at)
SELECT
    :ssb_handle AS anon_1, :ssb_trace AS anon_2, -({now_ms} + 300000) AS anon_3, 0, sessions.user_id,
    sessions.device, sessions.created_at, sessions.updated_at
FROM sessions
WHERE sessions.sid = :ssb_new_handle AND (sessions.sid COLLATE "BINARY") = :ssb_new_handle;

-- trace
-- Read the trace under an id: its text, and how many milliseconds ago the id was changed.
SELECT sessions.additional, {now_ms} + sessions.expire_at + 300000 AS anon_1
FROM sessions
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND sessions.expire_at BETWEEN -{now_ms} - 600000 AND -{now_ms} - 1;

-- destroy
-- Remove a session, live or not, but not its trace.
DELETE FROM sessions
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND (sessions.expire_at IS NULL OR sessions.expire_at >= 0);

-- destroy_many
-- Remove sessions, live or not.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
DELETE FROM sessions
WHERE sessions.sid IN (:sid_1_1, :sid_1_2) AND (sessions.sid COLLATE "BINARY") IN (:param_1_1, :param_1_2);

-- revoke
-- Remove a live session.
DELETE FROM sessions
WHERE
    sessions.sid = :ssb_handle
    AND (sessions.sid COLLATE "BINARY") = :ssb_handle
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- revoke_many
-- Remove live sessions.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
DELETE FROM sessions
WHERE
    sessions.sid IN (:sid_1_1, :sid_1_2)
    AND (sessions.sid COLLATE "BINARY") IN (:param_1_1, :param_1_2)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- delete_expired
-- Remove sessions of these handles that are still expired.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
DELETE FROM sessions
WHERE
    sessions.sid IN (:sid_1_1, :sid_1_2)
    AND (sessions.sid COLLATE "BINARY") IN (:param_1_1, :param_1_2)
    AND sessions.expire_at <= {now_ms};

-- find, of a prefix
-- Read live sessions, the newest first; the handle comes last in a row.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND substr(sessions.sid COLLATE "BINARY", :substr_1, :substr_2) = :substr_3
ORDER BY sessions.created_at DESC, "rowid" DESC, sessions.sid;

-- count_rows, of a prefix
-- Count sessions, live or not.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef', :sid_1 = '0123456789abcdef', :sid_2 =
--      '0123456789abcdef0100'
SELECT count(*) AS count_1
FROM sessions
WHERE
    substr(sessions.sid COLLATE "BINARY", :substr_1, :substr_2) = :substr_3
    AND sessions.sid >= :sid_1
    AND sessions.sid < :sid_2;

-- starting
-- Handles of live sessions that begin with a text, where handles are hashes.
-- with :substr_1 = 1, :substr_2 = 6, :substr_3 = '9f86d0', :param_1 = 2, :param_2 = 0
SELECT sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND substr(sessions.sid COLLATE "BINARY", :substr_1, :substr_2) = :substr_3
LIMIT :param_1 OFFSET :param_2;

-- starting, of a prefix
-- Handles of live sessions that begin with a text, where handles are hashes.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef', :substr_4 = 1, :substr_5 = 16,
--      :substr_6 = '0123456789abcdef', :param_1 = 2, :param_2 = 0
SELECT sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND substr(sessions.sid COLLATE "BINARY", :substr_1, :substr_2) = :substr_3
    AND substr(sessions.sid COLLATE "BINARY", :substr_4, :substr_5) = :substr_6
LIMIT :param_1 OFFSET :param_2;

-- revoke
-- Remove the live session with that handle, if it is one of those.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid = :ssb_kept
    AND (sessions.sid COLLATE "BINARY") = :ssb_kept
    AND sessions.user_id = :ssb_equals_0_0;

-- revoke_others
-- Remove live sessions but one, and none if that one is not there.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0
    AND NOT (
        sessions.sid IN (:ssb_kept, :ssb_kept_too)
        AND (sessions.sid COLLATE "BINARY") IN (:ssb_kept, :ssb_kept_too)
    )
    AND (
        EXISTS (
            SELECT 1
            FROM (
                SELECT sessions.sid AS sid
                FROM sessions
                WHERE
                    sessions.sid IN (:ssb_kept, :ssb_kept_too)
                    AND (sessions.sid COLLATE "BINARY") IN (:ssb_kept, :ssb_kept_too)
                    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            ) AS spared
        )
    );

-- spared
-- Look for the session that `revoke_others` spares.
SELECT sessions.sid
FROM sessions
WHERE
    sessions.sid IN (:ssb_kept, :ssb_kept_too)
    AND (sessions.sid COLLATE "BINARY") IN (:ssb_kept, :ssb_kept_too)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- spared, of a prefix
-- Look for the session that `revoke_others` spares.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef'
SELECT sessions.sid
FROM sessions
WHERE
    sessions.sid IN (:ssb_kept, :ssb_kept_too)
    AND (sessions.sid COLLATE "BINARY") IN (:ssb_kept, :ssb_kept_too)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND substr(sessions.sid COLLATE "BINARY", :substr_1, :substr_2) = :substr_3;

-- clear, of a prefix
-- Remove every session, live or not.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef'
DELETE FROM sessions
WHERE substr(sessions.sid COLLATE "BINARY", :substr_1, :substr_2) = :substr_3;


-- == What differs with anonymous_max_age

-- touch
-- Move the expiry of a live session, and nothing else.
UPDATE sessions
SET
    expire_at=min(
        {now_ms} + CASE WHEN (sessions.user_id IS NULL) THEN :ssb_anonymous_max_age ELSE :ssb_max_age END,
        CAST(
            (
                julianday(
                    CASE
                        WHEN (
                            sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                            AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
                        )
                        THEN sessions.created_at
                        ELSE {utc_now}
                    END
                )
                - 2440587.5
            ) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=CASE WHEN (
        sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
        AND date(sessions.created_at, '+0 days') = substr(sessions.created_at, 1, 10)
    ) THEN sessions.created_at ELSE {utc_now} END,
    updated_at={utc_now}
WHERE sessions.sid = :ssb_handle AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew
-- Touch a session that is still the one that was loaded, however often it was saved since.
UPDATE sessions
SET
    expire_at=min(
        {now_ms} + CASE WHEN (sessions.user_id IS NULL) THEN :ssb_anonymous_max_age ELSE :ssb_max_age END,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew_renamed
-- `renew`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle,
    expire_at=min(
        {now_ms} + CASE WHEN (sessions.user_id IS NULL) THEN :ssb_anonymous_max_age ELSE :ssb_max_age END,
        CAST(
            (julianday(coalesce(sessions.created_at, {utc_now})) - 2440587.5) * 86400000
            + 0.5 AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle
    AND sessions.revision BETWEEN :ssb_revision AND :ssb_last_revision
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});
