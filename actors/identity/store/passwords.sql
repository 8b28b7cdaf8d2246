-- name: password_of
-- The name, the password and the state of a user.
SELECT username, password_hash FROM identity.login WHERE user_id = $1 AND disabled_at IS NULL;

-- name: former_passwords
-- The last so many hashes that a user had before, the newest first.
SELECT password_hash FROM identity.former_password WHERE user_id = $1 ORDER BY replaced_at DESC LIMIT $2;

-- name: set_password
-- Another password for a user who still has the one that was read.
UPDATE identity.login SET password_hash = $3, must_change_password = false, version = version + 1
WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL
RETURNING user_id;

-- name: keep_former_password
-- The one that it replaced.
INSERT INTO identity.former_password (user_id, password_hash, replaced_at) VALUES ($1, $2, $3);

-- name: forget_former_passwords
-- Those that are older than the last so many.
DELETE FROM identity.former_password
WHERE user_id = $1 AND replaced_at < (
    SELECT min(f.replaced_at)
    FROM (SELECT replaced_at FROM identity.former_password WHERE user_id = $1 ORDER BY replaced_at DESC LIMIT $2) AS f
);

-- name: rehash_password
-- The same password under a costlier hash, but where another login holds the user too: they would wait for each other.
WITH alone AS (
    SELECT user_id FROM identity.login WHERE user_id = $1 AND password_hash = $2 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE identity.login AS u SET password_hash = $3 FROM alone WHERE u.user_id = alone.user_id RETURNING u.user_id;

-- name: require_password_change
-- Nothing else until it is changed.
UPDATE identity.login SET must_change_password = true, version = version + 1 WHERE user_id = $1;
