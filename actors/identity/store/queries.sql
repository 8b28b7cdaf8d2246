-- name: credentials
-- What a login is checked against.
SELECT user_id, password_hash FROM identity.login WHERE username = $1;

-- name: lock_who_logs_in
-- The user who gave the right password, if nothing has changed since it was read.
SELECT user_id, username, roles, member_id, disabled_at, must_change_password, branch, created_at, version
FROM identity.login
WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL
FOR SHARE;

-- name: insert_refresh_token
-- A refresh token of a session.
INSERT INTO identity.refresh_token (token_hash, session_id, salt, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: lock_session_of
-- Lets nobody else use a token of this session until the commit; read the token afterwards, in a statement of its own.
SELECT s.session_id
FROM identity.session AS s
WHERE s.session_id = (SELECT t.session_id FROM identity.refresh_token AS t WHERE t.token_hash = $1)
FOR UPDATE;

-- name: refresh_token
-- A refresh token with its session and user.
SELECT
    t.salt, t.expires_at, t.used_at, t.used_by,
    s.session_id, s.ends_at, s.revoked_at, s.amr, coalesce(s.authenticated_at, s.began_at) AS authenticated_at,
    u.user_id, u.username, u.roles, u.member_id, u.disabled_at, u.must_change_password, u.branch, u.created_at, u.version
FROM identity.refresh_token AS t
JOIN identity.session AS s USING (session_id)
JOIN identity.login AS u USING (user_id)
WHERE t.token_hash = $1;

-- name: token_expiry
-- When a token that was not used yet expires; nothing for one that was.
SELECT expires_at FROM identity.refresh_token WHERE token_hash = $1 AND used_at IS NULL;

-- name: use_refresh_token
-- A token has had its one use.
UPDATE identity.refresh_token SET used_at = $2, used_by = $3 WHERE token_hash = $1;

-- name: let_nobody_make_users
-- Until the commit, so that the first administrator is the first.
LOCK TABLE identity.login IN SHARE ROW EXCLUSIVE MODE;

-- name: any_user
-- Whether there is any user.
SELECT EXISTS (SELECT FROM identity.login);

-- name: insert_user
-- A new user; nothing where the name is taken or the member is linked to another.
INSERT INTO identity.login (user_id, username, password_hash, roles, member_id, created_at, must_change_password, branch, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)
ON CONFLICT DO NOTHING
RETURNING user_id;

-- name: user_by_id
-- One user.
SELECT user_id, username, roles, member_id, disabled_at, must_change_password, branch, created_at, version FROM identity.login WHERE user_id = $1;

-- name: user_by_name
-- One user.
SELECT user_id, username, roles, member_id, disabled_at, must_change_password, branch, created_at, version FROM identity.login WHERE username = $1;

-- name: lock_user
-- One user whom nobody else changes until the commit.
SELECT user_id, username, roles, member_id, disabled_at, must_change_password, branch, created_at, version FROM identity.login WHERE user_id = $1 FOR UPDATE;

-- name: lock_user_of_member
-- The user who is this member, whom nobody else changes until the commit.
SELECT user_id, username, roles, member_id, disabled_at, must_change_password, branch, created_at, version FROM identity.login WHERE member_id = $1 FOR UPDATE;

-- name: lock_administrators
-- All who can make users, who stay so until the commit. Before any other lock, so that two who remove one wait for each other.
SELECT user_id FROM identity.login WHERE 'admin' = ANY (roles) AND disabled_at IS NULL ORDER BY user_id FOR UPDATE;

-- name: change_user
-- New roles, member, branch or access of a user; who stays disabled keeps the time and the reason.
UPDATE identity.login
SET
    roles = $2,
    member_id = $3,
    branch = $7,
    disabled_at = CASE WHEN $4 THEN coalesce(disabled_at, $5) END,
    disabled_because = CASE WHEN $4 THEN coalesce($6, disabled_because) END,
    access_version = access_version + 1,
    version = version + 1
WHERE user_id = $1;

-- name: users
-- Users after a name: all, or oneself and those of a branch.
SELECT user_id, username, roles, member_id, disabled_at, must_change_password, branch, created_at, version
FROM identity.login
WHERE username > $1 AND ($3::boolean OR user_id = $4 OR branch = $5)
ORDER BY username
LIMIT $2;
