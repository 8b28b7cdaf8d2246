-- A forgotten password is reset by a token that is mailed. Kept is its hash alone; the token follows from its id and the key secret,
-- so that no queue, outbox or dead letter ever holds it.
CREATE TABLE identity.password_reset (
    user_id uuid PRIMARY KEY REFERENCES identity.login,
    reset_id uuid NOT NULL UNIQUE,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    requested_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
COMMENT ON TABLE identity.password_reset IS 'One per user: a new request takes the place of the one before, whose token is then good for nothing.';

GRANT SELECT, INSERT, UPDATE ON identity.password_reset TO coffer_app;

-- A key that is to sign is published before it does, so that whoever checks tokens knows it when the first one comes.
ALTER TABLE identity.signing_key ADD COLUMN signs_from timestamptz;
COMMENT ON COLUMN identity.signing_key.signs_from IS 'When it takes the place of the one that signs; null: it signs, or has signed.';
DROP INDEX identity.one_key_signs;
CREATE UNIQUE INDEX one_key_signs_and_one_is_next ON identity.signing_key ((signs_from IS NULL)) WHERE retired_at IS NULL;
GRANT UPDATE (signs_from) ON identity.signing_key TO coffer_app;
