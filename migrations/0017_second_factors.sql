-- A second factor beside the password: one authenticator (TOTP, RFC 6238) and ten recovery codes a user. The authenticator's secret is
-- sealed under a secret of the settings; recovery codes are hashes of 80 bits of chance.
CREATE TABLE identity.totp (
    user_id uuid PRIMARY KEY REFERENCES identity.login,
    sealed bytea NOT NULL,
    enrolled_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint,
    last_by uuid,
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    locked_until timestamptz
);
COMMENT ON COLUMN identity.totp.confirmed_at IS 'When a code was given first; until then it is asked for nowhere.';
COMMENT ON COLUMN identity.totp.last_step IS 'The 30 seconds of the last code that was accepted; its code and older ones are used up.';
COMMENT ON COLUMN identity.totp.last_by IS 'The message that brought it; the same message said again is no replay.';
COMMENT ON COLUMN identity.totp.failures IS 'Wrong codes since the last right one.';

CREATE TABLE identity.recovery_code (
    user_id uuid NOT NULL REFERENCES identity.login,
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    used_at timestamptz,
    used_by uuid,
    PRIMARY KEY (user_id, code_hash)
);


GRANT SELECT, INSERT, UPDATE, DELETE ON identity.totp TO coffer_app;
GRANT SELECT, INSERT, UPDATE (used_at, used_by), DELETE ON identity.recovery_code TO coffer_app;
