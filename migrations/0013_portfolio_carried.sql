-- The proof of the loans' books against the ledger reads every line and posting of years, and would read more every day. What agrees is
-- carried: lines and postings that say the same of the same account, entry and date are summed by account and date, and not looked
-- at again. Whatever does not agree, or came later, stays open and is compared each time, so that the proof of any date stays exact
-- and costs what the days since the last close cost.
CREATE SCHEMA portfolio;
GRANT USAGE ON SCHEMA portfolio TO coffer_app;

-- What was carried is right as long as what it was summed from is not changed.
CREATE TRIGGER told_lines_stay BEFORE UPDATE ON loan.line
    FOR EACH ROW WHEN (OLD.entry_id IS NOT NULL) EXECUTE FUNCTION loan.refuse_change();
CREATE TRIGGER lines_stay BEFORE DELETE OR TRUNCATE ON loan.line
    FOR EACH STATEMENT EXECUTE FUNCTION loan.refuse_change();
CREATE OR REPLACE FUNCTION loan.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%s are append-only: % is refused', tg_table_name, tg_op USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;

CREATE OR REPLACE VIEW reporting.ledger_postings AS
SELECT account_id, entry_id, value_date, amount, seq FROM ledger.posting;
CREATE OR REPLACE VIEW reporting.ledger_accounts AS
SELECT account_id, gl_code, currency, kind, seq FROM ledger.account;
COMMENT ON VIEW reporting.ledger_accounts IS 'Accounts; seq is the number of the last posting, they are numbered without a gap.';

CREATE TABLE portfolio.carried (
    currency text NOT NULL,
    gl_code text NOT NULL,
    account_id uuid,
    role text NOT NULL,
    on_date date NOT NULL,
    amount bigint NOT NULL,
    lines bigint NOT NULL,
    CONSTRAINT carried_once UNIQUE NULLS NOT DISTINCT (currency, gl_code, account_id, role, on_date)
);
COMMENT ON TABLE portfolio.carried IS 'What loans and ledger agree on, by account and date; in minor units, a debit is above zero.';
COMMENT ON COLUMN portfolio.carried.account_id IS 'Null for the loans'' own accounts, which are summed by their chart code.';

CREATE TABLE portfolio.carried_through (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    line_id bigint NOT NULL
);
COMMENT ON TABLE portfolio.carried_through IS 'Lines up to this one are carried or open.';
INSERT INTO portfolio.carried_through (line_id) VALUES (0);

CREATE TABLE portfolio.carried_account (
    account_id uuid PRIMARY KEY,
    seq bigint NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE portfolio.carried_account IS 'The postings of an account up to this one are carried or open.';

CREATE TABLE portfolio.open_line (line_id bigint PRIMARY KEY);
CREATE TABLE portfolio.open_posting (account_id uuid, seq bigint, PRIMARY KEY (account_id, seq));

GRANT SELECT, INSERT, UPDATE, DELETE ON
    portfolio.carried, portfolio.carried_through, portfolio.carried_account, portfolio.open_line, portfolio.open_posting
TO coffer_app;

-- The range of lines has both ends, so that a plan made without knowing them reads the index and not the table; what is open, and the
-- postings of an account, are looked up one by one for the same reason. What was found is joined by hashing: how much it will be is
-- not known when the plan is made.
CREATE FUNCTION portfolio.carry(last_line bigint) RETURNS void
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    first_line bigint;
BEGIN
    SELECT line_id INTO first_line FROM portfolio.carried_through FOR UPDATE;
    WITH line AS MATERIALIZED (
        SELECT n.line_id, n.account_id, n.entry_id, n.role, n.currency, n.on_date, n.amount, false AS is_open
        FROM reporting.loan_lines AS n
        WHERE n.line_id > first_line AND n.line_id <= last_line AND n.role NOT LIKE 'account:%'
        UNION ALL
        SELECT n.line_id, n.account_id, n.entry_id, n.role, n.currency, n.on_date, n.amount, true
        FROM portfolio.open_line AS o
        CROSS JOIN LATERAL (SELECT * FROM reporting.loan_lines AS each WHERE each.line_id = o.line_id OFFSET 0) AS n
    ), said AS (
        SELECT account_id, entry_id, min(on_date) AS first_date, max(on_date) AS last_date, sum(amount) AS amount
        FROM line
        WHERE entry_id IS NOT NULL
        GROUP BY 1, 2
    ), moved AS MATERIALIZED (
        SELECT a.account_id, coalesce(t.seq, 0) AS since, a.seq AS through
        FROM reporting.ledger_accounts AS a
        LEFT JOIN portfolio.carried_account AS t ON t.account_id = a.account_id
        WHERE
            a.seq > coalesce(t.seq, 0)
            AND (
                a.kind = 'loan'
                OR a.account_id IN (SELECT account_id FROM line)
                OR a.account_id IN (SELECT account_id FROM portfolio.carried)
            )
    ), posting AS MATERIALIZED (
        SELECT m.account_id, p.seq, p.entry_id, p.value_date, p.amount, false AS is_open
        FROM moved AS m
        CROSS JOIN LATERAL (
            SELECT each.seq, each.entry_id, each.value_date, each.amount
            FROM reporting.ledger_postings AS each
            WHERE each.account_id = m.account_id AND each.seq > m.since AND each.seq <= m.through
            OFFSET 0
        ) AS p
        UNION ALL
        SELECT o.account_id, o.seq, p.entry_id, p.value_date, p.amount, true
        FROM portfolio.open_posting AS o
        CROSS JOIN LATERAL (
            SELECT * FROM reporting.ledger_postings AS each WHERE each.account_id = o.account_id AND each.seq = o.seq OFFSET 0
        ) AS p
    ), posted AS (
        SELECT account_id, entry_id, min(value_date) AS first_date, max(value_date) AS last_date, sum(amount) AS amount
        FROM posting
        GROUP BY 1, 2
    ), agreed AS MATERIALIZED (
        SELECT s.account_id, s.entry_id
        FROM said AS s
        LEFT JOIN posted AS p ON p.account_id = s.account_id AND p.entry_id = s.entry_id
        WHERE
            s.amount = coalesce(p.amount, 0)
            AND s.first_date = s.last_date
            AND s.first_date = coalesce(p.first_date, s.first_date)
            AND s.first_date = coalesce(p.last_date, s.first_date)
            AND NOT EXISTS (SELECT FROM reporting.loan_entries_under_way AS u WHERE u.entry_id = s.entry_id)
    ), sums AS (
        INSERT INTO portfolio.carried AS c (currency, gl_code, account_id, role, on_date, amount, lines)
        SELECT
            coalesce(a.currency, n.currency), coalesce(a.gl_code, ''), CASE WHEN a.kind IS DISTINCT FROM 'loan' THEN n.account_id END,
            n.role, n.on_date, sum(n.amount), count(*)
        FROM line AS n
        JOIN agreed AS y ON y.account_id = n.account_id AND y.entry_id = n.entry_id
        LEFT JOIN reporting.ledger_accounts AS a ON a.account_id = n.account_id
        GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT ON CONSTRAINT carried_once DO UPDATE SET amount = c.amount + excluded.amount, lines = c.lines + excluded.lines
    ), lines_closed AS (
        DELETE FROM portfolio.open_line AS o
        USING line AS n, agreed AS y
        WHERE o.line_id = n.line_id AND n.is_open AND y.account_id = n.account_id AND y.entry_id = n.entry_id
    ), lines_opened AS (
        INSERT INTO portfolio.open_line (line_id)
        SELECT n.line_id
        FROM line AS n
        LEFT JOIN agreed AS y ON y.account_id = n.account_id AND y.entry_id = n.entry_id
        WHERE NOT n.is_open AND y.entry_id IS NULL
    ), postings_closed AS (
        DELETE FROM portfolio.open_posting AS o
        USING posting AS p, agreed AS y
        WHERE
            o.account_id = p.account_id AND o.seq = p.seq AND p.is_open
            AND y.account_id = p.account_id AND y.entry_id = p.entry_id
    ), postings_opened AS (
        INSERT INTO portfolio.open_posting (account_id, seq)
        SELECT p.account_id, p.seq
        FROM posting AS p
        LEFT JOIN agreed AS y ON y.account_id = p.account_id AND y.entry_id = p.entry_id
        WHERE NOT p.is_open AND y.entry_id IS NULL
    )
    INSERT INTO portfolio.carried_account (account_id, seq)
    SELECT m.account_id, m.through FROM moved AS m
    ON CONFLICT (account_id) DO UPDATE SET seq = excluded.seq;
    UPDATE portfolio.carried_through SET line_id = greatest(line_id, last_line);
END $$;
COMMENT ON FUNCTION portfolio.carry IS 'Carry what agrees among the lines up to one that no unfinished transaction comes before.';

-- What there is. The triggers above hold off whoever writes lines until this is committed.
SELECT portfolio.carry(coalesce((SELECT max(line_id) FROM loan.line), 0));
