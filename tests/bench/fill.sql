-- A deep journal for the benchmark of growth: $1 entries between the accounts $2, one a second, the last one now.
-- Written as the superuser past the triggers, because it has to be quick; `prove_books` finds nothing wrong with it.
WITH numbered AS (
    SELECT n, a.id AS account_id, a.side
    FROM generate_series(0, $1::integer - 1) AS n
    CROSS JOIN LATERAL (
        VALUES (($2::uuid[])[1 + n % cardinality($2::uuid[])], 1),
               (($2::uuid[])[1 + (n + 1 + n / cardinality($2::uuid[]) % (cardinality($2::uuid[]) - 1)) % cardinality($2::uuid[])], -1)
    ) AS a (id, side)
),
entries AS (
    INSERT INTO ledger.entry (entry_id, kind, description, booked_at, value_date, lines, posted_by)
    SELECT md5('bench ' || n)::uuid, 'transfer', 'Transfer', b.at, (b.at AT TIME ZONE 'UTC')::date, 2, 'bench'
    FROM generate_series(0, $1::integer - 1) AS n
    CROSS JOIN LATERAL (SELECT now() - make_interval(secs => $1::integer - n) AS at) AS b
)
INSERT INTO ledger.posting (account_id, seq, entry_id, line, amount, balance_after, currency, booked_at, value_date)
SELECT
    account_id,
    row_number() OVER w,
    md5('bench ' || n)::uuid,
    CASE side WHEN 1 THEN 1 ELSE 2 END,
    100 * side,
    sum(100 * side) OVER w,
    $3,
    b.at,
    (b.at AT TIME ZONE 'UTC')::date
FROM numbered
CROSS JOIN LATERAL (SELECT now() - make_interval(secs => $1::integer - n) AS at) AS b
WINDOW w AS (PARTITION BY account_id ORDER BY n, side DESC)
