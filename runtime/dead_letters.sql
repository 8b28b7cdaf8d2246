-- Messages that could not be handled: kept, shown, resolved.

-- name: keep
-- A message with the attempts that were counted for it.
INSERT INTO runtime.dead_letter (id, actor, message_id, type, key, reason, error, attempts, first_at, last_at, envelope)
SELECT $1, $2, $3, $4, $5, $6, $7, coalesce(a.failures + a.starts, $8), coalesce(a.first_at, now()), now(), $9
FROM (SELECT 1) AS one LEFT JOIN runtime.attempt AS a ON a.actor = $2 AND a.message_id = $3;

-- name: waiting_letters
-- How many letters of a mailbox wait for an operator; counted up to $2.
SELECT count(*) FROM (SELECT FROM runtime.dead_letter WHERE state = 'dead' AND actor = $1 LIMIT $2) AS waiting;

-- name: listed
-- A page of dead letters, the last ones first.
SELECT * FROM runtime.dead_letter
WHERE state = $1 AND ($2::text IS NULL OR actor = $2) AND ($3::timestamptz IS NULL OR (last_at, id) < ($3, $4::uuid))
ORDER BY last_at DESC, id DESC LIMIT $5;

-- name: resolve
-- Marks a dead letter as replayed or discarded, once.
UPDATE runtime.dead_letter SET state = $2, note = $3, resolved_by = $4, resolved_at = now()
WHERE id = $1 AND state = 'dead' RETURNING *;

-- name: shown
-- One dead letter, whatever its state.
SELECT * FROM runtime.dead_letter WHERE id = $1;

-- name: forget_attempts
-- Lets a replayed message begin anew.
DELETE FROM runtime.attempt WHERE actor = $1 AND message_id = $2;
