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
