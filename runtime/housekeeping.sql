-- What a process of actors does beside turns.

-- name: say
-- What timers made due, as a turn would have said it; the row's number.
INSERT INTO runtime.outbox (actor, message_ids, receivers, envelopes) VALUES ('timer', $1, $2, $3) RETURNING number;

-- name: tell
-- A process lives, and its pools are so.
INSERT INTO runtime.process (id, host, pid, pools) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET pools = $4, seen_at = now();

-- name: forget
-- A process ends.
DELETE FROM runtime.process WHERE id = $1;

-- name: clean_inbox
-- Answers that nobody asks for again.
DELETE FROM runtime.inbox WHERE handled_at < now() - $1::interval;

-- name: clean_outbox
-- What everybody has had for long.
DELETE FROM runtime.outbox WHERE settled_at < now() - $1::interval;

-- name: clean_attempts
-- Attempts at messages that are long over.
DELETE FROM runtime.attempt WHERE last_at < now() - $1::interval;

-- name: clean_processes
-- Processes that ended without a word.
DELETE FROM runtime.process WHERE seen_at < now() - $1::interval;
