-- Keys that wait for a retry, what queues behind them, and how often each message was tried.

-- name: count_start
-- A redelivered message is begun; how often it was.
INSERT INTO runtime.attempt (actor, message_id, starts) VALUES ($1, $2, 1)
ON CONFLICT (actor, message_id) DO UPDATE SET starts = attempt.starts + 1, last_at = now() RETURNING starts;

-- name: count_failure
-- A fault of a message; how many it had.
INSERT INTO runtime.attempt (actor, message_id, failures, error) VALUES ($1, $2, 1, $3)
ON CONFLICT (actor, message_id) DO UPDATE SET failures = attempt.failures + 1, error = $3, last_at = now()
RETURNING failures;

-- name: uncount_start
-- The turn ended, in whatever way, and the process lives.
UPDATE runtime.attempt SET starts = greatest(starts - 1, 0) WHERE actor = $1 AND message_id = $2;

-- name: park_key
-- Lets a key wait; one that waits already stays as it is.
INSERT INTO runtime.parked_key (actor, key, due_at, reason) VALUES ($1, $2, now() + $3, $4)
ON CONFLICT (actor, key) DO NOTHING;

-- name: park_message
-- Puts a message behind the others of its key, once.
INSERT INTO runtime.parked_message (actor, key, message_id, envelope) VALUES ($1, $2, $3, $4)
ON CONFLICT (actor, message_id) DO NOTHING;

-- name: lock_key
-- The parked key, kept from everybody else until the end of the transaction.
SELECT held FROM runtime.parked_key WHERE actor = $1 AND key = $2 FOR UPDATE;

-- name: take_due
-- Keys whose time has come, taken for the length of a lease.
UPDATE runtime.parked_key SET due_at = now() + $2
WHERE (actor, key) IN (
    SELECT actor, key FROM runtime.parked_key WHERE actor = $1 AND due_at <= now() AND NOT held
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
) RETURNING key, tries;

-- name: head
-- The first message that waits under a key, and whether it may have been begun.
SELECT m.envelope, coalesce(a.failures + a.starts, 0) > 0 AS begun
FROM runtime.parked_key AS k
JOIN runtime.parked_message AS m ON m.actor = k.actor AND m.key = k.key
LEFT JOIN runtime.attempt AS a ON a.actor = m.actor AND a.message_id = m.message_id
WHERE k.actor = $1 AND k.key = $2 AND NOT k.held ORDER BY m.position LIMIT 1;

-- name: remove
-- The message no longer waits.
DELETE FROM runtime.parked_message WHERE actor = $1 AND message_id = $2;

-- name: unpark
-- Frees a key behind which nothing waits.
DELETE FROM runtime.parked_key WHERE actor = $1 AND key = $2
AND NOT EXISTS (SELECT FROM runtime.parked_message WHERE actor = $1 AND key = $2);

-- name: hold
-- Keeps a key until an operator has decided.
INSERT INTO runtime.parked_key (actor, key, due_at, reason, held) VALUES ($1, $2, now(), $3, true)
ON CONFLICT (actor, key) DO UPDATE SET reason = $3, held = true;

-- name: release
-- Lets a key go on that was held because of one message.
UPDATE runtime.parked_key SET held = false, due_at = now(), tries = 0, reason = 'released'
WHERE actor = $1 AND key = $2 AND held AND reason = $3;

-- name: put_first
-- Puts a message before the others of its key, once.
INSERT INTO runtime.parked_message (actor, key, position, message_id, envelope) OVERRIDING SYSTEM VALUE
SELECT $1, $2, coalesce(min(position), 1) - 1, $3, $4 FROM runtime.parked_message WHERE actor = $1 AND key = $2
ON CONFLICT (actor, message_id) DO NOTHING;

-- name: put_off
-- Tries a key's head again later.
UPDATE runtime.parked_key SET due_at = now() + $3, tries = $4, reason = $5 WHERE actor = $1 AND key = $2;
