-- What the reconciler asks and writes: which messages that were sent are not known to have arrived.

-- name: one_reconciler
-- True for one process at a time, until the end of its transaction.
SELECT pg_try_advisory_xact_lock(hashtext('coffer reconciler'));

-- name: unsettled
-- Rows after a number that were sent long enough ago to have arrived.
SELECT number FROM runtime.outbox
WHERE settled_at IS NULL AND sent_at < now() - $1::interval AND number > $2 ORDER BY number LIMIT $3;

-- name: missing
-- Of these rows, each message and receiver that has not got it: in no inbox, parked nowhere, no dead letter.
SELECT o.number, m.message_id, r.receiver, extract(epoch FROM now() - o.sent_at)::float8 AS sent_seconds_ago
FROM runtime.outbox AS o
CROSS JOIN LATERAL unnest(o.message_ids, o.receivers) AS m (message_id, receivers)
CROSS JOIN LATERAL unnest(string_to_array(m.receivers, ',')) AS r (receiver)
WHERE o.number = ANY($1::bigint[])
    AND NOT EXISTS (SELECT FROM runtime.inbox AS i WHERE i.message_id = m.message_id AND i.actor = r.receiver)
    AND NOT EXISTS (SELECT FROM runtime.parked_message AS p WHERE p.message_id = m.message_id AND p.actor = r.receiver)
    AND NOT EXISTS (SELECT FROM runtime.dead_letter AS d WHERE d.message_id = m.message_id AND d.actor = r.receiver)
ORDER BY o.number;

-- name: settle
-- Every receiver has them.
UPDATE runtime.outbox SET settled_at = now() WHERE number = ANY($1::bigint[]);

-- name: envelopes
-- What these rows said.
SELECT number, envelopes FROM runtime.outbox WHERE number = ANY($1::bigint[]);

-- name: unsend
-- Let the sweeper publish again whatever is not known to have arrived.
UPDATE runtime.outbox SET sent_at = NULL, said_at = now() - interval '1 minute' WHERE settled_at IS NULL;

-- name: said_since
-- What was said lately, in order, a page at a time.
SELECT number, envelopes FROM runtime.outbox WHERE said_at > now() - $1::interval AND number > $2 ORDER BY number LIMIT $3;

-- name: one_mender
-- True for one process at a time, until it says that it is done or its session ends.
SELECT pg_try_advisory_lock(hashtext('coffer broker'));

-- name: mender_is_done
-- The next one may look.
SELECT pg_advisory_unlock(hashtext('coffer broker'));
