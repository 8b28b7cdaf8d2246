-- name: accounts
-- Accounts of their own for $2 loans like the models $1 (loan ids). Written past the triggers, because it has to be quick; what was
-- lent before is not in the ledger.
INSERT INTO ledger.account (account_id, member_id, kind, currency, gl_code, name, normal, floor, opened_at)
SELECT md5('bench loan account ' || n)::uuid, a.member_id, a.kind, a.currency, a.gl_code, a.name, a.normal, a.floor, a.opened_at
FROM generate_series(1, $2::integer) AS n
JOIN loan.loan AS m ON m.loan_id = ($1::uuid[])[1 + n % cardinality($1::uuid[])]
JOIN ledger.account AS a ON a.account_id = m.account_id;

-- name: loans
-- The loans, settled from the accounts $3.
INSERT INTO loan.loan OVERRIDING USER VALUE
SELECT r.*
FROM generate_series(1, $2::integer) AS n
JOIN loan.loan AS m ON m.loan_id = ($1::uuid[])[1 + n % cardinality($1::uuid[])]
CROSS JOIN LATERAL jsonb_populate_record(NULL::loan.loan, to_jsonb(m) || jsonb_build_object(
    'loan_id', md5('bench loan ' || n)::uuid, 'account_id', md5('bench loan account ' || n)::uuid,
    'settlement_account_id', ($3::uuid[])[1 + n % cardinality($3::uuid[])]
)) AS r;

-- name: applications
-- What was applied for.
INSERT INTO loan.application
SELECT r.*
FROM generate_series(1, $2::integer) AS n
JOIN loan.application AS m ON m.loan_id = ($1::uuid[])[1 + n % cardinality($1::uuid[])]
CROSS JOIN LATERAL jsonb_populate_record(NULL::loan.application, to_jsonb(m) || jsonb_build_object(
    'loan_id', md5('bench loan ' || n)::uuid
)) AS r;

-- name: books
-- What they come to.
INSERT INTO loan.book
SELECT r.*
FROM generate_series(1, $2::integer) AS n
JOIN loan.book AS m ON m.loan_id = ($1::uuid[])[1 + n % cardinality($1::uuid[])]
CROSS JOIN LATERAL jsonb_populate_record(NULL::loan.book, to_jsonb(m) || jsonb_build_object(
    'loan_id', md5('bench loan ' || n)::uuid
)) AS r;

-- name: standings
-- How they stood.
INSERT INTO loan.standing
SELECT r.*
FROM generate_series(1, $2::integer) AS n
JOIN loan.standing AS m ON m.loan_id = ($1::uuid[])[1 + n % cardinality($1::uuid[])]
CROSS JOIN LATERAL jsonb_populate_record(NULL::loan.standing, to_jsonb(m) || jsonb_build_object(
    'loan_id', md5('bench loan ' || n)::uuid
)) AS r;

-- name: transactions
-- What happened to them.
INSERT INTO loan.transaction
SELECT r.*
FROM generate_series(1, $2::integer) AS n
JOIN loan.transaction AS m ON m.loan_id = ($1::uuid[])[1 + n % cardinality($1::uuid[])]
CROSS JOIN LATERAL jsonb_populate_record(NULL::loan.transaction, to_jsonb(m) || jsonb_build_object(
    'loan_id', md5('bench loan ' || n)::uuid, 'transaction_id', md5('bench transaction ' || n || ' ' || m.number)::uuid
)) AS r;

-- name: looked_through
-- So that plans are made for what is there.
VACUUM ANALYZE ledger.account, loan.loan, loan.application, loan.book, loan.standing, loan.transaction;
