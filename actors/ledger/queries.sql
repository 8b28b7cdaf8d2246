-- Amounts are minor units; a debit is above zero. `account.normal` turns them to the owner's side.

-- name: chart
-- A page of the chart of accounts, by code.
SELECT code, name, kind
FROM ledger.chart_account
WHERE code > $1
ORDER BY code
LIMIT $2;

-- name: chart_accounts
-- The rows of the chart with these codes.
SELECT code, name, kind
FROM ledger.chart_account
WHERE code = ANY($1::text[]);

-- name: add_chart_accounts
-- New rows of the chart.
INSERT INTO ledger.chart_account (code, name, kind)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[]);

-- name: standing
-- What is known of a member; nothing for one that nobody has told of.
SELECT standing
FROM ledger.member
WHERE member_id = $1;

-- name: set_standing
-- What the member actor told. A closed member stays closed.
INSERT INTO ledger.member AS m (member_id, standing)
VALUES ($1, $2)
ON CONFLICT (member_id) DO UPDATE SET standing = excluded.standing
WHERE m.standing <> 'closed';

-- name: open_account
-- A new account, empty.
INSERT INTO ledger.account (
    account_id, member_id, kind, currency, gl_code, name, normal, floor, transaction_limit, daily_limit, opened_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (account_id) DO NOTHING
RETURNING *;

-- name: account
-- The whole row of an account.
SELECT *
FROM ledger.account
WHERE account_id = $1;

-- name: account_to_change
-- The whole row of an account, locked.
SELECT *
FROM ledger.account
WHERE account_id = $1
FOR UPDATE;

-- name: accounts
-- A page of accounts in the order of their ids, by kind and status; all, or those of whom a permission reaches.
SELECT *
FROM ledger.account
WHERE account_id > $1
    AND ($2::text IS NULL OR kind = $2)
    AND ($3::text IS NULL OR status = $3)
    AND ($5::boolean OR member_id IN (SELECT w.member_id FROM reporting.members_within_reach($6, $7, $8) AS w))
ORDER BY account_id
LIMIT $4;

-- name: accounts_of_member
-- A page of a member's accounts in the order of their ids, by kind and status, where a permission reaches the member.
SELECT *
FROM ledger.account
WHERE member_id = $9
    AND account_id > $1
    AND ($2::text IS NULL OR kind = $2)
    AND ($3::text IS NULL OR status = $3)
    AND ($5::boolean OR member_id IN (SELECT w.member_id FROM reporting.members_within_reach($6, $7, $8) AS w))
ORDER BY account_id
LIMIT $4;

-- name: accounts_by_id
-- The whole rows of these accounts.
SELECT *
FROM ledger.account
WHERE account_id = ANY($1::uuid[])
ORDER BY account_id;

-- name: freeze
-- Stop a side of an account, or let it go again.
UPDATE ledger.account
SET frozen = $2, freeze_reason = $3, version = version + 1
WHERE account_id = $1
RETURNING *;

-- name: change_limits
-- Replace the limits of an account.
UPDATE ledger.account
SET floor = $2, transaction_limit = $3, daily_limit = $4, version = version + 1
WHERE account_id = $1
RETURNING *;

-- name: close_account
-- Close an account for good.
UPDATE ledger.account
SET status = 'closed', closed_at = $2, frozen = NULL, freeze_reason = NULL, version = version + 1
WHERE account_id = $1
RETURNING *;

-- name: account_state
-- What a query needs to know of an account's state.
SELECT
    a.account_id, a.member_id, a.kind, a.currency, a.normal, a.balance, a.held, a.floor, a.transaction_limit, a.daily_limit,
    a.taken_on, a.taken, a.frozen, a.status = 'open', a.seq, a.last_booked_at, a.version, false
FROM ledger.account AS a
WHERE a.account_id = $1;

-- name: lock_accounts
-- The accounts of a batch, locked in the order of their ids, with whether their owner is suspended.
SELECT
    a.account_id, a.member_id, a.kind, a.currency, a.normal, a.balance, a.held, a.floor, a.transaction_limit, a.daily_limit,
    a.taken_on, a.taken, a.frozen, a.status = 'open', a.seq, a.last_booked_at, a.version,
    coalesce(m.standing = 'suspended', false)
FROM ledger.account AS a
LEFT JOIN ledger.member AS m ON m.member_id = a.member_id
WHERE a.account_id = ANY($1::uuid[])
ORDER BY a.account_id
FOR UPDATE OF a;

-- name: entries
-- Entries, with the one that reverses each.
SELECT
    e.entry_id, e.kind, e.description, e.reference, e.booked_at, e.value_date, e.reverses, e.posted_by,
    (SELECT r.entry_id FROM ledger.entry AS r WHERE r.reverses = e.entry_id) AS reversed_by
FROM ledger.entry AS e
WHERE e.entry_id = ANY($1::uuid[]);

-- name: postings_of_entries
-- The postings of entries, in their order, with side and owner of the accounts.
SELECT
    p.account_id, p.seq, p.entry_id, p.line, p.amount, p.balance_after, p.currency, p.booked_at, p.value_date,
    a.normal, a.member_id
FROM ledger.posting AS p
JOIN ledger.account AS a USING (account_id)
WHERE p.entry_id = ANY($1::uuid[])
ORDER BY p.entry_id, p.line;

-- name: lock_holds
-- The holds of a batch, locked in the order of their ids.
SELECT hold_id, account_id, amount, status, description, placed_at, expires_at, settled_at, posted_amount, entry_id
FROM ledger.hold
WHERE hold_id = ANY($1::uuid[])
ORDER BY hold_id
FOR UPDATE;

-- name: hold
-- One hold.
SELECT hold_id, account_id, amount, status, description, placed_at, expires_at, settled_at, posted_amount, entry_id
FROM ledger.hold
WHERE hold_id = $1;

-- name: holds_of_account
-- A page of an account's holds, newest first.
SELECT hold_id, account_id, amount, status, description, placed_at, expires_at, settled_at, posted_amount, entry_id
FROM ledger.hold
WHERE account_id = $1
    AND ($2::text IS NULL OR status = $2)
    AND ($3::timestamptz IS NULL OR placed_at < $3 OR (placed_at = $3 AND hold_id > $4::uuid))
ORDER BY placed_at DESC, hold_id
LIMIT $5;

-- name: write_batch
-- What a batch has booked, at once: entries, postings, and the accounts as they stand after it, each only if nobody else has
-- changed it since it was loaded. Answers how many accounts were written.
WITH
    booked AS (
        INSERT INTO ledger.entry (entry_id, kind, description, reference, booked_at, value_date, reverses, posted_by, lines)
        SELECT *
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::date[], $7::uuid[], $8::text[], $9::smallint[]
        )
    ),
    posted AS (
        INSERT INTO ledger.posting (
            account_id, seq, entry_id, line, amount, balance_after, currency, booked_at, value_date
        )
        SELECT *
        FROM unnest(
            $10::uuid[], $11::bigint[], $12::uuid[], $13::smallint[], $14::bigint[], $15::bigint[], $16::text[],
            $17::timestamptz[], $18::date[]
        )
    ),
    changed AS (
        UPDATE ledger.account AS a
        SET balance = n.balance,
            held = n.held,
            taken_on = n.taken_on,
            taken = n.taken,
            seq = n.seq,
            last_booked_at = n.last_booked_at,
            version = n.version
        FROM unnest(
            $19::uuid[], $20::bigint[], $21::bigint[], $22::bigint[], $23::date[], $24::bigint[], $25::bigint[],
            $26::timestamptz[], $27::bigint[]
        ) AS n (account_id, version_loaded, balance, held, taken_on, taken, seq, last_booked_at, version)
        WHERE a.account_id = n.account_id AND a.version = n.version_loaded
        RETURNING 1
    )
SELECT count(*)
FROM changed;

-- name: place_holds
-- New holds, as they stand at the end of the batch.
INSERT INTO ledger.hold (
    hold_id, account_id, amount, status, description, placed_at, expires_at, settled_at, posted_amount, entry_id
)
SELECT *
FROM unnest(
    $1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
    $9::bigint[], $10::uuid[]
);

-- name: settle_holds
-- Holds that were posted, voided or have lapsed. Answers how many were still pending.
WITH
    settled AS (
        UPDATE ledger.hold AS h
        SET status = n.status, settled_at = n.settled_at, posted_amount = n.posted_amount, entry_id = n.entry_id
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[], $5::uuid[])
            AS n (hold_id, status, settled_at, posted_amount, entry_id)
        WHERE h.hold_id = n.hold_id AND h.status = 'pending'
        RETURNING 1
    )
SELECT count(*)
FROM settled;

-- name: shift_value
-- Amounts that count on another day than the one they were booked on.
INSERT INTO ledger.value_shift AS s (account_id, day, amount)
SELECT *
FROM unnest($1::uuid[], $2::date[], $3::bigint[])
ON CONFLICT (account_id, day) DO UPDATE SET amount = s.amount + excluded.amount;

-- name: balance_before
-- The number of an account's last posting before an instant, and the balance then; 0 and 0 for none. Numbers have no gap and
-- booked_at does not fall, so it is found by halving: one look-up by key for each binary digit of the number of postings.
WITH RECURSIVE
    halving (low, high) AS (
        SELECT 0::bigint, a.seq
        FROM ledger.account AS a
        WHERE a.account_id = $1
        UNION ALL
        SELECT
            CASE WHEN p.booked_at < $2 THEN p.seq ELSE h.low END,
            CASE WHEN p.booked_at < $2 THEN h.high ELSE p.seq - 1 END
        FROM halving AS h
        JOIN ledger.posting AS p ON p.account_id = $1 AND p.seq = (h.low + h.high + 1) / 2
        WHERE h.low < h.high
    )
SELECT h.low AS seq, coalesce(p.balance_after, 0) AS balance
FROM halving AS h
LEFT JOIN ledger.posting AS p ON p.account_id = $1 AND p.seq = h.low
WHERE h.low = h.high;

-- name: balance_by_value_date
-- The balance booked before $3, the end of the day $2, found in the same way, and the shifts of value up to that day.
WITH RECURSIVE
    halving (low, high) AS (
        SELECT 0::bigint, a.seq
        FROM ledger.account AS a
        WHERE a.account_id = $1
        UNION ALL
        SELECT
            CASE WHEN p.booked_at < $3 THEN p.seq ELSE h.low END,
            CASE WHEN p.booked_at < $3 THEN h.high ELSE p.seq - 1 END
        FROM halving AS h
        JOIN ledger.posting AS p ON p.account_id = $1 AND p.seq = (h.low + h.high + 1) / 2
        WHERE h.low < h.high
    )
SELECT (
    coalesce(p.balance_after, 0)
    + coalesce((SELECT sum(s.amount) FROM ledger.value_shift AS s WHERE s.account_id = $1 AND s.day <= $2), 0)
)::bigint
FROM halving AS h
LEFT JOIN ledger.posting AS p ON p.account_id = $1 AND p.seq = h.low
WHERE h.low = h.high;

-- name: statement_newest
-- Postings numbered from $2 to $3, newest first.
SELECT
    p.seq, p.entry_id, e.kind, p.booked_at, p.value_date, e.description, e.reference, p.amount, p.balance_after
FROM ledger.posting AS p
JOIN ledger.entry AS e USING (entry_id)
WHERE p.account_id = $1 AND p.seq BETWEEN $2 AND $3
ORDER BY p.seq DESC
LIMIT $4;

-- name: statement_oldest
-- Postings numbered from $2 to $3, oldest first.
SELECT
    p.seq, p.entry_id, e.kind, p.booked_at, p.value_date, e.description, e.reference, p.amount, p.balance_after
FROM ledger.posting AS p
JOIN ledger.entry AS e USING (entry_id)
WHERE p.account_id = $1 AND p.seq BETWEEN $2 AND $3
ORDER BY p.seq
LIMIT $4;

-- name: trial_balance
-- Debits and credits of each general-ledger account and currency, summed anew from the postings.
WITH
    summed AS (
        SELECT
            account_id,
            coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debits,
            coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credits
        FROM ledger.posting
        GROUP BY account_id
    )
SELECT
    c.code, c.name, c.kind, a.currency,
    count(*) AS accounts,
    coalesce(sum(s.debits), 0) AS debits,
    coalesce(sum(s.credits), 0) AS credits
FROM ledger.account AS a
JOIN ledger.chart_account AS c ON c.code = a.gl_code
LEFT JOIN summed AS s USING (account_id)
GROUP BY c.code, c.name, c.kind, a.currency
ORDER BY a.currency, c.code;

-- name: account_differences
-- Accounts whose stored balance or number of postings is not what the postings say, and postings without an account.
SELECT
    CASE
        WHEN a.account_id IS NULL THEN 'orphan'
        WHEN a.seq <> coalesce(s.postings, 0) OR a.seq <> coalesce(s.last_seq, 0) THEN 'sequence'
        ELSE 'balance'
    END AS what,
    account_id,
    NULL::uuid AS entry_id,
    s.last_seq AS seq,
    a.currency,
    a.balance::numeric AS stored,
    coalesce(s.balance, 0) AS recomputed
FROM (
    SELECT account_id, sum(amount) AS balance, count(*) AS postings, max(seq) AS last_seq
    FROM ledger.posting
    GROUP BY account_id
) AS s
FULL JOIN ledger.account AS a USING (account_id)
WHERE a.balance IS DISTINCT FROM coalesce(s.balance, 0)
    OR a.seq IS DISTINCT FROM coalesce(s.postings, 0)
    OR a.seq IS DISTINCT FROM coalesce(s.last_seq, 0)
ORDER BY account_id
LIMIT $1;

-- name: running_differences
-- The first posting of each account whose number or balance does not follow from the posting before it.
SELECT DISTINCT ON (account_id)
    CASE WHEN seq = seq_before + 1 THEN 'running_balance' ELSE 'sequence' END AS what,
    account_id,
    entry_id,
    seq,
    currency,
    balance_after::numeric AS stored,
    (balance_before + amount)::numeric AS recomputed
FROM (
    SELECT
        account_id, entry_id, seq, currency, amount, balance_after,
        lag(seq, 1, 0::bigint) OVER in_account AS seq_before,
        lag(balance_after, 1, 0::bigint) OVER in_account AS balance_before
    FROM ledger.posting
    WINDOW in_account AS (PARTITION BY account_id ORDER BY seq)
) AS followed
WHERE seq <> seq_before + 1 OR balance_after <> balance_before + amount
ORDER BY account_id, seq
LIMIT $1;

-- name: hold_differences
-- Accounts on which another amount is held than their pending holds add up to.
SELECT
    'held' AS what,
    a.account_id,
    NULL::uuid AS entry_id,
    NULL::bigint AS seq,
    a.currency,
    a.held::numeric AS stored,
    coalesce(h.amount, 0) AS recomputed
FROM ledger.account AS a
LEFT JOIN (
    SELECT account_id, sum(amount) AS amount
    FROM ledger.hold
    WHERE status = 'pending'
    GROUP BY account_id
) AS h USING (account_id)
WHERE a.held <> coalesce(h.amount, 0)
ORDER BY a.account_id
LIMIT $1;

-- name: shift_differences
-- Accounts whose shifts by value date are not what the postings with a value date of their own say.
SELECT
    'value_date' AS what,
    account_id,
    NULL::uuid AS entry_id,
    NULL::bigint AS seq,
    (SELECT a.currency FROM ledger.account AS a WHERE a.account_id = d.account_id) AS currency,
    stored::numeric,
    recomputed
FROM (
    SELECT account_id, day, sum(stored) AS stored, sum(recomputed) AS recomputed
    FROM (
        SELECT account_id, day, amount AS stored, 0::bigint AS recomputed
        FROM ledger.value_shift
        UNION ALL
        SELECT account_id, value_date, 0, amount
        FROM ledger.posting
        WHERE value_date <> (booked_at AT TIME ZONE 'UTC')::date
        UNION ALL
        SELECT account_id, (booked_at AT TIME ZONE 'UTC')::date, 0, -amount
        FROM ledger.posting
        WHERE value_date <> (booked_at AT TIME ZONE 'UTC')::date
    ) AS shifted
    GROUP BY account_id, day
) AS d
WHERE stored <> recomputed
ORDER BY account_id, day
LIMIT $1;

-- name: entry_differences
-- Entries that do not sum to zero or have another number of postings than they were booked with, and postings without an entry.
SELECT
    CASE WHEN e.entry_id IS NULL THEN 'orphan' ELSE 'entry' END AS what,
    NULL::uuid AS account_id,
    entry_id,
    NULL::bigint AS seq,
    p.currency,
    0::numeric AS stored,
    p.net AS recomputed
FROM (
    SELECT entry_id, min(currency) AS currency, max(abs(net)) AS net, sum(lines) AS lines
    FROM (
        SELECT entry_id, currency, sum(amount) AS net, count(*) AS lines
        FROM ledger.posting
        GROUP BY entry_id, currency
    ) AS by_currency
    GROUP BY entry_id
) AS p
FULL JOIN ledger.entry AS e USING (entry_id)
WHERE e.lines IS DISTINCT FROM p.lines OR p.net <> 0
ORDER BY entry_id
LIMIT $1;

-- name: counts
-- How many accounts and postings there are.
SELECT (SELECT count(*) FROM ledger.account) AS accounts, (SELECT count(*) FROM ledger.posting) AS postings;
