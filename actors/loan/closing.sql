-- name: keep_standing
-- How the loan stands from a date on, and so on the dates after it that were spoken of before.
WITH later AS (
    UPDATE loan.standing SET status = $3, principal_outstanding = $4, past_due_since = $5, bucket = $6
    WHERE loan_id = $1 AND from_date > $2
)
INSERT INTO loan.standing (loan_id, from_date, status, principal_outstanding, past_due_since, bucket)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (loan_id, from_date) DO UPDATE
SET status = $3, principal_outstanding = $4, past_due_since = $5, bucket = $6;

-- name: loan_to_close
-- What the close of a day needs to know of a loan.
SELECT
    l.loan_id, l.member_id, l.product_id, l.product_version, l.currency, l.status, l.account_id, l.closed_through,
    l.principal_outstanding, l.interest_outstanding, l.fees_outstanding, l.penalties_outstanding, l.past_due_since, l.bucket,
    l.disbursed_on, l.version, b.book, p.message_id AS pending_message_id
FROM loan.loan AS l
LEFT JOIN loan.book AS b ON b.loan_id = l.loan_id
LEFT JOIN loan.pending AS p ON p.loan_id = l.loan_id
WHERE l.loan_id = $1;

-- name: close_day
-- The loan after a close, unless somebody else changed it since it was looked at; its book, where it says more than a date, and the
-- lines of what was earned. One statement, because a close is made of little else than round trips.
WITH closed AS (
    UPDATE loan.loan SET
        status = $3, account_id = $4, disbursed_on = $5, closed_through = $6, principal_disbursed = $7,
        principal_outstanding = $8, interest_outstanding = $9, fees_outstanding = $10, penalties_outstanding = $11,
        past_due_since = $12, bucket = $13, provision_percent = $14, version = version + 1
    WHERE loan_id = $1 AND version = $2
    RETURNING loan_id, currency
), kept AS (
    UPDATE loan.book AS b SET book = $15::json FROM closed WHERE b.loan_id = closed.loan_id AND $15::json IS NOT NULL
), earned AS (
    INSERT INTO loan.line (loan_id, on_date, role, account_id, currency, amount)
    SELECT closed.loan_id, $6, line.role, line.account_id, closed.currency, line.amount
    FROM closed, unnest($16::text[], $17::uuid[], $18::bigint[]) AS line (role, account_id, amount)
)
SELECT true FROM closed;

-- name: lock_to_close
-- Of these loans those that nobody is at work on; nobody will be until the commit.
SELECT loan_id FROM loan.loan WHERE loan_id = ANY($1::uuid[]) ORDER BY loan_id FOR UPDATE SKIP LOCKED;

-- name: loans_to_close
-- What the close of a day needs to know of many loans. Not in the statement that locks them: that one would not see what was
-- committed while it waited.
SELECT
    l.loan_id, l.member_id, l.product_id, l.product_version, l.currency, l.status, l.account_id, l.closed_through,
    l.principal_outstanding, l.interest_outstanding, l.fees_outstanding, l.penalties_outstanding, l.past_due_since, l.bucket,
    l.disbursed_on, l.version, b.book, p.message_id AS pending_message_id
FROM loan.loan AS l
LEFT JOIN loan.book AS b ON b.loan_id = l.loan_id
LEFT JOIN loan.pending AS p ON p.loan_id = l.loan_id
WHERE l.loan_id = ANY($1::uuid[])
ORDER BY l.loan_id;

-- name: close_days
-- As close_day, for many loans that are locked.
WITH closed AS (
    UPDATE loan.loan AS l SET
        status = n.status, closed_through = $2, principal_outstanding = n.principal, interest_outstanding = n.interest,
        fees_outstanding = n.fees, penalties_outstanding = n.penalties, past_due_since = n.past_due_since, bucket = n.bucket,
        provision_percent = n.provision_percent, version = version + 1
    FROM unnest($1::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::date[], $9::text[], $10::numeric[])
        AS n (loan_id, status, principal, interest, fees, penalties, past_due_since, bucket, provision_percent)
    WHERE l.loan_id = n.loan_id
), kept AS (
    UPDATE loan.book AS b SET book = n.book
    FROM unnest($11::uuid[], $12::json[]) AS n (loan_id, book)
    WHERE b.loan_id = n.loan_id
)
INSERT INTO loan.line (loan_id, on_date, role, account_id, currency, amount)
SELECT n.loan_id, $2, n.role, n.account_id, n.currency, n.amount
FROM unnest($13::uuid[], $14::text[], $15::uuid[], $16::text[], $17::bigint[]) AS n (loan_id, role, account_id, currency, amount);

-- name: open_loans
-- Loans for which a date is not closed, by id.
SELECT loan_id FROM loan.loan
WHERE
    status IN ('active', 'in_arrears', 'charged_off')
    AND loan_id > $2
    AND disbursed_on <= $1
    AND (closed_through IS NULL OR closed_through < $1)
ORDER BY loan_id
LIMIT $3;

-- name: untold
-- Entries that were decided and are not known to be told.
SELECT entry_id, on_date, currency, lines, postings FROM loan.telling WHERE told_at IS NULL ORDER BY on_date, entry_id;

-- name: next_to_tell
-- The date and currency of the oldest lines that are not told.
SELECT on_date, currency FROM loan.line WHERE entry_id IS NULL AND on_date <= $1 ORDER BY on_date, currency LIMIT 1;

-- name: decide_telling
-- Takes lines of one date and currency together into an entry, all of each loan, so that they balance; summed by account.
WITH last AS (
    SELECT loan_id FROM loan.line
    WHERE entry_id IS NULL AND on_date = $2 AND currency = $3
    ORDER BY loan_id
    OFFSET $4 LIMIT 1
), told AS (
    UPDATE loan.line SET entry_id = $1
    WHERE
        entry_id IS NULL AND on_date = $2 AND currency = $3
        AND loan_id <= coalesce((SELECT loan_id FROM last), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    RETURNING account_id, amount
), summed AS (
    SELECT account_id, sum(amount)::bigint AS amount FROM told GROUP BY account_id
)
INSERT INTO loan.telling (entry_id, on_date, currency, lines, postings)
SELECT
    $1, $2, $3, (SELECT count(*) FROM told),
    coalesce(
        jsonb_agg(jsonb_build_object('account_id', account_id, 'amount', amount) ORDER BY account_id)
        FILTER (WHERE amount <> 0), '[]'
    )
FROM summed
RETURNING entry_id, on_date, currency, lines, postings;

-- name: note_told
-- The ledger has the entry.
UPDATE loan.telling SET told_at = $2 WHERE entry_id = $1;
