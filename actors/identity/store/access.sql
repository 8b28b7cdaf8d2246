-- name: own_roles
-- The roles that the institution defined, by name.
SELECT name, about, grants, version FROM identity.own_role ORDER BY name;

-- name: lock_definitions
-- Lets nobody else define a role until the commit.
SELECT FROM identity.own_roles_change FOR UPDATE;

-- name: define_role
-- A role as it is from now on. The number of the change goes up with it.
WITH counted AS (
    UPDATE identity.own_roles_change SET change = change + 1
)
INSERT INTO identity.own_role AS r (name, about, grants, version, changed_at, changed_by) VALUES ($1, $2, $3, 1, $4, $5)
ON CONFLICT (name) DO UPDATE
SET about = excluded.about,
    grants = excluded.grants,
    version = r.version + 1,
    changed_at = excluded.changed_at,
    changed_by = excluded.changed_by
RETURNING version;

-- name: hold_users_with_roles
-- Whether another user than $1, enabled or not, has one of these roles.
SELECT EXISTS (SELECT FROM identity.login WHERE user_id IS DISTINCT FROM $1 AND roles && $2::text[]);

-- name: insert_access_request
-- What somebody asked for, of a user as they are now; nothing where this very message asked before.
INSERT INTO identity.access_request (
    request_id, kind, user_id, access_version, roles, role_name, about, grants, rests_on, reason, requested_by, requested_at,
    status, decided_by, decided_at
)
VALUES (
    $1, $2, $3, (SELECT access_version FROM identity.login WHERE user_id = $3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
)
ON CONFLICT (request_id) DO NOTHING;

-- name: access_request
-- One request as it stands now.
SELECT * FROM identity.access_request_now WHERE request_id = $1;

-- name: access_requests
-- Requests before a number, newest first, with a status.
SELECT * FROM identity.access_request_now
WHERE ($1::bigint IS NULL OR seq < $1) AND ($2::text IS NULL OR status = $2)
ORDER BY seq DESC
LIMIT $3;

-- name: lock_access_request
-- Lets nobody else decide it until the commit; read it afterwards, in a statement of its own.
SELECT user_id, role_name FROM identity.access_request WHERE request_id = $1 FOR UPDATE;

-- name: decide_access_request
-- What became of it.
UPDATE identity.access_request SET status = $2, decided_by = $3, decided_at = $4, note = $5 WHERE request_id = $1;

-- name: invite
-- An invitation of a user who has not accepted one; the one before it is good for nothing any more.
INSERT INTO identity.invitation AS i (invitation_id, user_id, token_hash, invited_at, invited_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (user_id) DO UPDATE
SET invitation_id = excluded.invitation_id,
    token_hash = excluded.token_hash,
    invited_at = excluded.invited_at,
    invited_by = excluded.invited_by,
    expires_at = excluded.expires_at
WHERE i.accepted_at IS NULL
RETURNING user_id;

-- name: invitation_by_id
-- To whom an invitation that is good at $2 is to be mailed.
SELECT u.username, i.expires_at
FROM identity.invitation AS i
JOIN identity.login AS u USING (user_id)
WHERE i.invitation_id = $1 AND i.accepted_at IS NULL AND i.expires_at > $2 AND u.disabled_at IS NULL;

-- name: invitation_by_token
-- Whose invitation it is, if it is good at $2.
SELECT u.user_id, u.username
FROM identity.invitation AS i
JOIN identity.login AS u USING (user_id)
WHERE i.token_hash = $1 AND i.accepted_at IS NULL AND i.expires_at > $2 AND u.disabled_at IS NULL;

-- name: accept_invitation
-- The one use of an invitation; tells whose it was, if it was good at $2.
UPDATE identity.invitation SET accepted_at = $2
WHERE token_hash = $1 AND accepted_at IS NULL AND expires_at > $2
RETURNING user_id;

-- name: invitation_of
-- Whether a user was invited, and has not come yet.
SELECT EXISTS (SELECT FROM identity.invitation WHERE user_id = $1 AND accepted_at IS NULL);
