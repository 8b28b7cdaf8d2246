-- name: begin_session
-- A session; the same one where the login is handled a second time.
INSERT INTO identity.session (session_id, user_id, began_at, ends_at, device, address, last_used_at, authenticated_at, amr)
VALUES ($1, $2, $3, $4, $5, $6, $3, $3, $7)
ON CONFLICT (session_id) DO NOTHING;

-- name: forget_sessions
-- Sessions of a user that were over before $2; their tokens go with them.
DELETE FROM identity.session WHERE user_id = $1 AND (ends_at < $2 OR revoked_at < $2);

-- name: checked_session
-- A session that lives at $2, and what its user is now.
SELECT
    u.user_id, u.roles, u.member_id, u.branch, u.must_change_password, s.ends_at,
    coalesce(s.authenticated_at, s.began_at) AS authenticated_at, s.amr
FROM identity.session AS s
JOIN identity.login AS u USING (user_id)
WHERE s.session_id = $1 AND s.revoked_at IS NULL AND s.ends_at > $2 AND u.disabled_at IS NULL;

-- name: sessions
-- The sessions of a user that live at $2 and were used after $3, the last used first: the one that asks, $5, is used now.
SELECT
    session_id, device, address, began_at, ends_at,
    CASE WHEN session_id = $5 THEN $2 ELSE coalesce(last_used_at, began_at) END AS last_used_at
FROM identity.session
WHERE user_id = $1 AND revoked_at IS NULL AND ends_at > $2 AND coalesce(last_used_at, began_at) > $3
ORDER BY session_id IS NOT DISTINCT FROM $5 DESC, coalesce(last_used_at, began_at) DESC, session_id
LIMIT $4;

-- name: sessions_were_used
-- When sessions were used last. One that somebody has in hand, to end or to refresh it, is left: so this waits for nobody.
WITH used AS (
    SELECT s.session_id, u.at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS u (session_id, at)
    JOIN identity.session AS s USING (session_id)
    WHERE s.revoked_at IS NULL AND coalesce(s.last_used_at, s.began_at) < u.at
    FOR NO KEY UPDATE OF s SKIP LOCKED
)
UPDATE identity.session AS s SET last_used_at = used.at FROM used WHERE s.session_id = used.session_id;

-- name: session_was_used
-- It got new tokens.
UPDATE identity.session SET last_used_at = $2 WHERE session_id = $1;

-- name: revoke_session
-- Ends a session; how it ended first is what stays written. Its user, if it was one that lived.
UPDATE identity.session SET revoked_at = $2, revoked_because = $3 WHERE session_id = $1 AND revoked_at IS NULL
RETURNING user_id;

-- name: revoke_own_session
-- Ends a session of this user.
UPDATE identity.session SET revoked_at = $3, revoked_because = $4
WHERE session_id = $1 AND user_id = $2 AND revoked_at IS NULL
RETURNING session_id;

-- name: revoke_sessions
-- Ends all sessions of a user but $4; those that lived.
UPDATE identity.session SET revoked_at = $2, revoked_because = $3
WHERE user_id = $1 AND revoked_at IS NULL AND session_id IS DISTINCT FROM $4
RETURNING session_id;

-- name: end_surplus_sessions
-- Ends the living sessions of a user but the $4 that were used last.
UPDATE identity.session SET revoked_at = $2, revoked_because = $3
WHERE session_id IN (
    SELECT session_id FROM identity.session
    WHERE user_id = $1 AND revoked_at IS NULL AND ends_at > $2
    ORDER BY coalesce(last_used_at, began_at) DESC, session_id
    OFFSET $4
)
RETURNING session_id;
