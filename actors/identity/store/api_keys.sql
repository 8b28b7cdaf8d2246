-- name: count_keys
-- How many keys of a user are good.
SELECT count(*) FROM identity.api_key WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2;

-- name: insert_key
-- A new key. The same message said again gets a fresh secret, because nobody has seen the first.
INSERT INTO identity.api_key (api_key_id, user_id, name, prefix, key_hash, permissions, made_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (api_key_id) DO UPDATE SET prefix = excluded.prefix, key_hash = excluded.key_hash
RETURNING
    api_key_id, user_id, name, prefix, permissions, made_at, expires_at, last_used_at, revoked_at, revoked_because;

-- name: key_holder
-- Whose a key is, while the key is good and its user may log in.
SELECT
    k.api_key_id, k.permissions, k.expires_at, u.user_id, u.roles, u.member_id, u.branch,
    EXISTS (SELECT FROM identity.totp AS t WHERE t.user_id = u.user_id AND t.confirmed_at IS NOT NULL) AS has_second_factor
FROM identity.api_key AS k
JOIN identity.login AS u USING (user_id)
WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND k.expires_at > $2 AND u.disabled_at IS NULL
    AND NOT u.must_change_password;

-- name: were_used
-- When keys were used last. One that somebody has in hand, to end it, is left: so this waits for nobody.
WITH used AS (
    SELECT k.api_key_id, u.at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS u (api_key_id, at)
    JOIN identity.api_key AS k USING (api_key_id)
    WHERE k.last_used_at IS NULL OR k.last_used_at < u.at
    FOR NO KEY UPDATE OF k SKIP LOCKED
)
UPDATE identity.api_key AS k SET last_used_at = used.at FROM used WHERE k.api_key_id = used.api_key_id;

-- name: lock_key
-- A key that nobody else revokes until the commit.
SELECT
    api_key_id, user_id, name, prefix, permissions, made_at, expires_at, last_used_at, revoked_at, revoked_because
FROM identity.api_key
WHERE api_key_id = $1
FOR UPDATE;

-- name: revoke_key
-- A key is good no more.
UPDATE identity.api_key SET revoked_at = $2, revoked_because = $3 WHERE api_key_id = $1 AND revoked_at IS NULL;

-- name: revoke_keys_of
-- None of a user's keys is good any more. Which were until now.
UPDATE identity.api_key SET revoked_at = $2, revoked_because = $3
WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
RETURNING api_key_id;

-- name: keys
-- The keys of a user, or of all, the newest first, from a position on.
SELECT
    api_key_id, user_id, name, prefix, permissions, made_at, expires_at, last_used_at, revoked_at, revoked_because
FROM identity.api_key
WHERE ($1::uuid IS NULL OR user_id = $1) AND (made_at, api_key_id) < ($2, $3)
ORDER BY made_at DESC, api_key_id DESC
LIMIT $4;
