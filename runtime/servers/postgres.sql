-- What is asked of a local PostgreSQL before it is handed on. Schemas and roles are the migrations'.

-- name: is_there
-- An answer to anything at all means that it is ready.
SELECT 1;

-- name: has_database
-- Whether the bank's database was made already.
SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1);

-- name: create_database
-- As the template is: bytes in order, UTF-8.
CREATE DATABASE coffer;
