-- name: business_date
-- The date that the bank works on; no row before the first one was set.
SELECT business_date FROM reporting.business_date;

-- name: cells
-- The loans that owe principal at the end of $1 and are not written off: by currency, product and bucket. They are counted by days
-- late first, so that the bucket is looked up per day and product version and not per loan.
WITH standing AS (
    SELECT DISTINCT ON (loan_id) loan_id, status, principal_outstanding, past_due_since
    FROM reporting.loan_standings
    WHERE from_date <= $1::date
    ORDER BY loan_id, from_date DESC
), late AS (
    SELECT
        l.currency,
        l.product_code,
        l.product_id,
        l.product_version,
        coalesce(greatest($1::date - s.past_due_since, 0), 0) AS days,
        count(*) AS loans,
        sum(s.principal_outstanding) AS principal,
        coalesce(sum(s.principal_outstanding) FILTER (WHERE s.status = 'charged_off'), 0) AS charged_off
    FROM standing AS s
    JOIN reporting.loans AS l ON l.loan_id = s.loan_id
    WHERE
        s.principal_outstanding > 0
        AND s.status <> 'written_off'
        AND ($2::text IS NULL OR l.currency = $2)
        AND ($3::text IS NULL OR l.product_code = $3)
    GROUP BY 1, 2, 3, 4, 5
)
SELECT
    late.currency,
    late.product_code AS product,
    coalesce(b.bucket, 'current') AS bucket,
    coalesce(b.from_days, 0) AS from_days,
    coalesce(b.provision_percent, '0') AS percent,
    sum(late.loans)::bigint AS loans,
    sum(late.principal)::bigint AS principal,
    sum(late.charged_off)::bigint AS charged_off,
    coalesce(sum(late.loans) FILTER (WHERE late.days > 1), 0)::bigint AS loans_over_1,
    coalesce(sum(late.principal) FILTER (WHERE late.days > 1), 0)::bigint AS principal_over_1,
    coalesce(sum(late.loans) FILTER (WHERE late.days > 30), 0)::bigint AS loans_over_30,
    coalesce(sum(late.principal) FILTER (WHERE late.days > 30), 0)::bigint AS principal_over_30,
    coalesce(sum(late.loans) FILTER (WHERE late.days > 60), 0)::bigint AS loans_over_60,
    coalesce(sum(late.principal) FILTER (WHERE late.days > 60), 0)::bigint AS principal_over_60,
    coalesce(sum(late.loans) FILTER (WHERE late.days > 90), 0)::bigint AS loans_over_90,
    coalesce(sum(late.principal) FILTER (WHERE late.days > 90), 0)::bigint AS principal_over_90
FROM late
LEFT JOIN LATERAL (
    SELECT each.bucket, each.from_days, each.provision_percent
    FROM reporting.loan_product_buckets AS each
    WHERE
        each.product_id = late.product_id
        AND each.product_version = late.product_version
        AND each.from_days <= late.days
    ORDER BY each.from_days DESC
    LIMIT 1
) AS b ON true
GROUP BY 1, 2, 3, 4, 5;

-- name: stands
-- The loans first paid out from $2 to $1, by currency and month, at each month's end up to $1. Each standing, and each write-off, is
-- spread over the month ends at which it held.
WITH lent AS MATERIALIZED (
    SELECT loan_id, currency, date_trunc('month', disbursed_on)::date AS month, principal_disbursed
    FROM reporting.loans
    WHERE
        disbursed_on BETWEEN $2::date AND $1::date
        AND ($3::text IS NULL OR currency = $3)
        AND ($4::text IS NULL OR product_code = $4)
), standing AS (
    SELECT
        l.currency, l.month, l.principal_disbursed, s.status, s.principal_outstanding, s.past_due_since, s.from_date,
        lead(s.from_date, 1, $1::date + 1) OVER (PARTITION BY s.loan_id ORDER BY s.from_date) AS until
    FROM reporting.loan_standings AS s
    JOIN lent AS l ON l.loan_id = s.loan_id
    WHERE s.from_date <= $1::date
), stood AS (
    SELECT
        s.currency,
        s.month,
        held.day,
        count(*) AS loans,
        sum(s.principal_disbursed)::bigint AS lent,
        coalesce(sum(s.principal_outstanding) FILTER (WHERE s.status <> 'written_off'), 0)::bigint AS outstanding,
        coalesce(
            sum(s.principal_outstanding) FILTER (WHERE s.status <> 'written_off' AND held.day - s.past_due_since > 30), 0
        )::bigint AS late_over_30
    FROM standing AS s
    CROSS JOIN LATERAL (
        SELECT least((first + interval '1 month' - interval '1 day')::date, $1::date) AS day
        FROM generate_series(date_trunc('month', s.from_date::timestamp), (s.until - 1)::timestamp, interval '1 month') AS first
    ) AS held
    WHERE held.day >= s.from_date AND held.day < s.until
    GROUP BY 1, 2, 3
), lost AS (
    SELECT l.currency, l.month, held.day, sum(w.principal)::bigint AS written_off
    FROM reporting.loan_write_offs AS w
    JOIN lent AS l ON l.loan_id = w.loan_id
    CROSS JOIN LATERAL (
        SELECT least((first + interval '1 month' - interval '1 day')::date, $1::date) AS day
        FROM generate_series(date_trunc('month', w.on_date::timestamp), $1::timestamp, interval '1 month') AS first
    ) AS held
    WHERE w.on_date <= $1::date
    GROUP BY 1, 2, 3
)
SELECT
    stood.currency, stood.month, stood.day AS "on", stood.loans, stood.lent, stood.outstanding, stood.late_over_30,
    coalesce(lost.written_off, 0) AS written_off
FROM stood
LEFT JOIN lost ON lost.currency = stood.currency AND lost.month = stood.month AND lost.day = stood.day;

-- name: newest_line
-- The last line of the loans' books, and the transactions that may be writing earlier ones: all are over when every transaction
-- before this one is. Whoever writes a line has changed or locked its loan before, and so is among them.
SELECT coalesce(max(line_id), 0) AS line_id, pg_snapshot_xmax(pg_current_snapshot())::text AS before FROM reporting.loan_lines;

-- name: are_over
-- Whether every transaction before this one is over.
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8;

-- name: carried_through
-- Lines up to this one are carried or open.
SELECT line_id FROM portfolio.carried_through;

-- name: carry
-- Carry what agrees among the lines up to this one.
SELECT portfolio.carry($1::bigint);

-- name: proof
-- The loans' lines and the ledger's postings up to the end of $1, by account and by entry, in one statement, so that both are of
-- one moment. Lines of the accounts on the other side (a member's, cash: `account:...`) belong to others' books. An entry that is
-- missing is told loan by loan. What is just being told is pending on both sides. What was carried agrees; only the rest is
-- compared, or with $4 everything. Both ends of the range of lines, and the lookup by account, are for the plan: it must not read
-- the tables whole.
WITH since AS MATERIALIZED (
    SELECT line_id FROM portfolio.carried_through WHERE NOT $4::boolean
), every_line AS NOT MATERIALIZED (
    SELECT n.account_id, n.role, n.loan_id, n.currency, n.amount, n.entry_id, n.on_date
    FROM reporting.loan_lines AS n
    WHERE n.line_id > coalesce((SELECT line_id FROM since), 0) AND n.line_id <= 9223372036854775807
    UNION ALL
    SELECT n.account_id, n.role, n.loan_id, n.currency, n.amount, n.entry_id, n.on_date
    FROM portfolio.open_line AS o
    JOIN reporting.loan_lines AS n ON n.line_id = o.line_id
    WHERE NOT $4::boolean
), line AS MATERIALIZED (
    SELECT
        n.account_id, n.role, CASE WHEN u.entry_id IS NULL THEN n.entry_id END AS entry_id,
        max(n.currency) AS currency, sum(n.amount)::bigint AS amount, count(*) AS lines
    FROM every_line AS n
    LEFT JOIN reporting.loan_entries_under_way AS u ON u.entry_id = n.entry_id
    WHERE n.on_date <= $1::date AND n.role NOT LIKE 'account:%'
    GROUP BY 1, 2, 3
), carried AS MATERIALIZED (
    SELECT currency, gl_code, account_id, role, sum(amount)::bigint AS amount, sum(lines)::bigint AS lines
    FROM portfolio.carried
    WHERE on_date <= $1::date AND NOT $4::boolean
    GROUP BY 1, 2, 3, 4
), of_account AS (
    SELECT
        account_id,
        max(currency) AS currency,
        coalesce(sum(amount) FILTER (WHERE entry_id IS NOT NULL), 0) AS said,
        coalesce(sum(amount) FILTER (WHERE entry_id IS NULL), 0) AS pending,
        sum(lines) AS lines,
        coalesce(sum(lines) FILTER (WHERE entry_id IS NULL), 0) AS pending_lines
    FROM line
    GROUP BY 1
), known AS (
    SELECT account_id, currency FROM of_account
    UNION
    SELECT account_id, currency FROM carried WHERE account_id IS NOT NULL
), control AS MATERIALIZED (
    SELECT
        coalesce(k.account_id, a.account_id) AS account_id,
        coalesce(a.gl_code, '') AS gl_code,
        coalesce(a.kind, 'internal') AS kind,
        coalesce(a.currency, k.currency) AS currency,
        CASE WHEN a.kind IS DISTINCT FROM 'loan' THEN coalesce(k.account_id, a.account_id) END AS own_id,
        coalesce(a.seq, 0) AS seq
    FROM known AS k
    FULL JOIN (
        SELECT account_id, gl_code, currency, kind, seq FROM reporting.ledger_accounts
        WHERE kind = 'loan' OR account_id IN (SELECT account_id FROM known)
    ) AS a ON a.account_id = k.account_id
), posting AS (
    SELECT c.account_id, p.entry_id, p.value_date, p.amount
    FROM control AS c
    LEFT JOIN portfolio.carried_account AS t ON t.account_id = c.account_id AND NOT $4::boolean
    CROSS JOIN LATERAL (
        SELECT each.entry_id, each.value_date, each.amount
        FROM reporting.ledger_postings AS each
        WHERE each.account_id = c.account_id AND each.seq > coalesce(t.seq, 0)
        OFFSET 0
    ) AS p
    WHERE c.seq > coalesce(t.seq, 0)
    UNION ALL
    SELECT p.account_id, p.entry_id, p.value_date, p.amount
    FROM portfolio.open_posting AS o
    JOIN reporting.ledger_postings AS p ON p.account_id = o.account_id AND p.seq = o.seq
    WHERE NOT $4::boolean
), posted AS MATERIALIZED (
    SELECT p.account_id, p.entry_id, sum(p.amount)::bigint AS amount
    FROM posting AS p
    JOIN control AS c ON c.account_id = p.account_id
    WHERE
        p.value_date <= $1::date
        AND ($2::text IS NULL OR c.currency = $2)
        AND NOT EXISTS (SELECT FROM reporting.loan_entries_under_way AS u WHERE u.entry_id = p.entry_id)
    GROUP BY 1, 2
), said AS (
    SELECT account_id, entry_id, sum(amount)::bigint AS amount FROM line WHERE entry_id IS NOT NULL GROUP BY 1, 2
), wrong AS MATERIALIZED (
    SELECT c.account_id, c.currency, entry_id, said.amount AS said, posted.amount AS posted
    FROM said
    FULL JOIN posted USING (account_id, entry_id)
    JOIN control AS c USING (account_id)
    WHERE coalesce(said.amount, 0) <> coalesce(posted.amount, 0) AND ($2::text IS NULL OR c.currency = $2)
), share AS MATERIALIZED (
    SELECT w.account_id, w.entry_id, n.loan_id, sum(n.amount) AS amount
    FROM wrong AS w
    JOIN every_line AS n ON n.account_id = w.account_id AND n.entry_id = w.entry_id
    WHERE n.on_date <= $1::date AND n.role NOT LIKE 'account:%'
    GROUP BY 1, 2, 3
), difference AS (
    SELECT 'missing_in_ledger' AS kind, s.loan_id, w.account_id, w.entry_id, w.currency, s.amount AS said, 0 AS posted
    FROM wrong AS w
    JOIN share AS s ON s.account_id = w.account_id AND s.entry_id = w.entry_id
    WHERE w.posted IS NULL
    UNION ALL
    SELECT
        CASE WHEN w.said IS NULL THEN 'unknown_to_loans' ELSE 'other_amount' END,
        coalesce(l.loan_id, single.loan_id), w.account_id, w.entry_id, w.currency, coalesce(w.said, 0), w.posted
    FROM wrong AS w
    LEFT JOIN reporting.loans AS l ON l.account_id = w.account_id
    LEFT JOIN (
        SELECT account_id, entry_id, (array_agg(loan_id))[1] AS loan_id FROM share GROUP BY 1, 2 HAVING count(*) = 1
    ) AS single ON single.account_id = w.account_id AND single.entry_id = w.entry_id
    WHERE w.posted IS NOT NULL
), part AS (
    SELECT c.currency, c.gl_code, c.own_id, n.role, 0 AS said, 0 AS pending, 0 AS posted, 0 AS lines, 0 AS pending_lines
    FROM line AS n
    JOIN control AS c ON c.account_id = n.account_id
    UNION ALL
    SELECT c.currency, c.gl_code, c.own_id, NULL, o.said, o.pending, 0, o.lines, o.pending_lines
    FROM of_account AS o
    JOIN control AS c ON c.account_id = o.account_id
    UNION ALL
    SELECT c.currency, c.gl_code, c.own_id, NULL, 0, 0, p.amount, 0, 0
    FROM posted AS p
    JOIN control AS c ON c.account_id = p.account_id
    UNION ALL
    SELECT currency, gl_code, account_id, role, amount, 0, amount, lines, 0 FROM carried
), sums AS (
    SELECT
        currency, gl_code, own_id,
        coalesce(jsonb_agg(DISTINCT role) FILTER (WHERE role IS NOT NULL), '[]') AS roles,
        sum(said) AS said, sum(pending) AS pending, sum(posted) AS posted, sum(lines) AS lines, sum(pending_lines) AS pending_lines
    FROM part
    GROUP BY 1, 2, 3
), told AS (
    SELECT currency, gl_code, own_id AS account_id, count(*) AS accounts
    FROM control
    WHERE $2::text IS NULL OR currency = $2
    GROUP BY 1, 2, 3
)
SELECT
    (
        SELECT coalesce(
            jsonb_agg(
                jsonb_build_object('roles', '[]'::jsonb, 'said', 0, 'pending', 0, 'posted', 0, 'lines', 0, 'pending_lines', 0)
                || coalesce(jsonb_strip_nulls(to_jsonb(s)), '{}') || to_jsonb(t)
                ORDER BY t.currency, t.gl_code, t.account_id
            ), '[]'
        )
        FROM told AS t
        LEFT JOIN sums AS s
            ON s.currency = t.currency AND s.gl_code = t.gl_code AND s.own_id IS NOT DISTINCT FROM t.account_id
    ) AS accounts,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(d)), '[]')
        FROM (SELECT * FROM difference ORDER BY currency, loan_id, account_id, entry_id LIMIT $3::integer) AS d
    ) AS differences;
