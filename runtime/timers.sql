-- Commands that are kept until their time.

-- name: keep
-- Keeps commands until they are due.
INSERT INTO runtime.timer (id, due_at, envelope)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::jsonb[])
ON CONFLICT (id) DO NOTHING;

-- name: take_due
-- Takes what is due, the earliest first.
DELETE FROM runtime.timer WHERE id IN (
    SELECT id FROM runtime.timer WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
) RETURNING due_at, envelope;
