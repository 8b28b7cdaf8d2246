-- name: begin_reset
-- A reset for an enabled user, in place of an earlier one; nothing where the user is disabled. The same again changes nothing.
INSERT INTO identity.password_reset (user_id, reset_id, token_hash, requested_at, expires_at)
SELECT u.user_id, $2, $3, $4, $5 FROM identity.login AS u WHERE u.user_id = $1 AND u.disabled_at IS NULL
ON CONFLICT (user_id) DO UPDATE
SET reset_id = excluded.reset_id, token_hash = excluded.token_hash, requested_at = excluded.requested_at,
    expires_at = excluded.expires_at, used_at = NULL
RETURNING user_id;

-- name: reset_by_id
-- A reset that can still be used, and whom it is for.
SELECT u.username, r.expires_at
FROM identity.password_reset AS r
JOIN identity.login AS u USING (user_id)
WHERE r.reset_id = $1 AND r.used_at IS NULL AND r.expires_at > $2 AND u.disabled_at IS NULL;

-- name: reset_by_token
-- A reset that can still be used, and whom it is for.
SELECT u.user_id, u.username, u.password_hash, r.expires_at
FROM identity.password_reset AS r
JOIN identity.login AS u USING (user_id)
WHERE r.token_hash = $1 AND r.used_at IS NULL AND r.expires_at > $2 AND u.disabled_at IS NULL;

-- name: use_reset
-- Its one use.
UPDATE identity.password_reset SET used_at = $2
WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
RETURNING user_id;
