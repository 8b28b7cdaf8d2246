-- What was said and is not yet known to have arrived.

-- name: keep
-- What nobody's turn said.
INSERT INTO runtime.outbox (actor, message_ids, receivers, envelopes) VALUES ($1, $2, $3, $4) RETURNING number;

-- name: mark_sent
-- The broker holds these; where nobody of us receives them they are settled with that.
UPDATE runtime.outbox
SET sent_at = now(), sent_times = sent_times + 1, settled_at = CASE WHEN receivers = '{}' THEN now() END
WHERE number = ANY($1::bigint[]);

-- name: left_behind
-- What a process that died left unsent, in order.
SELECT number, envelopes FROM runtime.outbox
WHERE sent_at IS NULL AND said_at < now() - make_interval(secs => $1)
ORDER BY number LIMIT $2;

-- name: one_sweeper
-- True for one process at a time, until the end of its transaction.
SELECT pg_try_advisory_xact_lock(hashtext('coffer outbox sweeper'));
