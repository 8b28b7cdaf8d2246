-- name: keep_product
-- A version of a product, as it will stay.
INSERT INTO loan.product (product_id, version, product) VALUES ($1, $2, $3) ON CONFLICT (product_id, version) DO NOTHING;

-- name: product
-- A version of a product that a loan was applied for under.
SELECT product FROM loan.product WHERE product_id = $1 AND version = $2;

-- name: is_booked_to
-- Whether some product books its loans' receivables, income or losses to an account: a row per version of a product.
SELECT EXISTS (
    SELECT FROM loan.product AS p
    CROSS JOIN LATERAL jsonb_each_text(p.product #> '{rules,accounting}') AS booked
    WHERE booked.value = $1 AND booked.key NOT IN ('cash', 'external_payments')
);

-- name: insert_loan
-- A new draft.
INSERT INTO loan.loan (
    loan_id, member_id, group_id, product_id, product_version, currency, status, approved, settlement_account_id
)
VALUES ($1, $2, $3, $4, $5, $6, 'draft', $7, $8);

-- name: insert_application
-- What was applied for.
INSERT INTO loan.application (loan_id, terms, purpose, created_by, created_at) VALUES ($1, $2, $3, $4, $5);

-- name: loans_by_id
-- Loans with their applications, their books, what is being decided about them, and for each a transaction of it that may have been
-- done already; with the institution's date. One statement, so that all of it is of one moment.
SELECT
    l.loan_id, l.seq, l.member_id, l.group_id, l.product_id, l.product_version, l.currency, l.status, l.approved,
    l.settlement_account_id, l.account_id, l.disbursed_on, l.closed_through, l.last_number, l.version,
    a.terms, a.purpose, a.submitted_by, a.approved_by, a.reason, a.created_at,
    b.book, p.message_id AS pending_message_id, p.decision AS pending,
    (SELECT t.change FROM loan.transaction AS t WHERE t.transaction_id = asked.transaction_id) AS done,
    (SELECT business_date FROM reporting.business_date) AS business_date
FROM unnest($1::uuid[], $2::uuid[]) AS asked (loan_id, transaction_id)
JOIN loan.loan AS l ON l.loan_id = asked.loan_id
JOIN loan.application AS a ON a.loan_id = l.loan_id
LEFT JOIN loan.book AS b ON b.loan_id = l.loan_id
LEFT JOIN loan.pending AS p ON p.loan_id = l.loan_id;

-- name: lock_loan
-- Lets nobody else change the loan until the commit; read it afterwards, in a statement of its own.
SELECT FROM loan.loan WHERE loan_id = $1 FOR NO KEY UPDATE;

-- name: loans
-- Loans before a number, newest first, each with its book; all, or those of whom a permission reaches.
SELECT
    l.loan_id, l.seq, l.member_id, l.group_id, l.product_id, l.product_version, l.currency, l.status, l.approved,
    l.settlement_account_id, l.account_id, l.disbursed_on, l.closed_through, l.last_number, l.version,
    a.terms, a.purpose, a.submitted_by, a.approved_by, a.reason, a.created_at,
    b.book, NULL::uuid AS pending_message_id, NULL::jsonb AS pending, NULL::json AS done,
    (SELECT business_date FROM reporting.business_date) AS business_date
FROM loan.loan AS l
JOIN loan.application AS a ON a.loan_id = l.loan_id
LEFT JOIN loan.book AS b ON b.loan_id = l.loan_id
WHERE
    ($1::bigint IS NULL OR l.seq < $1)
    AND ($2::uuid IS NULL OR l.member_id = $2)
    AND ($3::text IS NULL OR l.status = $3)
    AND ($4::uuid IS NULL OR l.product_id = $4)
    AND ($6::boolean OR l.member_id IN (SELECT w.member_id FROM reporting.members_within_reach($7, $8, $9) AS w))
ORDER BY l.seq DESC
LIMIT $5;

-- name: change_application
-- Other amounts and dates of a draft.
WITH changed AS (
    UPDATE loan.loan SET approved = $2, settlement_account_id = $3, version = version + 1 WHERE loan_id = $1
)
UPDATE loan.application SET terms = $4, purpose = $5 WHERE loan_id = $1;

-- name: change_status
-- Another status of a loan whose money does not move, and who or why, where it says so.
WITH changed AS (
    UPDATE loan.loan SET status = $2, version = version + 1 WHERE loan_id = $1
)
UPDATE loan.application
SET submitted_by = coalesce($3, submitted_by), approved_by = coalesce($4, approved_by), reason = coalesce($5, reason)
WHERE loan_id = $1;

-- name: touch_loan
-- A new version, because something that belongs to the loan has changed.
UPDATE loan.loan SET version = version + 1 WHERE loan_id = $1;

-- name: documents
-- The documents that were seen.
SELECT loan_id, name, reference FROM loan.document WHERE loan_id = ANY($1::uuid[]) ORDER BY name;

-- name: record_document
-- A document that was seen, or seen again.
INSERT INTO loan.document (loan_id, name, reference, seen_by, seen_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (loan_id, name) DO UPDATE SET reference = $3, seen_by = $4, seen_at = $5;

-- name: guarantors
-- Who answers for loans.
SELECT loan_id, guarantor_id, member_id, group_id, amount FROM loan.guarantor
WHERE loan_id = ANY($1::uuid[]) AND removed_at IS NULL
ORDER BY added_at, guarantor_id;

-- name: wait_for_exposure
-- One at a time adds to what a member or a group guarantees; held until the commit.
SELECT pg_advisory_xact_lock(hashtextextended('loan.guarantor ' || who, 0))
FROM unnest($1::text[]) AS who ORDER BY who;

-- name: exposure
-- What a member, and what the members of a group, guarantee in all loans that are not over.
SELECT
    coalesce(sum(g.amount) FILTER (WHERE g.member_id = $1), 0)::bigint AS by_member,
    coalesce(sum(g.amount) FILTER (WHERE g.member_id = ANY($2::uuid[])), 0)::bigint AS by_group
FROM loan.guarantor AS g
JOIN loan.loan AS l ON l.loan_id = g.loan_id
WHERE
    g.member_id = ANY($1::uuid || $2::uuid[])
    AND g.removed_at IS NULL
    AND g.currency = $3
    AND l.status NOT IN ('rejected', 'withdrawn', 'closed');

-- name: add_guarantor
-- A guarantor.
INSERT INTO loan.guarantor (guarantor_id, loan_id, member_id, group_id, amount, currency, added_by, added_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: remove_guarantor
-- Frees a guarantor; tells whether there was one.
UPDATE loan.guarantor SET removed_at = $3 WHERE guarantor_id = $2 AND loan_id = $1 AND removed_at IS NULL RETURNING true;

-- name: collateral
-- What secures loans.
SELECT loan_id, collateral_id, description, value FROM loan.collateral
WHERE loan_id = ANY($1::uuid[]) AND removed_at IS NULL
ORDER BY added_at, collateral_id;

-- name: add_collateral
-- Something that secures a loan.
INSERT INTO loan.collateral (collateral_id, loan_id, description, value, added_by, added_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: remove_collateral
-- Gives collateral back; tells whether there was any.
UPDATE loan.collateral SET removed_at = $3 WHERE collateral_id = $2 AND loan_id = $1 AND removed_at IS NULL RETURNING true;

-- name: insert_request
-- What somebody asked for.
INSERT INTO loan.request (request_id, loan_id, kind, amount, asked, reason, before, after, requested_by, requested_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: request_by_id
-- One request about a loan.
SELECT * FROM loan.request WHERE request_id = $1 AND loan_id = $2;

-- name: requests
-- The requests about a loan before a number, newest first.
SELECT * FROM loan.request WHERE loan_id = $1 AND ($2::bigint IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3;

-- name: asked_to_disburse
-- What is asked to be paid out, and not decided.
SELECT coalesce(sum(amount), 0)::bigint FROM loan.request WHERE loan_id = $1 AND kind = 'disbursement' AND status = 'open';

-- name: decide_request
-- What became of a request.
UPDATE loan.request SET status = $2, decided_by = $3, decided_at = $4, transaction_id = $5 WHERE request_id = $1;

-- name: lapse_request
-- What was asked for is not possible any more.
UPDATE loan.request SET status = 'lapsed', lapsed_because = $2, lapsed_detail = $3 WHERE request_id = $1 AND status = 'open';

-- name: insert_pending
-- What is decided, before the ledger is asked, of loans that nobody else changed since they were looked at; with the payments made
-- elsewhere that are counted by it. The version moves, so that whoever looked before, and does not know of the decision, changes
-- nothing any more.
WITH decided AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::jsonb[], $5::text[], $6::uuid[], $7::uuid[])
        AS decided (loan_id, version, message_id, decision, external_payment_id, transaction_id, entry_id)
), marked AS (
    UPDATE loan.loan AS l SET version = l.version + 1
    FROM decided AS d WHERE l.loan_id = d.loan_id AND l.version = d.version
    RETURNING l.loan_id
), counted AS (
    INSERT INTO loan.external_payment (external_payment_id, loan_id, transaction_id)
    SELECT d.external_payment_id, d.loan_id, d.transaction_id FROM decided AS d JOIN marked USING (loan_id)
    WHERE d.external_payment_id IS NOT NULL
)
INSERT INTO loan.pending (loan_id, message_id, decision, entry_id, decided_at)
SELECT d.loan_id, d.message_id, d.decision, d.entry_id, $8 FROM decided AS d JOIN marked USING (loan_id)
RETURNING message_id;

-- name: note_account
-- The account that was opened for what is decided, before anything is booked on it.
UPDATE loan.pending SET decision = decision || $3 WHERE loan_id = $1 AND message_id = $2;

-- name: forget_pending
-- They were refused.
DELETE FROM loan.pending WHERE (loan_id, message_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]));

-- name: counted_payments
-- Those of the payments that were counted before.
SELECT external_payment_id FROM loan.external_payment WHERE external_payment_id = ANY($1::text[]);

-- name: free_external_payments
-- The payments were refused or taken back: they may count again.
DELETE FROM loan.external_payment WHERE transaction_id = ANY($1::uuid[]);

-- name: book_money
-- Transactions for good, one a loan: the loans, their books and their standing after it, what it did to the accounts of the ledger;
-- the decisions are done. Nothing of a loan that somebody else changed since it was decided about. The standing holds on later dates
-- that were spoken of.
WITH done AS (
    SELECT * FROM unnest(
        $1::text[], $2::uuid[], $3::date[], $4::date[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
        $10::date[], $11::text[], $12::numeric[], $13::uuid[], $14::integer[], $15::uuid[], $16::json[], $17::integer[],
        $18::uuid[], $19::text[], $20::date[], $21::date[], $22::json[], $23::json[], $24::uuid[], $25::uuid[]
    ) AS done (
        status, account_id, disbursed_on, closed_through, principal_disbursed, principal_outstanding, interest_outstanding,
        fees_outstanding, penalties_outstanding, past_due_since, bucket, provision_percent, loan_id, version, message_id, book,
        number, transaction_id, kind, value_date, booked_on, happening, change, reverses, entry_id
    )
), booked AS (
    UPDATE loan.loan AS l SET
        status = d.status, account_id = d.account_id, disbursed_on = d.disbursed_on, closed_through = d.closed_through,
        principal_disbursed = d.principal_disbursed, principal_outstanding = d.principal_outstanding,
        interest_outstanding = d.interest_outstanding, fees_outstanding = d.fees_outstanding,
        penalties_outstanding = d.penalties_outstanding, past_due_since = d.past_due_since, bucket = d.bucket,
        provision_percent = d.provision_percent, last_number = d.number, version = l.version + 1
    FROM done AS d WHERE l.loan_id = d.loan_id AND l.version = d.version
    RETURNING l.loan_id, l.currency
), kept AS (
    INSERT INTO loan.book (loan_id, book) SELECT d.loan_id, d.book FROM done AS d JOIN booked USING (loan_id)
    ON CONFLICT (loan_id) DO UPDATE SET book = excluded.book
), made AS (
    INSERT INTO loan.transaction (
        transaction_id, loan_id, number, kind, value_date, booked_on, happening, change, reverses, made_at
    )
    SELECT
        d.transaction_id, d.loan_id, d.number, d.kind, d.value_date, d.booked_on, d.happening, d.change, d.reverses, $26
    FROM done AS d JOIN booked USING (loan_id)
), moved AS (
    INSERT INTO loan.line (loan_id, transaction_id, on_date, role, account_id, currency, amount, entry_id)
    SELECT d.loan_id, d.transaction_id, d.booked_on, line.role, line.account_id, b.currency, line.amount, d.entry_id
    FROM unnest($27::uuid[], $28::text[], $29::uuid[], $30::bigint[]) AS line (loan_id, role, account_id, amount)
    JOIN booked AS b USING (loan_id)
    JOIN done AS d USING (loan_id)
), later AS (
    UPDATE loan.standing AS s
    SET
        status = d.status, principal_outstanding = d.principal_outstanding, past_due_since = d.past_due_since,
        bucket = d.bucket
    FROM done AS d JOIN booked USING (loan_id)
    WHERE s.loan_id = d.loan_id AND s.from_date > d.booked_on
), standing AS (
    INSERT INTO loan.standing (loan_id, from_date, status, principal_outstanding, past_due_since, bucket)
    SELECT d.loan_id, d.booked_on, d.status, d.principal_outstanding, d.past_due_since, d.bucket
    FROM done AS d JOIN booked USING (loan_id)
    ON CONFLICT (loan_id, from_date) DO UPDATE SET
        status = excluded.status, principal_outstanding = excluded.principal_outstanding,
        past_due_since = excluded.past_due_since, bucket = excluded.bucket
), over AS (
    DELETE FROM loan.pending AS p USING done AS d
    WHERE p.loan_id = d.loan_id AND p.message_id = d.message_id AND EXISTS (SELECT FROM booked AS b WHERE b.loan_id = d.loan_id)
)
SELECT loan_id FROM booked;

-- name: give_reason
-- Why a loan was charged off or written off.
UPDATE loan.application SET reason = $2 WHERE loan_id = $1;

-- name: transaction_by_id
-- One transaction, and what took it back.
SELECT t.*, (SELECT r.transaction_id FROM loan.transaction AS r WHERE r.reverses = t.transaction_id) AS reversed_by
FROM loan.transaction AS t
WHERE t.transaction_id = $1 AND t.loan_id = $2;

-- name: transactions
-- Transactions of a loan after a number, oldest first, and what took each back.
SELECT t.*, (SELECT r.transaction_id FROM loan.transaction AS r WHERE r.reverses = t.transaction_id) AS reversed_by
FROM loan.transaction AS t
WHERE t.loan_id = $1 AND t.number > $2
ORDER BY t.number
LIMIT $3;

-- name: happenings
-- What a loan is replayed from.
SELECT happening FROM loan.transaction WHERE loan_id = $1 ORDER BY number;
