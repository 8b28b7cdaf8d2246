-- The ledger's journal and what stands on it. The rules decide in the actor; the constraints and triggers here are the last word,
-- whatever writes: an entry sums to zero per currency, postings of an account are numbered without a gap and each balance follows
-- from the one before, what is stored of an account is what its last posting says, a floor is never passed, and nothing that was
-- booked is changed.
-- One convention in every table: a debit is above zero, a credit below. `account.normal` (1 or -1) turns a balance to the side
-- on which its owner reads it.
CREATE SCHEMA ledger;
GRANT USAGE ON SCHEMA ledger TO coffer_app;

CREATE TABLE ledger.chart_account (
    code text PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense'))
);
COMMENT ON TABLE ledger.chart_account IS 'The general ledger: what accounts are summed under.';
GRANT SELECT, INSERT ON ledger.chart_account TO coffer_app;

CREATE TABLE ledger.member (
    member_id uuid PRIMARY KEY,
    standing text NOT NULL CHECK (standing IN ('active', 'suspended', 'closed'))
);
COMMENT ON TABLE ledger.member IS 'What the member actor told of each member, for who may open accounts and be paid out.';
GRANT SELECT, INSERT, UPDATE ON ledger.member TO coffer_app;

-- Room is left in each page so that a balance changes in place (HOT), and no index names a column that moves.
CREATE TABLE ledger.account (
    account_id uuid PRIMARY KEY,
    member_id uuid,
    kind text NOT NULL CHECK (kind IN ('savings', 'current', 'share_capital', 'loan', 'internal')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    gl_code text NOT NULL REFERENCES ledger.chart_account,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    normal smallint NOT NULL CHECK (normal IN (-1, 1)),
    balance bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    floor bigint,
    transaction_limit bigint CHECK (transaction_limit > 0),
    daily_limit bigint CHECK (daily_limit > 0),
    taken_on date,
    taken bigint NOT NULL DEFAULT 0 CHECK (taken >= 0),
    frozen text CHECK (frozen IN ('debit', 'credit', 'both')),
    freeze_reason text,
    seq bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    last_booked_at timestamptz,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT floor_is_never_passed CHECK (floor IS NULL OR normal * balance - held >= floor),
    CONSTRAINT owner_by_kind CHECK ((kind = 'internal') = (member_id IS NULL)),
    CONSTRAINT nothing_before_the_first_posting CHECK (seq > 0 OR balance = 0),
    CONSTRAINT closed_is_empty CHECK (status = 'open' OR (balance = 0 AND held = 0 AND closed_at IS NOT NULL)),
    CONSTRAINT frozen_for_a_reason CHECK ((frozen IS NULL) = (freeze_reason IS NULL))
) WITH (fillfactor = 60);
COMMENT ON COLUMN ledger.account.floor IS 'On the owner''s side, in minor units: 0 or minus the overdraft limit; null for none.';
COMMENT ON COLUMN ledger.account.taken IS 'What was taken out or held on the day taken_on, for the daily limit.';
COMMENT ON COLUMN ledger.account.seq IS 'The number of the last posting.';
CREATE INDEX account_by_member ON ledger.account (member_id, account_id) WHERE member_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON ledger.account TO coffer_app;

CREATE TABLE ledger.entry (
    entry_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('entry', 'transfer', 'deposit', 'withdrawal', 'hold', 'reversal')),
    description text NOT NULL,
    reference text,
    booked_at timestamptz NOT NULL,
    value_date date NOT NULL,
    lines smallint NOT NULL CHECK (lines >= 2),
    reverses uuid,
    posted_by text NOT NULL,
    CONSTRAINT a_reversal_is_linked CHECK ((kind = 'reversal') = (reverses IS NOT NULL))
);
CREATE UNIQUE INDEX entry_reversed_once ON ledger.entry (reverses) WHERE reverses IS NOT NULL;
COMMENT ON COLUMN ledger.entry.lines IS 'How many postings it has: none can be added later.';
GRANT SELECT, INSERT ON ledger.entry TO coffer_app;

-- booked_at and value_date repeat the entry's. booked_at never falls as seq rises, and seq has no gap, so that a moment is found
-- by halving in the primary key, without an index on time that every posting would pay for. Foreign keys are checked by the trigger below, for a whole batch at once.
CREATE TABLE ledger.posting (
    account_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    entry_id uuid NOT NULL,
    line smallint NOT NULL CHECK (line > 0),
    amount bigint NOT NULL CHECK (amount <> 0),
    balance_after bigint NOT NULL,
    currency text NOT NULL,
    booked_at timestamptz NOT NULL,
    value_date date NOT NULL,
    PRIMARY KEY (account_id, seq),
    UNIQUE (entry_id, line)
);
GRANT SELECT, INSERT ON ledger.posting TO coffer_app;

-- Only postings whose value date is not the day they were booked leave a mark here: their amount on the value date, and its
-- opposite on the day booked. A balance by value date is the balance booked by the end of that day plus the shifts up to it: the
-- cost grows with the days, not with the postings, and a posting without a value date of its own pays nothing.
CREATE TABLE ledger.value_shift (
    account_id uuid NOT NULL,
    day date NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (account_id, day)
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE ON ledger.value_shift TO coffer_app;

CREATE TABLE ledger.hold (
    hold_id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES ledger.account,
    amount bigint NOT NULL CHECK (amount > 0),
    status text NOT NULL CHECK (status IN ('pending', 'posted', 'voided', 'expired')),
    description text NOT NULL,
    placed_at timestamptz NOT NULL,
    expires_at timestamptz,
    settled_at timestamptz,
    posted_amount bigint CHECK (posted_amount BETWEEN 1 AND amount),
    entry_id uuid,
    CONSTRAINT settled_once CHECK ((status = 'pending') = (settled_at IS NULL)),
    CONSTRAINT posted_by_an_entry CHECK (
        (status = 'posted') = (entry_id IS NOT NULL) AND (status = 'posted') = (posted_amount IS NOT NULL)
    )
);
CREATE INDEX hold_by_account ON ledger.hold (account_id, placed_at DESC, hold_id);
GRANT SELECT, INSERT, UPDATE ON ledger.hold TO coffer_app;

-- Runs once per statement, over all postings that it wrote. Nested loops over keys are forced, so that a plan made while the
-- tables were small does not read them whole when they are large.
CREATE FUNCTION ledger.postings_hold_together() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.entry_id, n.currency INTO wrong
    FROM new_posting AS n
    GROUP BY n.entry_id, n.currency
    HAVING sum(n.amount) <> 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not sum to zero in %', wrong.entry_id, wrong.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_sums_to_zero', SCHEMA = 'ledger', TABLE = 'posting';
    END IF;

    SELECT n.entry_id INTO wrong
    FROM (SELECT entry_id, count(*) AS lines FROM new_posting GROUP BY entry_id) AS n
    LEFT JOIN ledger.entry AS e ON e.entry_id = n.entry_id
    WHERE e.lines IS DISTINCT FROM n.lines
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % is not there, or has another number of postings', wrong.entry_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_is_whole', SCHEMA = 'ledger', TABLE = 'posting';
    END IF;

    SELECT n.account_id, n.seq INTO wrong
    FROM (
        SELECT *, lead(seq) OVER (PARTITION BY account_id ORDER BY seq) IS NULL AS is_last FROM new_posting
    ) AS n
    LEFT JOIN ledger.posting AS before ON before.account_id = n.account_id AND before.seq = n.seq - 1
    LEFT JOIN ledger.account AS a ON a.account_id = n.account_id
    WHERE a.currency IS DISTINCT FROM n.currency
        OR (n.is_last AND a.seq <> n.seq)
        OR (n.seq = 1 AND n.balance_after <> n.amount)
        OR (n.seq > 1 AND before.balance_after + n.amount IS DISTINCT FROM n.balance_after)
        OR before.booked_at > n.booked_at
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'posting % of account % does not follow from the one before', wrong.seq, wrong.account_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_follow', SCHEMA = 'ledger', TABLE = 'posting';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER postings_hold_together AFTER INSERT ON ledger.posting
    REFERENCING NEW TABLE AS new_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.postings_hold_together();

-- The other direction: a balance changes only with the posting that says so, and an entry is written with its postings.
CREATE FUNCTION ledger.accounts_agree_with_postings() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.account_id INTO wrong
    FROM new_account AS n
    LEFT JOIN ledger.posting AS p ON p.account_id = n.account_id AND p.seq = n.seq
    WHERE n.seq > 0 AND p.balance_after IS DISTINCT FROM n.balance
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the balance of account % is not what its last posting says', wrong.account_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_is_posted', SCHEMA = 'ledger', TABLE = 'account';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER accounts_agree_with_postings AFTER UPDATE ON ledger.account
    REFERENCING NEW TABLE AS new_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.accounts_agree_with_postings();

CREATE FUNCTION ledger.entries_have_postings() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.entry_id INTO wrong
    FROM new_entry AS n
    LEFT JOIN ledger.posting AS p ON p.entry_id = n.entry_id AND p.line = n.lines
    WHERE p.entry_id IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % has no postings', wrong.entry_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_is_whole', SCHEMA = 'ledger', TABLE = 'entry';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER entries_have_postings AFTER INSERT ON ledger.entry
    REFERENCING NEW TABLE AS new_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.entries_have_postings();

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % of %.% is refused', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
