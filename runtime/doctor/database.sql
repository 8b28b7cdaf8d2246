-- What the doctor asks of PostgreSQL. Everything here only reads.

-- name: server
-- The settings that decide whether an acknowledged row survives, and what the clock of the server says.
SELECT current_setting('server_version_num')::integer AS version,
       current_setting('server_version') AS version_text,
       current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('server_encoding') AS encoding,
       current_setting('max_connections')::integer AS max_connections,
       pg_is_in_recovery() AS is_standby,
       clock_timestamp() AS now;

-- name: may_be_app_role
-- Whether the processes may work as the app role. $1 is SET from PostgreSQL 16 on, MEMBER before.
SELECT coalesce((SELECT pg_has_role(current_user, oid, $1) FROM pg_roles WHERE rolname = 'coffer_app'), false);
