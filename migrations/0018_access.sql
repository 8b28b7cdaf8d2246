-- Who may do what is itself changed by two: one asks for a role or for its definition, another approves. The institution's own roles
-- are kept here and published with the number of their last change, so that every process judges by them as they are.
ALTER TABLE identity.login DROP CONSTRAINT login_roles_check;
ALTER TABLE identity.login ADD COLUMN branch text CHECK (branch ~ '^[a-z][a-z0-9_]{0,39}$');
ALTER TABLE identity.login ADD COLUMN access_version integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN identity.login.access_version IS 'Rises when roles, member, branch or access change; not with a password.';
COMMENT ON COLUMN identity.login.roles IS 'None, while those that were asked for wait for approval.';
COMMENT ON COLUMN identity.login.branch IS 'Where the user works; what a permission for a branch reaches.';

CREATE TABLE identity.own_role (
    name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z][a-z_]{0,39}$'),
    about text NOT NULL,
    grants jsonb NOT NULL CHECK (jsonb_typeof(grants) = 'object'),
    version integer NOT NULL CHECK (version > 0),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
COMMENT ON COLUMN identity.own_role.grants IS 'Permission -> scope and limits by currency, as in roles.yaml.';

CREATE TABLE identity.own_roles_change (
    is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
    change bigint NOT NULL
);
COMMENT ON TABLE identity.own_roles_change IS 'One row: how often a role was defined. It changes in the transaction of each definition.';
INSERT INTO identity.own_roles_change (change) VALUES (0);

CREATE TABLE identity.access_request (
    request_id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind text NOT NULL CHECK (kind IN ('assign_roles', 'define_role')),
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected')),
    user_id uuid REFERENCES identity.login,
    access_version integer,
    roles text[],
    role_name text,
    about text,
    grants jsonb,
    rests_on jsonb NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    note text,
    CHECK ((kind = 'assign_roles') = (user_id IS NOT NULL AND access_version IS NOT NULL AND roles IS NOT NULL)),
    CHECK ((kind = 'define_role') = (role_name IS NOT NULL AND about IS NOT NULL AND grants IS NOT NULL)),
    CHECK ((status = 'pending') = (decided_at IS NULL))
);
COMMENT ON COLUMN identity.access_request.rests_on IS 'Own role -> version, 0 for none, when it was asked: another one makes the request void.';
CREATE INDEX access_request_pending ON identity.access_request (seq) WHERE status = 'pending';

CREATE VIEW identity.access_request_now AS
SELECT
    r.request_id, r.seq, r.kind, r.user_id, r.roles, r.role_name, r.about, r.grants, r.reason,
    r.requested_by, r.requested_at, r.decided_by, r.decided_at, r.note,
    CASE WHEN r.status = 'pending' AND (
        r.access_version <> (SELECT u.access_version FROM identity.login AS u WHERE u.user_id = r.user_id)
        OR EXISTS (
            SELECT FROM jsonb_each_text(r.rests_on) AS role
            LEFT JOIN identity.own_role AS o ON o.name = role.key
            WHERE coalesce(o.version, 0) <> role.value::integer
        )
    ) THEN 'void' ELSE r.status END AS status
FROM identity.access_request AS r;
COMMENT ON VIEW identity.access_request_now IS 'Void is what waits while what it rests on is not as it was: the user, or one of the roles.';
GRANT SELECT ON identity.access_request_now TO coffer_app;

CREATE TABLE identity.invitation (
    invitation_id uuid PRIMARY KEY,
    user_id uuid NOT NULL UNIQUE REFERENCES identity.login,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    invited_at timestamptz NOT NULL,
    invited_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz
);
COMMENT ON TABLE identity.invitation IS 'The token follows from the id and a secret of the settings, so that nothing that is kept holds it.';

GRANT SELECT, INSERT, UPDATE ON identity.own_role TO coffer_app;
GRANT SELECT, UPDATE ON identity.own_roles_change TO coffer_app;
GRANT SELECT, INSERT, UPDATE (status, decided_by, decided_at, note) ON identity.access_request TO coffer_app;
GRANT SELECT, INSERT, UPDATE ON identity.invitation TO coffer_app;

CREATE VIEW reporting.own_roles AS SELECT name, grants FROM identity.own_role;
COMMENT ON VIEW reporting.own_roles IS 'The roles that the institution defined itself, for whoever judges by them.';
CREATE VIEW reporting.own_roles_change AS SELECT change FROM identity.own_roles_change;
COMMENT ON VIEW reporting.own_roles_change IS 'Rises with each definition of a role.';
GRANT SELECT ON reporting.own_roles, reporting.own_roles_change TO coffer_app;
