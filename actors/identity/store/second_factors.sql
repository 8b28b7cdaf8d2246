-- name: factor
-- A user's authenticator.
SELECT sealed, confirmed_at, last_step, last_by, failures, locked_until FROM identity.totp WHERE user_id = $1;

-- name: lock_factor
-- A user's authenticator, which nobody else reads to change it until the commit: so a code counts once in all processes.
SELECT sealed, confirmed_at, last_step, last_by, failures, locked_until FROM identity.totp WHERE user_id = $1 FOR UPDATE;

-- name: has_factor
-- Whether a user who may log in must give a code for it.
SELECT EXISTS (
    SELECT FROM identity.totp AS t
    JOIN identity.login AS u USING (user_id)
    WHERE t.user_id = $1 AND t.confirmed_at IS NOT NULL AND u.disabled_at IS NULL
);

-- name: enrol
-- A new authenticator in place of one that was never confirmed; nothing where there is one in use.
INSERT INTO identity.totp AS t (user_id, sealed, enrolled_at) VALUES ($1, $2, $3)
ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, enrolled_at = excluded.enrolled_at WHERE t.confirmed_at IS NULL
RETURNING t.user_id;

-- name: confirm
-- From now on its codes are asked for.
UPDATE identity.totp SET confirmed_at = coalesce(confirmed_at, $2), last_step = $3, last_by = $4, failures = 0, locked_until = NULL
WHERE user_id = $1;

-- name: code_was_right
-- A code was accepted: it and older ones are used up, and wrong ones are forgiven. NULL: it was a recovery code.
UPDATE identity.totp
SET last_step = coalesce($2, last_step), last_by = coalesce($3, last_by), failures = 0, locked_until = NULL
WHERE user_id = $1;

-- name: code_was_wrong
-- One more wrong code, and until when none is looked at.
UPDATE identity.totp SET failures = $2, locked_until = $3 WHERE user_id = $1;

-- name: remove_factor
-- No authenticator any more.
DELETE FROM identity.totp WHERE user_id = $1;

-- name: recovery_code
-- Whether such a recovery code was given out, and what became of it.
SELECT used_at, used_by FROM identity.recovery_code WHERE user_id = $1 AND code_hash = $2;

-- name: use_recovery_code
-- A recovery code has had its one use.
UPDATE identity.recovery_code SET used_at = $3, used_by = $4 WHERE user_id = $1 AND code_hash = $2;

-- name: recovery_codes_left
-- How many recovery codes a user still has.
SELECT count(*) FROM identity.recovery_code WHERE user_id = $1 AND used_at IS NULL;

-- name: remove_recovery_codes
-- None of a user's recovery codes is good any more.
DELETE FROM identity.recovery_code WHERE user_id = $1;

-- name: insert_recovery_codes
-- New recovery codes.
INSERT INTO identity.recovery_code (user_id, code_hash) SELECT $1, unnest($2::bytea[]);

-- name: authenticate_session
-- The user of a session has proven anew who they are; nothing where the session is over.
UPDATE identity.session SET authenticated_at = $3, amr = $4
WHERE session_id = $1 AND user_id = $2 AND revoked_at IS NULL AND ends_at > $3
RETURNING session_id;

-- name: forget_second_factor
-- What the sessions of a user were begun with is worth a password only.
UPDATE identity.session SET amr = array_remove(amr, 'otp') WHERE user_id = $1 AND revoked_at IS NULL;
