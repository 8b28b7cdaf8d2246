-- What was handled, and what was said, by turns.

-- name: lookup
-- Those of the messages that the actor has handled, with the reply each got; and those of the keys that wait for a retry.
SELECT message_id, fingerprint, kind, reply, NULL AS key
FROM runtime.inbox WHERE actor = $1 AND message_id = ANY($2::uuid[])
UNION ALL
SELECT NULL, NULL, NULL, NULL, key FROM runtime.parked_key WHERE actor = $1 AND key = ANY($3::text[]);

-- name: record
-- What a turn handled, and what it said as one row; the number of that row.
WITH handled AS (
    INSERT INTO runtime.inbox (actor, message_id, fingerprint, kind, reply)
    SELECT $1, * FROM unnest($2::uuid[], $3::bytea[], $4::text[], $5::bytea[])
)
INSERT INTO runtime.outbox (actor, message_ids, receivers, envelopes)
SELECT $1, $6::uuid[], $7::text[], $8::bytea WHERE cardinality($6::uuid[]) > 0
RETURNING number;
