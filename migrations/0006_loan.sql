-- What the loan actor keeps: applications, what was asked and decided, the transactions that a loan's truth follows from, the book
-- that they come to, and the lines by which its money is told to the ledger. Transactions are never changed: a mistake is taken
-- back by another transaction. One convention in every line: a debit is above zero, a credit below, in minor units.
CREATE SCHEMA loan;
GRANT USAGE ON SCHEMA loan TO coffer_app;

CREATE TABLE loan.product (
    product_id uuid NOT NULL,
    version integer NOT NULL,
    product jsonb NOT NULL,
    code text GENERATED ALWAYS AS (product ->> 'code') STORED,
    PRIMARY KEY (product_id, version)
);
COMMENT ON TABLE loan.product IS 'The versions of products that loans were applied for under, as the product actor told them.';
GRANT SELECT, INSERT ON loan.product TO coffer_app;

-- The daily close changes a row of every loan: it is small, has room in its page so that it changes in place (HOT), and no index
-- names a column that the close moves, but for the status.
CREATE TABLE loan.loan (
    loan_id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    member_id uuid NOT NULL,
    group_id uuid,
    product_id uuid NOT NULL,
    product_version integer NOT NULL,
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN (
        'draft', 'submitted', 'under_review', 'approved', 'rejected', 'withdrawn',
        'active', 'in_arrears', 'closed', 'charged_off', 'written_off'
    )),
    approved bigint NOT NULL CHECK (approved > 0),
    settlement_account_id uuid,
    account_id uuid,
    disbursed_on date,
    closed_through date,
    principal_disbursed bigint NOT NULL DEFAULT 0,
    principal_outstanding bigint NOT NULL DEFAULT 0,
    interest_outstanding bigint NOT NULL DEFAULT 0,
    fees_outstanding bigint NOT NULL DEFAULT 0,
    penalties_outstanding bigint NOT NULL DEFAULT 0,
    past_due_since date,
    bucket text NOT NULL DEFAULT 'current',
    provision_percent numeric NOT NULL DEFAULT 0,
    last_number integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    FOREIGN KEY (product_id, product_version) REFERENCES loan.product
) WITH (fillfactor = 70);
COMMENT ON COLUMN loan.loan.approved IS 'What may be paid out, in minor units.';
COMMENT ON COLUMN loan.loan.closed_through IS 'The last business date whose close counted.';
COMMENT ON COLUMN loan.loan.last_number IS 'The number of the last transaction.';
CREATE INDEX loan_by_member ON loan.loan (member_id, seq);
CREATE INDEX loan_to_close ON loan.loan (loan_id) WHERE status IN ('active', 'in_arrears', 'charged_off');
GRANT SELECT, INSERT, UPDATE ON loan.loan TO coffer_app;

CREATE TABLE loan.application (
    loan_id uuid PRIMARY KEY REFERENCES loan.loan,
    terms jsonb NOT NULL,
    purpose text,
    submitted_by text,
    approved_by text,
    reason text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE loan.application IS 'What was applied for and who decided it: what the daily close has no use for.';
GRANT SELECT, INSERT, UPDATE ON loan.application TO coffer_app;

CREATE TABLE loan.book (
    loan_id uuid PRIMARY KEY REFERENCES loan.loan,
    book jsonb NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE loan.book IS 'What the transactions and closes of a loan come to; whatever stands here follows from them.';
GRANT SELECT, INSERT, UPDATE ON loan.book TO coffer_app;

CREATE TABLE loan.document (
    loan_id uuid NOT NULL REFERENCES loan.loan,
    name text NOT NULL,
    reference text,
    seen_by text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (loan_id, name)
);
GRANT SELECT, INSERT, UPDATE ON loan.document TO coffer_app;

CREATE TABLE loan.guarantor (
    guarantor_id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES loan.loan,
    member_id uuid NOT NULL,
    group_id uuid,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    removed_at timestamptz
);
COMMENT ON COLUMN loan.guarantor.group_id IS 'The group of borrower and guarantor, for what its members may guarantee in all.';
CREATE UNIQUE INDEX guarantor_once ON loan.guarantor (loan_id, member_id) WHERE removed_at IS NULL;
CREATE INDEX guarantor_by_member ON loan.guarantor (member_id) WHERE removed_at IS NULL;
CREATE INDEX guarantor_by_group ON loan.guarantor (group_id) WHERE removed_at IS NULL AND group_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON loan.guarantor TO coffer_app;

CREATE TABLE loan.collateral (
    collateral_id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES loan.loan,
    description text NOT NULL,
    value bigint NOT NULL CHECK (value > 0),
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    removed_at timestamptz
);
CREATE INDEX collateral_by_loan ON loan.collateral (loan_id) WHERE removed_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON loan.collateral TO coffer_app;

CREATE TABLE loan.request (
    request_id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES loan.loan,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('disbursement', 'charge_off', 'write_off', 'reschedule')),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'approved', 'rejected')),
    amount bigint CHECK (amount > 0),
    asked jsonb NOT NULL,
    reason text,
    before jsonb,
    after jsonb,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    decided_by text CHECK (decided_by <> requested_by),
    decided_at timestamptz,
    transaction_id uuid,
    CONSTRAINT decided_by_somebody CHECK ((status = 'open') = (decided_by IS NULL))
);
COMMENT ON TABLE loan.request IS 'What one person asked for and another decided; nobody decides their own, whatever the code says.';
CREATE INDEX request_by_loan ON loan.request (loan_id, seq DESC);
GRANT SELECT, INSERT, UPDATE ON loan.request TO coffer_app;

CREATE TABLE loan.transaction (
    transaction_id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES loan.loan,
    number integer NOT NULL CHECK (number > 0),
    kind text NOT NULL,
    value_date date NOT NULL,
    booked_on date NOT NULL,
    happening jsonb NOT NULL,
    change jsonb NOT NULL,
    reverses uuid REFERENCES loan.transaction,
    made_at timestamptz NOT NULL,
    UNIQUE (loan_id, number)
);
COMMENT ON COLUMN loan.transaction.happening IS 'What the loan is replayed from.';
COMMENT ON COLUMN loan.transaction.change IS 'What was answered: the transaction, and the loan before and after it.';
CREATE UNIQUE INDEX transaction_reversed_once ON loan.transaction (reverses) WHERE reverses IS NOT NULL;
GRANT SELECT, INSERT ON loan.transaction TO coffer_app;

CREATE FUNCTION loan.numbers_have_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number > 1 AND NOT EXISTS (
        SELECT FROM loan.transaction WHERE loan_id = NEW.loan_id AND number = NEW.number - 1
    ) THEN
        RAISE EXCEPTION 'transaction % of loan % does not follow the one before', NEW.number, NEW.loan_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER numbers_have_no_gap BEFORE INSERT ON loan.transaction
    FOR EACH ROW EXECUTE FUNCTION loan.numbers_have_no_gap();
CREATE FUNCTION loan.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transactions are append-only: % is refused', tg_op USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON loan.transaction
    FOR EACH STATEMENT EXECUTE FUNCTION loan.refuse_change();

-- An entry of the ledger is decided here before the ledger is asked, so that whoever finishes it asks for the same. Those of a
-- transaction stand in its pending decision; these are of the daily closes, which are told summed.
CREATE TABLE loan.telling (
    entry_id uuid PRIMARY KEY,
    on_date date NOT NULL,
    currency text NOT NULL,
    lines integer NOT NULL,
    postings jsonb NOT NULL,
    told_at timestamptz
);
CREATE INDEX telling_untold ON loan.telling (on_date) WHERE told_at IS NULL;
GRANT SELECT, INSERT, UPDATE (told_at) ON loan.telling TO coffer_app;

CREATE TABLE loan.line (
    line_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    loan_id uuid NOT NULL,
    transaction_id uuid,
    on_date date NOT NULL,
    role text NOT NULL,
    account_id uuid NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0),
    entry_id uuid
) WITH (fillfactor = 80);
COMMENT ON TABLE loan.line IS 'What a loan did to each account of the ledger, by transaction and by close; of each it sums to zero.';
COMMENT ON COLUMN loan.line.entry_id IS 'The entry that told it to the ledger; null while a close''s line waits to be summed.';
CREATE INDEX line_by_loan ON loan.line (loan_id, line_id);
CREATE INDEX line_untold ON loan.line (on_date, currency, loan_id) WHERE entry_id IS NULL;
GRANT SELECT, INSERT, UPDATE (entry_id) ON loan.line TO coffer_app;

CREATE TABLE loan.pending (
    loan_id uuid PRIMARY KEY REFERENCES loan.loan,
    message_id uuid NOT NULL,
    decision jsonb NOT NULL,
    decided_at timestamptz NOT NULL
);
COMMENT ON TABLE loan.pending IS 'What was decided about a loan''s money, while the ledger is asked; it is repeated until it is done or refused.';
GRANT SELECT, INSERT, UPDATE, DELETE ON loan.pending TO coffer_app;

CREATE TABLE loan.external_payment (
    external_payment_id text PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES loan.loan,
    transaction_id uuid NOT NULL UNIQUE
);
COMMENT ON TABLE loan.external_payment IS 'Payments made elsewhere: each counts once, unless it is taken back.';
GRANT SELECT, INSERT, DELETE ON loan.external_payment TO coffer_app;

CREATE TABLE loan.standing (
    loan_id uuid NOT NULL REFERENCES loan.loan,
    from_date date NOT NULL,
    status text NOT NULL,
    principal_outstanding bigint NOT NULL,
    past_due_since date,
    bucket text NOT NULL,
    PRIMARY KEY (loan_id, from_date)
);
COMMENT ON TABLE loan.standing IS 'How a loan stood from a business date on; a row where something changed, so that any past date can be asked.';
CREATE INDEX standing_by_date ON loan.standing (from_date);
GRANT SELECT, INSERT, UPDATE ON loan.standing TO coffer_app;

CREATE VIEW reporting.loans AS
SELECT
    l.loan_id, l.member_id, l.group_id, l.product_id, l.product_version, p.code AS product_code, l.currency, l.status,
    l.account_id, l.disbursed_on, l.principal_disbursed, l.principal_outstanding, l.interest_outstanding, l.fees_outstanding,
    l.penalties_outstanding, l.past_due_since, l.bucket, l.provision_percent, l.closed_through
FROM loan.loan AS l
JOIN loan.product AS p ON p.product_id = l.product_id AND p.version = l.product_version;

CREATE VIEW reporting.loan_lines AS
SELECT line_id, loan_id, transaction_id, on_date, role, account_id, currency, amount, entry_id FROM loan.line;

CREATE VIEW reporting.loan_standings AS
SELECT loan_id, from_date, status, principal_outstanding, past_due_since, bucket FROM loan.standing;

GRANT SELECT ON reporting.loans, reporting.loan_lines, reporting.loan_standings TO coffer_app;
