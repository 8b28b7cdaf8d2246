-- Sessions say where they began and when they were last used; passwords can be due for a change, and are not used twice;
-- attempts to log in are counted where a refusal does not undo the count.
ALTER TABLE identity.session
    ADD COLUMN device text NOT NULL DEFAULT '' CHECK (length(device) <= 100),
    ADD COLUMN address text NOT NULL DEFAULT '' CHECK (length(address) <= 45),
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN authenticated_at timestamptz,
    ADD COLUMN amr text[] NOT NULL DEFAULT '{pwd}';
COMMENT ON COLUMN identity.session.last_used_at IS 'Its login, or its last refresh; null: not since it began.';
COMMENT ON COLUMN identity.session.authenticated_at IS 'When its user last proved who they are; null: when it began.';
COMMENT ON COLUMN identity.session.amr IS 'How they proved it (RFC 8176).';

ALTER TABLE identity.login ADD COLUMN must_change_password boolean NOT NULL DEFAULT false;

CREATE TABLE identity.former_password (
    user_id uuid NOT NULL REFERENCES identity.login,
    password_hash text NOT NULL CHECK (password_hash LIKE '$2b$%'),
    replaced_at timestamptz NOT NULL
);
COMMENT ON TABLE identity.former_password IS 'Hashes of what a user had before, as many as the settings keep.';
CREATE INDEX former_password_by_user ON identity.former_password (user_id, replaced_at);

CREATE TABLE identity.failed_attempt (
    kind text NOT NULL CHECK (kind IN ('account', 'device', 'address', 'password', 'reset')),
    bucket integer NOT NULL CHECK (bucket BETWEEN 0 AND 1048575),
    failures integer NOT NULL CHECK (failures >= 0),
    last_at timestamptz NOT NULL,
    locked_until timestamptz,
    PRIMARY KEY (kind, bucket)
);
COMMENT ON TABLE identity.failed_attempt IS
'Attempts that failed or are being checked. Names and addresses are hashed into 2^20 buckets, so that no flood of them fills the disk.';
CREATE INDEX failed_attempt_by_age ON identity.failed_attempt (last_at);

GRANT SELECT, INSERT, DELETE ON identity.former_password TO coffer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.failed_attempt TO coffer_app;
