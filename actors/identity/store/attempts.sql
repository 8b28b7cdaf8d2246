-- name: lock_attempts
-- What failed in this bucket, which nobody else counts in until the commit; a row for it where there is none.
INSERT INTO identity.failed_attempt AS f (kind, bucket, failures, last_at) VALUES ($1, $2, 0, $3)
ON CONFLICT (kind, bucket) DO UPDATE SET kind = f.kind
RETURNING failures, last_at, locked_until;

-- name: attempts
-- What failed in this bucket.
SELECT failures, last_at, locked_until FROM identity.failed_attempt WHERE kind = $1 AND bucket = $2;

-- name: count_attempt
-- One more failed, or is being tried.
UPDATE identity.failed_attempt SET failures = $3, last_at = $4, locked_until = $5 WHERE kind = $1 AND bucket = $2;

-- name: forget_attempts
-- Nothing failed here any more; the row goes when it is old.
UPDATE identity.failed_attempt SET failures = 0, locked_until = NULL WHERE kind = $1 AND bucket = $2;

-- name: clean_attempts
-- Some of those that are too long ago to count.
DELETE FROM identity.failed_attempt
WHERE (kind, bucket) IN (
    SELECT kind, bucket FROM identity.failed_attempt WHERE last_at < $1 ORDER BY last_at LIMIT 100 FOR UPDATE SKIP LOCKED
);
