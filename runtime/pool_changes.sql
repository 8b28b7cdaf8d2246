-- How pools are, and what an operator changed in them.

-- name: living
-- Each pool in each process that told lately that it lives.
SELECT p.host, p.pid, p.seen_at, each.key AS pool, each.value AS state
FROM runtime.process AS p CROSS JOIN LATERAL jsonb_each(p.pools) AS each
WHERE p.seen_at > now() - $1::interval ORDER BY each.key, p.host, p.pid;

-- name: change
-- Writes changes of a pool down.
INSERT INTO runtime.pool_change (pool, setting, value, changed_by)
SELECT $1, key, value, $3 FROM jsonb_each($2::jsonb)
ON CONFLICT (pool, setting) DO UPDATE SET value = excluded.value, changed_by = $3, changed_at = now();

-- name: changes
-- The changes of a pool that hold.
SELECT setting, value FROM runtime.pool_change WHERE pool = $1;

-- name: reset
-- Lets the files decide about a pool again.
DELETE FROM runtime.pool_change WHERE pool = $1;

-- name: all_changes
-- Everything that an operator changed.
SELECT pool, setting, value FROM runtime.pool_change;
