-- The login by which the processes of a local bank reach the database.

-- name: login_exists
-- Whether the login was made before.
SELECT 1 FROM pg_roles WHERE rolname = $1;

-- name: quoted
-- A text as a literal, for statements that take no parameters.
SELECT quote_literal($1::text);
