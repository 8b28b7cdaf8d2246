-- The bookkeeping of the migrations themselves. Run by the migrating user, never by the app role.

-- name: prepare
-- The table of what was applied. Its own schema, because the first migration makes all others.
CREATE SCHEMA IF NOT EXISTS migrations;
CREATE TABLE IF NOT EXISTS migrations.applied (
    version integer PRIMARY KEY CHECK (version > 0),
    name text NOT NULL,
    checksum text NOT NULL CHECK (length(checksum) = 64),
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by text NOT NULL DEFAULT session_user,
    took_milliseconds integer NOT NULL
);
COMMENT ON TABLE migrations.applied IS 'One row per migration file that ran here, with the SHA-256 of what it said.';
GRANT USAGE ON SCHEMA migrations TO coffer_app;
GRANT SELECT ON migrations.applied TO coffer_app;

-- name: is_prepared
-- Whether the table is there.
SELECT to_regclass('migrations.applied') IS NOT NULL;

-- name: applied
-- What ran here, in order.
SELECT version, name, checksum FROM migrations.applied ORDER BY version;

-- name: record
-- One file that ran.
INSERT INTO migrations.applied (version, name, checksum, took_milliseconds) VALUES ($1, $2, $3, $4);

-- name: lock
-- One migrating process at a time; tried again and again, because a waiting statement would hold a snapshot against
-- CREATE INDEX CONCURRENTLY.
SELECT pg_try_advisory_lock($1);

-- name: is_standby
-- A standby takes no writes.
SELECT pg_is_in_recovery();

-- name: who
-- As whom we are here.
SELECT current_user;

-- name: has_app_role
-- Whether the role that the processes work as exists.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'coffer_app');

-- name: create_app_role
-- Nobody logs in as it; whoever runs the bank is granted it and works as it.
CREATE ROLE coffer_app NOLOGIN;

-- name: may_be_app_role
-- Whether this user may work as the app role. $1 is SET from PostgreSQL 16 on, MEMBER before, where SET did not exist.
SELECT pg_has_role(current_user, 'coffer_app', $1);

-- name: be_app_role
-- Work as it from now on.
SET ROLE coffer_app;

-- name: grant_app_role
-- Let this user work as it.
GRANT coffer_app TO CURRENT_USER;
