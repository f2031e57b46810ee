-- What the store sends to postgresql, written by: python tests/test_golden_sql.py --write
--
--     SessionStore(
--         'postgresql+psycopg://app@db/app',
--         schemas='user_id Integer index; device String(50)',
--         timestamps=True,
--         absolute_max_age=2592000,
--     )
--
-- A name that begins with a colon is a parameter, for which the driver gets %s. A parameter :ssb_…
-- gets its value when the statement runs; "with" tells the values of the others. Two expressions are
-- abbreviated:
--
--     {now_ms}   CAST(floor(extract(epoch from statement_timestamp()) * 1000) AS BIGINT)
--     {utc_now}  statement_timestamp()


-- == The table

-- the table
CREATE TABLE sessions (
    sid VARCHAR(64) COLLATE "C" NOT NULL,
    user_id INTEGER,
    device VARCHAR(50),
    additional TEXT NOT NULL,
    expire_at BIGINT,
    created_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE,
    revision BIGINT NOT NULL,
    PRIMARY KEY (sid)
);

-- an index
CREATE INDEX ix_sessions_expire_at ON sessions (expire_at);

-- an index
CREATE INDEX ix_sessions_user_id ON sessions (user_id);


-- == Connections, transactions and locks: _sql/vendors

-- the start of a transaction of several statements
BEGIN;

-- the lock for gc, which does not wait
-- with :pg_try_advisory_xact_lock_2 = 1426804221
SELECT pg_try_advisory_xact_lock(:pg_try_advisory_xact_lock_2::INTEGER) AS pg_try_advisory_xact_lock_1;

-- the lock for creating the table
-- with :set_config_2 = 'lock_timeout', :set_config_3 = '3000ms'
SELECT set_config(:set_config_2::VARCHAR, :set_config_3::VARCHAR, true) AS set_config_1;

-- the lock for creating the table
-- with :pg_advisory_xact_lock_2 = 4100468537
SELECT pg_advisory_xact_lock(:pg_advisory_xact_lock_2::BIGINT) AS pg_advisory_xact_lock_1;


-- == Sessions by their handles: _sql/statements.py

-- load
-- Read a live session.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at
FROM sessions
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- lock
-- Read a live session and keep others from changing it until the transaction ends.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at
FROM sessions
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
FOR UPDATE;

-- exists
-- Look whether there is a live session.
SELECT 1
FROM sessions
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- descends
-- Look whether a live row is the one that was inserted, however often it was saved since.
SELECT 1
FROM sessions
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- any_of
-- Look whether any of the sessions is live.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1 = 1
SELECT 1
FROM sessions
WHERE
    sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
LIMIT :param_1::INTEGER;

-- load_many
-- Read live sessions; the handle comes last in a row.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR);

-- starts
-- Read how the texts of live sessions begin, in the order of handles; the handle comes first.
-- with :substr_2 = 1, :substr_3 = 17, :sid_1 = 'handle-1', :param_1 = 5000
SELECT sessions.sid, substr(sessions.additional, :substr_2::INTEGER, :substr_3::INTEGER) AS substr_1
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.sid > :sid_1::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER;

-- starts, of a prefix
-- Read how the texts of live sessions begin, in the order of handles; the handle comes first.
-- with :substr_2 = 1, :substr_3 = 17, :sid_1 = '', :sid_2 = '0123456789abcdef', :sid_3 = '0123456789abcdeg',
--      :substr_4 = 1, :substr_5 = 16, :substr_6 = '0123456789abcdef', :param_1 = 5000
SELECT sessions.sid, substr(sessions.additional, :substr_2::INTEGER, :substr_3::INTEGER) AS substr_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid > :sid_1::VARCHAR
    AND sessions.sid >= :sid_2::VARCHAR
    AND sessions.sid < :sid_3::VARCHAR
    AND substr(sessions.sid, :substr_4::INTEGER, :substr_5::INTEGER) = :substr_6::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER;

-- texts
-- Read the texts of live sessions, between the handle and the revision.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
SELECT sessions.sid, sessions.additional, sessions.revision
FROM sessions
WHERE
    sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- upsert
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle::VARCHAR, :ssb_field_0::INTEGER, :ssb_field_1::VARCHAR, :ssb_additional::VARCHAR,
    ({now_ms} + :ssb_max_age::BIGINT), {utc_now}, {utc_now}, :ssb_revision::BIGINT
)
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = least(
        excluded.expire_at,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- upsert, two sessions
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES
    (
        :ssb_handle_0::VARCHAR, :ssb_field_0_0::INTEGER, :ssb_field_1_0::VARCHAR, :ssb_additional_0::VARCHAR,
        ({now_ms} + :ssb_max_age_0::BIGINT), {utc_now}, {utc_now}, :ssb_revision_0::BIGINT
    ),
    (
        :ssb_handle_1::VARCHAR, :ssb_field_0_1::INTEGER, :ssb_field_1_1::VARCHAR, :ssb_additional_1::VARCHAR,
        ({now_ms} + :ssb_max_age_1::BIGINT), {utc_now}, {utc_now}, :ssb_revision_1::BIGINT
    )
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = least(
        excluded.expire_at,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- upsert, a column gets its default
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle::VARCHAR, :ssb_field_0::INTEGER, :ssb_additional::VARCHAR, ({now_ms} + :ssb_max_age::BIGINT),
    {utc_now}, {utc_now}, :ssb_revision::BIGINT
)
ON CONFLICT (sid)
DO UPDATE SET
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = least(
        excluded.expire_at,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- insert
-- Store a session under an id under which nothing is stored.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle::VARCHAR, :ssb_field_0::INTEGER, :ssb_field_1::VARCHAR, :ssb_additional::VARCHAR,
    ({now_ms} + :ssb_max_age::BIGINT), {utc_now}, {utc_now}, :ssb_revision::BIGINT
)
ON CONFLICT (sid) DO NOTHING;

-- save
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    user_id=:ssb_field_0::INTEGER,
    device=:ssb_field_1::VARCHAR,
    additional=:ssb_additional::VARCHAR,
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, no column changed
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    additional=:ssb_additional::VARCHAR,
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, without renewing
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET user_id=:ssb_field_0::INTEGER, additional=:ssb_additional::VARCHAR, revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed
-- `save`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle::VARCHAR,
    user_id=:ssb_field_0::INTEGER,
    additional=:ssb_additional::VARCHAR,
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed, without renewing
-- `save`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle::VARCHAR,
    user_id=:ssb_field_0::INTEGER,
    additional=:ssb_additional::VARCHAR,
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- amend
-- Replace a session that is locked, and leave its expiry alone.
UPDATE sessions
SET
    user_id=:ssb_field_0::INTEGER,
    device=:ssb_field_1::VARCHAR,
    additional=:ssb_additional::VARCHAR,
    updated_at={utc_now},
    revision=:ssb_revision::BIGINT
WHERE sessions.sid = :ssb_handle::VARCHAR;

-- reseal
-- Replace the text of a session that nobody has saved meanwhile, and leave all else alone.
UPDATE sessions
SET additional=:ssb_additional::VARCHAR
WHERE sessions.sid = :ssb_handle::VARCHAR AND sessions.revision = :ssb_revision::BIGINT;

-- touch
-- Move the expiry of a live session, and nothing else.
UPDATE sessions
SET
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30')
                        THEN sessions.created_at
                        ELSE {utc_now}
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at=CASE WHEN (
        sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
    ) THEN sessions.created_at ELSE {utc_now} END,
    updated_at={utc_now}
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew
-- Touch a session that is still the one that was loaded, however often it was saved since.
UPDATE sessions
SET
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew_renamed
-- `renew`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle::VARCHAR,
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- rename
-- Give a session that is still the one that was loaded a new id, and leave its expiry alone.
UPDATE sessions
SET sid=:ssb_new_handle::VARCHAR
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- rotate
-- Give a live session a new id.
UPDATE sessions
SET sid=:ssb_new_handle::VARCHAR
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- leave_trace
-- Leave a trace of a session that just got a new id.
INSERT INTO sessions (sid, additional, expire_at, revision, user_id, device, created_at, updated_at)
SELECT
    :ssb_handle::VARCHAR AS anon_1, :ssb_trace::VARCHAR AS anon_2, -({now_ms} + 300000) AS anon_3, 0,
    sessions.user_id, sessions.device, sessions.created_at, sessions.updated_at
FROM sessions
WHERE sessions.sid = :ssb_new_handle::VARCHAR;

-- trace
-- Read the trace under an id: its text, and how many milliseconds ago the id was changed.
SELECT sessions.additional, {now_ms} + sessions.expire_at + 300000 AS anon_1
FROM sessions
WHERE sessions.sid = :ssb_handle::VARCHAR AND sessions.expire_at BETWEEN -{now_ms} - 600000 AND -{now_ms} - 1;

-- destroy
-- Remove a session, live or not, but not its trace.
DELETE FROM sessions
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at >= 0);

-- destroy_many
-- Remove sessions, live or not.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
DELETE FROM sessions
WHERE sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR);

-- revoke
-- Remove a live session.
DELETE FROM sessions
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- revoke_many
-- Remove live sessions.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
DELETE FROM sessions
WHERE
    sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- expired
-- Handles of expired sessions that no other transaction holds, and keep others from touching them.
-- with :param_1 = 200
SELECT sessions.sid
FROM sessions
WHERE sessions.expire_at <= {now_ms} AND sessions.expire_at NOT BETWEEN -{now_ms} - 600000 AND -{now_ms} - 1
ORDER BY sessions.expire_at
LIMIT :param_1::INTEGER
FOR UPDATE SKIP LOCKED;

-- expired, after some
-- Handles of expired sessions that no other transaction holds, and keep others from touching them.
-- with :param_1 = 200, :param_2 = 3
SELECT sessions.sid
FROM sessions
WHERE sessions.expire_at <= {now_ms} AND sessions.expire_at NOT BETWEEN -{now_ms} - 600000 AND -{now_ms} - 1
ORDER BY sessions.expire_at
LIMIT :param_1::INTEGER OFFSET :param_2::INTEGER
FOR UPDATE SKIP LOCKED;

-- delete_expired
-- Remove sessions of these handles that are still expired.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
DELETE FROM sessions
WHERE sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR) AND sessions.expire_at <= {now_ms};

-- delete_expired_row
-- Remove the expired row of a primary key that need not be a handle.
-- with :param_1 = 'key'
DELETE FROM sessions
WHERE sessions.sid = :param_1::VARCHAR AND sessions.expire_at <= {now_ms};


-- == Sessions by their columns: _sql/search.py

-- find
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
ORDER BY sessions.created_at DESC, sessions.sid;

-- find, with a limit
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
ORDER BY sessions.created_at DESC, sessions.sid
LIMIT :ssb_limit::INTEGER;

-- find, NULL and a value
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id IS NULL
    AND sessions.device = :ssb_equals_1_1::VARCHAR
ORDER BY sessions.created_at DESC, sessions.sid;

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
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
    AND substr(sessions.sid, :substr_1::INTEGER, :substr_2::INTEGER) = :substr_3::VARCHAR
ORDER BY sessions.created_at DESC, sessions.sid;

-- count
-- Count live sessions.
SELECT count(*) AS count_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER;

-- count_rows
-- Count sessions, live or not.
-- with :sid_1 = '', :sid_2 = '0100'
SELECT count(*) AS count_1
FROM sessions
WHERE sessions.sid >= :sid_1::VARCHAR AND sessions.sid < :sid_2::VARCHAR;

-- count_rows, of a prefix
-- Count sessions, live or not.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef', :sid_3 = '0123456789abcdef', :sid_4 = '0123456789abcdef0100'
SELECT count(*) AS count_1
FROM sessions
WHERE
    sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
    AND substr(sessions.sid, :substr_1::INTEGER, :substr_2::INTEGER) = :substr_3::VARCHAR
    AND sessions.sid >= :sid_3::VARCHAR
    AND sessions.sid < :sid_4::VARCHAR;

-- now
-- Read the database's clock, in milliseconds since 1970 UTC.
SELECT {now_ms};

-- per_day
-- Count live sessions by the day of their creation, in UTC.
-- with :created_at_1 = 2026-11-25 00:00:00+00:00
SELECT date(timezone('UTC', sessions.created_at)) AS date_1, count(*) AS count_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.created_at >= :created_at_1::TIMESTAMP WITH TIME ZONE
GROUP BY date(timezone('UTC', sessions.created_at));

-- per_day, of a sample
-- Count live sessions by the day of their creation, in UTC.
-- with :created_at_1 = 2026-11-25 00:00:00+00:00, :sid_1 = '', :sid_2 = '0100'
SELECT date(timezone('UTC', sessions.created_at)) AS date_1, count(*) AS count_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.created_at >= :created_at_1::TIMESTAMP WITH TIME ZONE
    AND sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
GROUP BY date(timezone('UTC', sessions.created_at));

-- per_value
-- Count live sessions by their values in a column, the most frequent ones first.
-- with :param_1 = 10
SELECT sessions.device, count(*) AS count_1
FROM sessions
WHERE sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}
GROUP BY sessions.device
ORDER BY count(*) DESC
LIMIT :param_1::INTEGER;

-- per_value, of a sample
-- Count live sessions by their values in a column, the most frequent ones first.
-- with :sid_1 = '', :sid_2 = '0100', :param_1 = 10
SELECT sessions.device, count(*) AS count_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
GROUP BY sessions.device
ORDER BY count(*) DESC
LIMIT :param_1::INTEGER;

-- stored
-- Count rows, live or not.
SELECT count(*) AS count_1
FROM sessions
WHERE sessions.user_id = :ssb_equals_0_0::INTEGER;

-- expired
-- Count rows that expired so many milliseconds ago or earlier, of which gc has removed none.
SELECT count(*) AS count_1
FROM sessions
WHERE sessions.expire_at <= {now_ms} - 60000 AND sessions.expire_at >= 0;

-- starting
-- Handles of live sessions that begin with a text, where handles are hashes.
-- with :sid_1 = '9f86d0', :sid_2 = '9f86d1', :substr_1 = 1, :substr_2 = 6, :substr_3 = '9f86d0', :param_1 = 2
SELECT sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
    AND substr(sessions.sid, :substr_1::INTEGER, :substr_2::INTEGER) = :substr_3::VARCHAR
LIMIT :param_1::INTEGER;

-- starting, of a prefix
-- Handles of live sessions that begin with a text, where handles are hashes.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef', :sid_3 = '0123456789abcdef', :sid_4 = '0123456789abcdeg', :substr_4 = 1, :substr_5
--      = 16, :substr_6 = '0123456789abcdef', :param_1 = 2
SELECT sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
    AND substr(sessions.sid, :substr_1::INTEGER, :substr_2::INTEGER) = :substr_3::VARCHAR
    AND sessions.sid >= :sid_3::VARCHAR
    AND sessions.sid < :sid_4::VARCHAR
    AND substr(sessions.sid, :substr_4::INTEGER, :substr_5::INTEGER) = :substr_6::VARCHAR
LIMIT :param_1::INTEGER;

-- handles
-- The next handles of live sessions, in their order.
-- with :sid_1 = 'handle-1', :param_1 = 5000
SELECT sessions.sid
FROM sessions
WHERE (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms}) AND sessions.sid > :sid_1::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER;

-- page
-- Read live sessions in the order of their handles, up to `end`; the handle comes last in a row.
-- with :sid_1 = 'handle-1', :param_1 = 51
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND sessions.sid > :sid_1::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER;

-- page, up to an end
-- Read live sessions in the order of their handles, up to `end`; the handle comes last in a row.
-- with :sid_1 = 'handle-1', :sid_2 = 'handle-2', :param_1 = 51
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id IS NULL
    AND sessions.device = :ssb_equals_1_1::VARCHAR
    AND sessions.sid > :sid_1::VARCHAR
    AND sessions.sid <= :sid_2::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER;

-- end_of
-- The handle that comes so many rows after another one, of sessions live or not.
-- with :sid_1 = 'handle-1', :param_1 = 1, :param_2 = 4999
SELECT sessions.sid
FROM sessions
WHERE sessions.sid > :sid_1::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER OFFSET :param_2::INTEGER;

-- revoke
-- Remove the live session with that handle, if it is one of those.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid = :ssb_kept::VARCHAR
    AND sessions.user_id = :ssb_equals_0_0::INTEGER;

-- revoke_all
-- Remove live sessions.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER;

-- revoke_others
-- Remove live sessions but one, and none if that one is not there.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND (sessions.sid NOT IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR))
    AND (
        EXISTS (
            SELECT 1
            FROM (
                SELECT sessions.sid AS sid
                FROM sessions
                WHERE
                    sessions.sid IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
                    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            ) AS spared
        )
    );

-- spared
-- Look for the session that `revoke_others` spares.
SELECT sessions.sid
FROM sessions
WHERE
    sessions.sid IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- spared, of a prefix
-- Look for the session that `revoke_others` spares.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef'
SELECT sessions.sid
FROM sessions
WHERE
    sessions.sid IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
    AND substr(sessions.sid, :substr_1::INTEGER, :substr_2::INTEGER) = :substr_3::VARCHAR;

-- revoke_older
-- Remove live sessions, all but the newest ones.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND (
        sessions.sid NOT IN (
            SELECT kept.sid
            FROM (
                SELECT sessions.sid AS sid
                FROM sessions
                WHERE
                    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                    AND sessions.user_id = :ssb_equals_0_0::INTEGER
                ORDER BY sessions.created_at DESC, sessions.sid
                LIMIT :ssb_limit::INTEGER
            ) AS kept
        )
    );

-- erase
-- Remove rows, live or not.
DELETE FROM sessions
WHERE sessions.user_id = :ssb_equals_0_0::INTEGER;

-- clear
-- Remove every session, live or not.
DELETE FROM sessions;

-- clear, of a prefix
-- Remove every session, live or not.
-- with :sid_1 = '0123456789abcdef', :sid_2 = '0123456789abcdeg', :substr_1 = 1, :substr_2 = 16, :substr_3 =
--      '0123456789abcdef'
DELETE FROM sessions
WHERE
    sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
    AND substr(sessions.sid, :substr_1::INTEGER, :substr_2::INTEGER) = :substr_3::VARCHAR;


-- == What differs without timestamps and absolute_max_age

-- the table
CREATE TABLE sessions (
    sid VARCHAR(64) COLLATE "C" NOT NULL,
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
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- lock
-- Read a live session and keep others from changing it until the transaction ends.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms
FROM sessions
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
FOR UPDATE;

-- load_many
-- Read live sessions; the handle comes last in a row.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR);

-- upsert
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, revision)
VALUES (
    :ssb_handle::VARCHAR, :ssb_field_0::INTEGER, :ssb_field_1::VARCHAR, :ssb_additional::VARCHAR,
    ({now_ms} + :ssb_max_age::BIGINT), :ssb_revision::BIGINT
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- upsert, two sessions
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, revision)
VALUES
    (
        :ssb_handle_0::VARCHAR, :ssb_field_0_0::INTEGER, :ssb_field_1_0::VARCHAR, :ssb_additional_0::VARCHAR,
        ({now_ms} + :ssb_max_age_0::BIGINT), :ssb_revision_0::BIGINT
    ),
    (
        :ssb_handle_1::VARCHAR, :ssb_field_0_1::INTEGER, :ssb_field_1_1::VARCHAR, :ssb_additional_1::VARCHAR,
        ({now_ms} + :ssb_max_age_1::BIGINT), :ssb_revision_1::BIGINT
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- upsert, a column gets its default
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, additional, expire_at, revision)
VALUES (
    :ssb_handle::VARCHAR, :ssb_field_0::INTEGER, :ssb_additional::VARCHAR, ({now_ms} + :ssb_max_age::BIGINT),
    :ssb_revision::BIGINT
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- insert
-- Store a session under an id under which nothing is stored.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, revision)
VALUES (
    :ssb_handle::VARCHAR, :ssb_field_0::INTEGER, :ssb_field_1::VARCHAR, :ssb_additional::VARCHAR,
    ({now_ms} + :ssb_max_age::BIGINT), :ssb_revision::BIGINT
)
ON CONFLICT (sid) DO NOTHING;

-- save
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    user_id=:ssb_field_0::INTEGER,
    device=:ssb_field_1::VARCHAR,
    additional=:ssb_additional::VARCHAR,
    expire_at=({now_ms} + :ssb_max_age::BIGINT),
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, no column changed
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    additional=:ssb_additional::VARCHAR,
    expire_at=({now_ms} + :ssb_max_age::BIGINT),
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed
-- `save`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle::VARCHAR,
    user_id=:ssb_field_0::INTEGER,
    additional=:ssb_additional::VARCHAR,
    expire_at=({now_ms} + :ssb_max_age::BIGINT),
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- amend
-- Replace a session that is locked, and leave its expiry alone.
UPDATE sessions
SET
    user_id=:ssb_field_0::INTEGER,
    device=:ssb_field_1::VARCHAR,
    additional=:ssb_additional::VARCHAR,
    revision=:ssb_revision::BIGINT
WHERE sessions.sid = :ssb_handle::VARCHAR;

-- touch
-- Move the expiry of a live session, and nothing else.
UPDATE sessions
SET expire_at=({now_ms} + :ssb_max_age::BIGINT)
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew
-- Touch a session that is still the one that was loaded, however often it was saved since.
UPDATE sessions
SET expire_at=({now_ms} + :ssb_max_age::BIGINT)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew_renamed
-- `renew`, and give the session a new id.
UPDATE sessions
SET sid=:ssb_new_handle::VARCHAR, expire_at=({now_ms} + :ssb_max_age::BIGINT)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- leave_trace
-- Leave a trace of a session that just got a new id.
INSERT INTO sessions (sid, additional, expire_at, revision, user_id, device)
SELECT
    :ssb_handle::VARCHAR AS anon_1, :ssb_trace::VARCHAR AS anon_2, -({now_ms} + 300000) AS anon_3, 0,
    sessions.user_id, sessions.device
FROM sessions
WHERE sessions.sid = :ssb_new_handle::VARCHAR;

-- find
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
ORDER BY CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END, sessions.expire_at DESC, sessions.sid;

-- find, with a limit
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
ORDER BY CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END, sessions.expire_at DESC, sessions.sid
LIMIT :ssb_limit::INTEGER;

-- find, NULL and a value
-- Read live sessions, the newest first; the handle comes last in a row.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id IS NULL
    AND sessions.device = :ssb_equals_1_1::VARCHAR
ORDER BY CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END, sessions.expire_at DESC, sessions.sid;

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
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR
    AND substr(sessions.sid, :substr_1::INTEGER, :substr_2::INTEGER) = :substr_3::VARCHAR
ORDER BY CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END, sessions.expire_at DESC, sessions.sid;

-- page
-- Read live sessions in the order of their handles, up to `end`; the handle comes last in a row.
-- with :sid_1 = 'handle-1', :param_1 = 51
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND sessions.sid > :sid_1::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER;

-- page, up to an end
-- Read live sessions in the order of their handles, up to `end`; the handle comes last in a row.
-- with :sid_1 = 'handle-1', :sid_2 = 'handle-2', :param_1 = 51
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id IS NULL
    AND sessions.device = :ssb_equals_1_1::VARCHAR
    AND sessions.sid > :sid_1::VARCHAR
    AND sessions.sid <= :sid_2::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER;

-- revoke_older
-- Remove live sessions, all but the newest ones.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND (
        sessions.sid NOT IN (
            SELECT kept.sid
            FROM (
                SELECT sessions.sid AS sid
                FROM sessions
                WHERE
                    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                    AND sessions.user_id = :ssb_equals_0_0::INTEGER
                ORDER BY
                    CASE WHEN (sessions.expire_at IS NULL) THEN 0 ELSE 1 END,
                    sessions.expire_at DESC,
                    sessions.sid
                LIMIT :ssb_limit::INTEGER
            ) AS kept
        )
    );


-- == What differs with hash_sid=False

-- the table
CREATE TABLE sessions (
    sid VARCHAR(255) COLLATE "C" NOT NULL,
    user_id INTEGER,
    device VARCHAR(50),
    additional TEXT NOT NULL,
    expire_at BIGINT,
    created_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE,
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
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- lock
-- Read a live session and keep others from changing it until the transaction ends.
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at
FROM sessions
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
FOR UPDATE;

-- exists
-- Look whether there is a live session.
SELECT 1
FROM sessions
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- descends
-- Look whether a live row is the one that was inserted, however often it was saved since.
SELECT 1
FROM sessions
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- any_of
-- Look whether any of the sessions is live.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2',
--      :param_2 = 1
SELECT 1
FROM sessions
WHERE
    sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (
        :param_1_1::VARCHAR COLLATE "C", :param_1_2::VARCHAR COLLATE "C"
    )
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
LIMIT :param_2::INTEGER;

-- load_many
-- Read live sessions; the handle comes last in a row.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
SELECT
    sessions.user_id, sessions.device, sessions.additional, sessions.expire_at, sessions.revision,
    {now_ms} AS now_ms, sessions.created_at, sessions.updated_at, sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (
        :param_1_1::VARCHAR COLLATE "C", :param_1_2::VARCHAR COLLATE "C"
    );

-- starts, of a prefix
-- Read how the texts of live sessions begin, in the order of handles; the handle comes first.
-- with :substr_2 = 1, :substr_3 = 17, :sid_1 = '', :substr_4 = 1, :substr_5 = 16, :substr_6 =
--      '0123456789abcdef', :param_1 = 5000
SELECT sessions.sid, substr(sessions.additional, :substr_2::INTEGER, :substr_3::INTEGER) AS substr_1
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid > :sid_1::VARCHAR
    AND substr(
        CAST(sessions.sid AS TEXT) COLLATE "C", :substr_4::INTEGER, :substr_5::INTEGER
    ) = :substr_6::VARCHAR
ORDER BY sessions.sid
LIMIT :param_1::INTEGER;

-- texts
-- Read the texts of live sessions, between the handle and the revision.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
SELECT sessions.sid, sessions.additional, sessions.revision
FROM sessions
WHERE
    sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (
        :param_1_1::VARCHAR COLLATE "C", :param_1_2::VARCHAR COLLATE "C"
    )
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- upsert
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle::VARCHAR, :ssb_field_0::INTEGER, :ssb_field_1::VARCHAR, :ssb_additional::VARCHAR,
    ({now_ms} + :ssb_max_age::BIGINT), {utc_now}, {utc_now}, :ssb_revision::BIGINT
)
ON CONFLICT (sid)
DO UPDATE SET
    sid = CASE WHEN ((CAST(sessions.sid AS TEXT) COLLATE "C") = excluded.sid) THEN sessions.sid ELSE NULL END,
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = least(
        excluded.expire_at,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- upsert, two sessions
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, device, additional, expire_at, created_at, updated_at, revision)
VALUES
    (
        :ssb_handle_0::VARCHAR, :ssb_field_0_0::INTEGER, :ssb_field_1_0::VARCHAR, :ssb_additional_0::VARCHAR,
        ({now_ms} + :ssb_max_age_0::BIGINT), {utc_now}, {utc_now}, :ssb_revision_0::BIGINT
    ),
    (
        :ssb_handle_1::VARCHAR, :ssb_field_0_1::INTEGER, :ssb_field_1_1::VARCHAR, :ssb_additional_1::VARCHAR,
        ({now_ms} + :ssb_max_age_1::BIGINT), {utc_now}, {utc_now}, :ssb_revision_1::BIGINT
    )
ON CONFLICT (sid)
DO UPDATE SET
    sid = CASE WHEN ((CAST(sessions.sid AS TEXT) COLLATE "C") = excluded.sid) THEN sessions.sid ELSE NULL END,
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = least(
        excluded.expire_at,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- upsert, a column gets its default
-- Store a session whatever was there; `omitted` columns get the database's own default.
INSERT INTO sessions (sid, user_id, additional, expire_at, created_at, updated_at, revision)
VALUES (
    :ssb_handle::VARCHAR, :ssb_field_0::INTEGER, :ssb_additional::VARCHAR, ({now_ms} + :ssb_max_age::BIGINT),
    {utc_now}, {utc_now}, :ssb_revision::BIGINT
)
ON CONFLICT (sid)
DO UPDATE SET
    sid = CASE WHEN ((CAST(sessions.sid AS TEXT) COLLATE "C") = excluded.sid) THEN sessions.sid ELSE NULL END,
    user_id = excluded.user_id,
    device = excluded.device,
    additional = excluded.additional,
    expire_at = least(
        excluded.expire_at,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (
                            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
                            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
                        )
                        THEN sessions.created_at
                        ELSE excluded.created_at
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at = CASE
        WHEN (
            (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            AND sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
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
        THEN sessions.revision + 1
        ELSE excluded.revision
    END;

-- save
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    user_id=:ssb_field_0::INTEGER,
    device=:ssb_field_1::VARCHAR,
    additional=:ssb_additional::VARCHAR,
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, no column changed
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET
    additional=:ssb_additional::VARCHAR,
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save, without renewing
-- Save a live session that nobody else has changed since it was loaded.
UPDATE sessions
SET user_id=:ssb_field_0::INTEGER, additional=:ssb_additional::VARCHAR, revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed
-- `save`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle::VARCHAR,
    user_id=:ssb_field_0::INTEGER,
    additional=:ssb_additional::VARCHAR,
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now},
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- save_renamed, without renewing
-- `save`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle::VARCHAR,
    user_id=:ssb_field_0::INTEGER,
    additional=:ssb_additional::VARCHAR,
    revision=(sessions.revision + 1)
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- amend
-- Replace a session that is locked, and leave its expiry alone.
UPDATE sessions
SET
    user_id=:ssb_field_0::INTEGER,
    device=:ssb_field_1::VARCHAR,
    additional=:ssb_additional::VARCHAR,
    updated_at={utc_now},
    revision=:ssb_revision::BIGINT
WHERE sessions.sid = :ssb_handle::VARCHAR AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR;

-- reseal
-- Replace the text of a session that nobody has saved meanwhile, and leave all else alone.
UPDATE sessions
SET additional=:ssb_additional::VARCHAR
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision = :ssb_revision::BIGINT;

-- touch
-- Move the expiry of a live session, and nothing else.
UPDATE sessions
SET
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30')
                        THEN sessions.created_at
                        ELSE {utc_now}
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at=CASE WHEN (
        sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
    ) THEN sessions.created_at ELSE {utc_now} END,
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew
-- Touch a session that is still the one that was loaded, however often it was saved since.
UPDATE sessions
SET
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew_renamed
-- `renew`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle::VARCHAR,
    expire_at=least(
        {now_ms} + :ssb_max_age::BIGINT,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- rename
-- Give a session that is still the one that was loaded a new id, and leave its expiry alone.
UPDATE sessions
SET sid=:ssb_new_handle::VARCHAR
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- rotate
-- Give a live session a new id.
UPDATE sessions
SET sid=:ssb_new_handle::VARCHAR
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- leave_trace
-- Leave a trace of a session that just got a new id.
INSERT INTO sessions (sid, additional, expire_at, revision, user_id, device, created_at, updated_at)
SELECT
    :ssb_handle::VARCHAR AS anon_1, :ssb_trace::VARCHAR AS anon_2, -({now_ms} + 300000) AS anon_3, 0,
    sessions.user_id, sessions.device, sessions.created_at, sessions.updated_at
FROM sessions
WHERE
    sessions.sid = :ssb_new_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_new_handle::VARCHAR;

-- trace
-- Read the trace under an id: its text, and how many milliseconds ago the id was changed.
SELECT sessions.additional, {now_ms} + sessions.expire_at + 300000 AS anon_1
FROM sessions
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND sessions.expire_at BETWEEN -{now_ms} - 600000 AND -{now_ms} - 1;

-- destroy
-- Remove a session, live or not, but not its trace.
DELETE FROM sessions
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND (sessions.expire_at IS NULL OR sessions.expire_at >= 0);

-- destroy_many
-- Remove sessions, live or not.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
DELETE FROM sessions
WHERE
    sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (
        :param_1_1::VARCHAR COLLATE "C", :param_1_2::VARCHAR COLLATE "C"
    );

-- revoke
-- Remove a live session.
DELETE FROM sessions
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_handle::VARCHAR
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- revoke_many
-- Remove live sessions.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
DELETE FROM sessions
WHERE
    sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (
        :param_1_1::VARCHAR COLLATE "C", :param_1_2::VARCHAR COLLATE "C"
    )
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- delete_expired
-- Remove sessions of these handles that are still expired.
-- with :sid_1_1 = 'handle-1', :sid_1_2 = 'handle-2', :param_1_1 = 'handle-1', :param_1_2 = 'handle-2'
DELETE FROM sessions
WHERE
    sessions.sid IN (:sid_1_1::VARCHAR, :sid_1_2::VARCHAR)
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (
        :param_1_1::VARCHAR COLLATE "C", :param_1_2::VARCHAR COLLATE "C"
    )
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
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND substr(
        CAST(sessions.sid AS TEXT) COLLATE "C", :substr_1::INTEGER, :substr_2::INTEGER
    ) = :substr_3::VARCHAR
ORDER BY sessions.created_at DESC, sessions.sid;

-- count_rows, of a prefix
-- Count sessions, live or not.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef', :sid_1 = '0123456789abcdef', :sid_2 =
--      '0123456789abcdef0100'
SELECT count(*) AS count_1
FROM sessions
WHERE
    substr(
        CAST(sessions.sid AS TEXT) COLLATE "C", :substr_1::INTEGER, :substr_2::INTEGER
    ) = :substr_3::VARCHAR
    AND sessions.sid >= :sid_1::VARCHAR
    AND sessions.sid < :sid_2::VARCHAR;

-- starting
-- Handles of live sessions that begin with a text, where handles are hashes.
-- with :substr_1 = 1, :substr_2 = 6, :substr_3 = '9f86d0', :param_1 = 2
SELECT sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND substr(
        CAST(sessions.sid AS TEXT) COLLATE "C", :substr_1::INTEGER, :substr_2::INTEGER
    ) = :substr_3::VARCHAR
LIMIT :param_1::INTEGER;

-- starting, of a prefix
-- Handles of live sessions that begin with a text, where handles are hashes.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef', :substr_4 = 1, :substr_5 = 16,
--      :substr_6 = '0123456789abcdef', :param_1 = 2
SELECT sessions.sid
FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND substr(
        CAST(sessions.sid AS TEXT) COLLATE "C", :substr_1::INTEGER, :substr_2::INTEGER
    ) = :substr_3::VARCHAR
    AND substr(
        CAST(sessions.sid AS TEXT) COLLATE "C", :substr_4::INTEGER, :substr_5::INTEGER
    ) = :substr_6::VARCHAR
LIMIT :param_1::INTEGER;

-- revoke
-- Remove the live session with that handle, if it is one of those.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.sid = :ssb_kept::VARCHAR
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") = :ssb_kept::VARCHAR
    AND sessions.user_id = :ssb_equals_0_0::INTEGER;

-- revoke_others
-- Remove live sessions but one, and none if that one is not there.
DELETE FROM sessions
WHERE
    (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND sessions.user_id = :ssb_equals_0_0::INTEGER
    AND NOT (
        sessions.sid IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
        AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
    )
    AND (
        EXISTS (
            SELECT 1
            FROM (
                SELECT sessions.sid AS sid
                FROM sessions
                WHERE
                    sessions.sid IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
                    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (
                        :ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR
                    )
                    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
            ) AS spared
        )
    );

-- spared
-- Look for the session that `revoke_others` spares.
SELECT sessions.sid
FROM sessions
WHERE
    sessions.sid IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- spared, of a prefix
-- Look for the session that `revoke_others` spares.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef'
SELECT sessions.sid
FROM sessions
WHERE
    sessions.sid IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
    AND (CAST(sessions.sid AS TEXT) COLLATE "C") IN (:ssb_kept::VARCHAR, :ssb_kept_too::VARCHAR)
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms})
    AND substr(
        CAST(sessions.sid AS TEXT) COLLATE "C", :substr_1::INTEGER, :substr_2::INTEGER
    ) = :substr_3::VARCHAR;

-- clear, of a prefix
-- Remove every session, live or not.
-- with :substr_1 = 1, :substr_2 = 16, :substr_3 = '0123456789abcdef'
DELETE FROM sessions
WHERE substr(
    CAST(sessions.sid AS TEXT) COLLATE "C", :substr_1::INTEGER, :substr_2::INTEGER
) = :substr_3::VARCHAR;


-- == What differs with anonymous_max_age

-- touch
-- Move the expiry of a live session, and nothing else.
UPDATE sessions
SET
    expire_at=least(
        {now_ms} + CASE
            WHEN (sessions.user_id IS NULL)
            THEN :ssb_anonymous_max_age::BIGINT
            ELSE :ssb_max_age::BIGINT
        END,
        CAST(
            floor(
                EXTRACT(
                    epoch FROM CASE
                        WHEN (sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30')
                        THEN sessions.created_at
                        ELSE {utc_now}
                    END
                ) * 1000
            ) AS BIGINT
        ) + 2592000000
    ),
    created_at=CASE WHEN (
        sessions.created_at BETWEEN '1000-01-01' AND '9999-12-30'
    ) THEN sessions.created_at ELSE {utc_now} END,
    updated_at={utc_now}
WHERE sessions.sid = :ssb_handle::VARCHAR AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew
-- Touch a session that is still the one that was loaded, however often it was saved since.
UPDATE sessions
SET
    expire_at=least(
        {now_ms} + CASE
            WHEN (sessions.user_id IS NULL)
            THEN :ssb_anonymous_max_age::BIGINT
            ELSE :ssb_max_age::BIGINT
        END,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});

-- renew_renamed
-- `renew`, and give the session a new id.
UPDATE sessions
SET
    sid=:ssb_new_handle::VARCHAR,
    expire_at=least(
        {now_ms} + CASE
            WHEN (sessions.user_id IS NULL)
            THEN :ssb_anonymous_max_age::BIGINT
            ELSE :ssb_max_age::BIGINT
        END,
        CAST(
            floor(EXTRACT(epoch FROM coalesce(sessions.created_at, {utc_now})) * 1000) AS BIGINT
        ) + 2592000000
    ),
    created_at=coalesce(sessions.created_at, {utc_now}),
    updated_at={utc_now}
WHERE
    sessions.sid = :ssb_handle::VARCHAR
    AND sessions.revision BETWEEN :ssb_revision::BIGINT AND :ssb_last_revision::BIGINT
    AND (sessions.expire_at IS NULL OR sessions.expire_at > {now_ms});
