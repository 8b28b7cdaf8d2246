-- Keys for programs: each speaks for the user who made it, with no more than the permissions listed here. Kept as a SHA-256 hash: a key
-- is 256 bits of chance, so that a fast hash hides it, and it is shown once.
CREATE TABLE identity.api_key (
    api_key_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES identity.login,
    name text NOT NULL,
    prefix text NOT NULL,
    key_hash bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    permissions text[] NOT NULL CHECK (cardinality(permissions) > 0),
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > made_at),
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_because text
);
COMMENT ON COLUMN identity.api_key.prefix IS 'The part of the key that may be shown, so that its owner knows which it is.';
COMMENT ON COLUMN identity.api_key.last_used_at IS 'To the minute: it is written once a minute at most.';
CREATE INDEX api_key_by_user ON identity.api_key (user_id, made_at);
CREATE INDEX api_key_by_age ON identity.api_key (made_at, api_key_id);

GRANT SELECT, INSERT, UPDATE (prefix, key_hash, last_used_at, revoked_at, revoked_because) ON identity.api_key TO coffer_app;
