-- What the identity actor keeps: who may log in, their sessions, and the keys that sign access tokens. Nothing here is of use to
-- who steals it alone: passwords are bcrypt hashes, refresh tokens SHA-256 hashes, private keys sealed under a secret of the settings.
CREATE SCHEMA identity;
GRANT USAGE ON SCHEMA identity TO coffer_app;

CREATE TABLE identity.login (
    user_id uuid PRIMARY KEY,
    username text COLLATE "C" NOT NULL UNIQUE CHECK (username = lower(username)),
    password_hash text NOT NULL CHECK (password_hash LIKE '$2b$%'),
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    member_id uuid UNIQUE,
    disabled_at timestamptz,
    disabled_because text,
    created_at timestamptz NOT NULL,
    version integer NOT NULL CHECK (version > 0)
);
COMMENT ON COLUMN identity.login.member_id IS 'The member that the user is; of the member actor, so not a foreign key.';
CREATE INDEX login_administrators ON identity.login (user_id) WHERE 'admin' = ANY (roles) AND disabled_at IS NULL;

CREATE TABLE identity.session (
    session_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES identity.login,
    began_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_because text
);
COMMENT ON TABLE identity.session IS 'One login, and the family of refresh tokens that follow from it.';
CREATE INDEX session_by_user ON identity.session (user_id);

CREATE TABLE identity.refresh_token (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id uuid NOT NULL REFERENCES identity.session ON DELETE CASCADE,
    salt bytea NOT NULL CHECK (length(salt) = 32),
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by uuid
);
COMMENT ON COLUMN identity.refresh_token.salt IS 'With the token itself and a secret of the settings it gives the successor, again and again.';
COMMENT ON COLUMN identity.refresh_token.used_by IS 'The message that traded it; the same message said again is no theft.';
CREATE INDEX refresh_token_by_session ON identity.refresh_token (session_id);

CREATE TABLE identity.signing_key (
    kid text PRIMARY KEY,
    public_x text NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL,
    retired_at timestamptz
);
COMMENT ON COLUMN identity.signing_key.public_x IS 'The Ed25519 public key, base64url.';
COMMENT ON COLUMN identity.signing_key.sealed IS 'The private key: nonce and AES-256-GCM ciphertext, bound to kid.';
CREATE UNIQUE INDEX one_key_signs ON identity.signing_key ((true)) WHERE retired_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON identity.login TO coffer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.session TO coffer_app;
GRANT SELECT, INSERT, UPDATE (used_at, used_by) ON identity.refresh_token TO coffer_app;
GRANT SELECT, INSERT, UPDATE (retired_at) ON identity.signing_key TO coffer_app;
