-- name: business_date
-- The business date, if it was ever set.
SELECT business_date, changed_at, changed_by FROM close_of_business.business_date;

-- name: lock_business_date
-- The business date, which nobody else moves until the commit.
SELECT business_date FROM close_of_business.business_date FOR UPDATE;

-- name: set_business_date
-- Moves the business date, unless it is no longer $4; a trigger refuses to move it back.
INSERT INTO close_of_business.business_date AS now (business_date, changed_at, changed_by)
VALUES ($1, $2, $3)
ON CONFLICT (is_only) DO UPDATE SET business_date = $1, changed_at = $2, changed_by = $3 WHERE now.business_date = $4::date
RETURNING true;

-- name: note_date_change
-- A line of the date's history.
INSERT INTO close_of_business.date_change (business_date, before, changed_at, changed_by) VALUES ($1, $2, $3, $4);

-- name: insert_run
-- A new run, under way; nothing where another one is.
INSERT INTO close_of_business.run (
    run_id, business_date, loan_id, is_dry_run, advance, status, phase, start, round, round_closed, next_page,
    total, closed, already_closed, figures, buckets, worked_seconds, posts, accrual_entry_ids, started_by, started_at
)
VALUES ($1, $2, $3, $4, $5, 'running', 'listing', 1, 1, 0, 1, 0, 0, 0, '{}', '{}', 0, 0, '{}', $6, $7)
ON CONFLICT (status) WHERE status = 'running' DO NOTHING
RETURNING true;

-- name: running
-- The run that is under way.
SELECT run_id FROM close_of_business.run WHERE status = 'running';

-- name: work
-- How far a run is.
SELECT
    run_id, business_date, loan_id, is_dry_run, advance, status, phase, start, round, round_closed, next_page, list_cursor, posts
FROM close_of_business.run WHERE run_id = $1;

-- name: lock_run
-- Lets nobody else write a run's next step until the commit; read it afterwards, in a statement of its own.
SELECT FROM close_of_business.run WHERE run_id = $1 FOR UPDATE;

-- name: keep_page
-- Loans that are to be closed.
INSERT INTO close_of_business.page (run_id, number, loan_ids) VALUES ($1, $2, $3);

-- name: note_listed
-- Where the next listing begins, and how many loans were found that had not been tried before.
UPDATE close_of_business.run
SET seen_at = clock_timestamp(), next_page = next_page + $2, list_cursor = $3, phase = $4, worked_seconds = worked_seconds + $6,
    total = total + (
        SELECT count(*) FROM unnest($5::uuid[]) AS found (loan_id)
        WHERE NOT EXISTS (
            SELECT FROM close_of_business.failure AS f WHERE f.run_id = $1 AND f.loan_id = found.loan_id
        )
    )
WHERE run_id = $1;

-- name: first_page
-- The next loans to close, counted as tried.
UPDATE close_of_business.page SET tries = tries + 1
WHERE run_id = $1 AND number = (SELECT min(number) FROM close_of_business.page WHERE run_id = $1)
RETURNING number, loan_ids, tries;

-- name: take_page
-- Whether nobody else has counted this page.
DELETE FROM close_of_business.page WHERE run_id = $1 AND number = $2 RETURNING true;

-- name: sums
-- What was counted so far.
SELECT figures, buckets FROM close_of_business.run WHERE run_id = $1;

-- name: note_closed
-- What a page came to.
UPDATE close_of_business.run
SET seen_at = clock_timestamp(), closed = closed + $2, already_closed = already_closed + $3, round_closed = round_closed + $2 + $3,
    figures = $4, buckets = $5, worked_seconds = worked_seconds + $6
WHERE run_id = $1;

-- name: note_failures
-- Loans that could not be closed, each with its latest reason.
INSERT INTO close_of_business.failure (run_id, loan_id, rule, detail)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[])
ON CONFLICT (run_id, loan_id) DO UPDATE SET rule = excluded.rule, detail = excluded.detail;

-- name: forget_failures
-- Loans that could be closed after all.
DELETE FROM close_of_business.failure WHERE run_id = $1 AND loan_id = ANY($2::uuid[]);

-- name: begin_phase
-- What the run does next; a listing begins a new round.
UPDATE close_of_business.run
SET seen_at = clock_timestamp(), phase = $2, list_cursor = NULL,
    round = round + CASE WHEN $2 = 'listing' THEN 1 ELSE 0 END,
    round_closed = CASE WHEN $2 = 'listing' THEN 0 ELSE round_closed END
WHERE run_id = $1;

-- name: note_posted
-- More of the ledger's entries of what was accrued.
UPDATE close_of_business.run
SET seen_at = clock_timestamp(), phase = $2, posts = posts + 1,
    accrual_entry_ids = accrual_entry_ids || $3::uuid[], worked_seconds = worked_seconds + $4
WHERE run_id = $1;

-- name: pause
-- Lets a run rest.
UPDATE close_of_business.run SET status = 'paused', note = $2 WHERE run_id = $1 AND status = 'running' RETURNING true;

-- name: start_again
-- Lets a run go on; what was begun before ends by the new start.
UPDATE close_of_business.run
SET status = 'running', note = NULL, start = start + 1, seen_at = clock_timestamp()
WHERE run_id = $1
RETURNING start;

-- name: is_forgotten
-- Whether nobody has worked on a run for so long.
SELECT seen_at < clock_timestamp() - $2::interval FROM close_of_business.run WHERE run_id = $1;

-- name: end_run
-- The run is over.
UPDATE close_of_business.run
SET ended_at = $2,
    status = CASE
        WHEN EXISTS (SELECT FROM close_of_business.failure AS f WHERE f.run_id = $1) THEN 'incomplete'
        ELSE 'completed'
    END
WHERE run_id = $1;

-- name: run_by_id
-- One run with the first of its failures.
SELECT
    r.run_id, r.business_date, r.loan_id, r.is_dry_run, r.advance, r.status, r.phase, r.note, r.total, r.closed,
    r.already_closed, r.figures, r.buckets, r.worked_seconds, r.accrual_entry_ids, r.started_by, r.started_at, r.ended_at, r.seq,
    (SELECT count(*) FROM close_of_business.failure AS f WHERE f.run_id = r.run_id) AS failed,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(f)), '[]')
        FROM (
            SELECT loan_id, rule, detail FROM close_of_business.failure AS each
            WHERE each.run_id = r.run_id ORDER BY loan_id LIMIT $2
        ) AS f
    ) AS failures
FROM close_of_business.run AS r
WHERE r.run_id = $1;

-- name: runs
-- Runs, newest first.
SELECT
    r.run_id, r.business_date, r.loan_id, r.is_dry_run, r.advance, r.status, r.phase, r.note, r.total, r.closed,
    r.already_closed, r.figures, r.buckets, r.worked_seconds, r.accrual_entry_ids, r.started_by, r.started_at, r.ended_at, r.seq,
    (SELECT count(*) FROM close_of_business.failure AS f WHERE f.run_id = r.run_id) AS failed, '[]'::jsonb AS failures
FROM close_of_business.run AS r
WHERE ($1::bigint IS NULL OR r.seq < $1) AND ($2::text IS NULL OR r.status = $2)
ORDER BY r.seq DESC
LIMIT $3;
