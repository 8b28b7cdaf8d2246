-- What the close of business keeps: the business date and how it moved, and the runs that close it for every loan, each with what
-- is left of its work, so that whoever goes on after a crash knows where.
CREATE SCHEMA close_of_business;
GRANT USAGE ON SCHEMA close_of_business TO coffer_app;

CREATE TABLE close_of_business.business_date (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    business_date date NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
COMMENT ON TABLE close_of_business.business_date IS 'One row; none before the date is set for the first time.';

CREATE TABLE close_of_business.date_change (
    business_date date PRIMARY KEY,
    before date CHECK (before < business_date),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);

CREATE FUNCTION close_of_business.date_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the business date is % and moves only forward', OLD.business_date USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER date_moves_forward BEFORE UPDATE ON close_of_business.business_date
    FOR EACH ROW WHEN (NEW.business_date <= OLD.business_date) EXECUTE FUNCTION close_of_business.date_moves_forward();

CREATE TABLE close_of_business.run (
    run_id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    business_date date NOT NULL,
    loan_id uuid,
    is_dry_run boolean NOT NULL,
    advance boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'paused', 'completed', 'incomplete')),
    phase text NOT NULL CHECK (phase IN ('listing', 'closing', 'posting', 'done')),
    start integer NOT NULL CHECK (start > 0),
    round integer NOT NULL CHECK (round > 0),
    round_closed integer NOT NULL CHECK (round_closed >= 0),
    next_page integer NOT NULL CHECK (next_page > 0),
    list_cursor text,
    note text,
    total integer NOT NULL,
    closed integer NOT NULL,
    already_closed integer NOT NULL,
    figures jsonb NOT NULL,
    buckets jsonb NOT NULL,
    worked_seconds double precision NOT NULL,
    posts integer NOT NULL,
    accrual_entry_ids uuid[] NOT NULL,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
COMMENT ON COLUMN close_of_business.run.start IS 'Rises when the run is resumed; work that was begun before ends by it.';
COMMENT ON COLUMN close_of_business.run.round IS 'Which listing of the open loans it works on: the later ones find what was added or failed.';
COMMENT ON COLUMN close_of_business.run.seen_at IS 'When somebody last worked on it, by the clock of the database.';
COMMENT ON COLUMN close_of_business.run.posts IS 'How often the ledger was told a part of what accrued.';
COMMENT ON COLUMN close_of_business.run.figures IS 'Currency -> [accrued, penalties] in minor units.';
CREATE UNIQUE INDEX run_one_at_a_time ON close_of_business.run (status) WHERE status = 'running';
CREATE INDEX run_by_status ON close_of_business.run (status, seq);

CREATE TABLE close_of_business.page (
    run_id uuid NOT NULL REFERENCES close_of_business.run,
    number integer NOT NULL CHECK (number > 0),
    loan_ids uuid[] NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, number)
);
COMMENT ON TABLE close_of_business.page IS 'Loans that are still to be closed by a run; deleted with the commit that counts them.';

CREATE TABLE close_of_business.failure (
    run_id uuid NOT NULL REFERENCES close_of_business.run,
    loan_id uuid NOT NULL,
    rule text NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (run_id, loan_id)
);

GRANT SELECT, INSERT, UPDATE ON close_of_business.business_date, close_of_business.run TO coffer_app;
GRANT SELECT, INSERT ON close_of_business.date_change TO coffer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON close_of_business.page, close_of_business.failure TO coffer_app;

CREATE VIEW reporting.business_date AS SELECT business_date FROM close_of_business.business_date;
COMMENT ON VIEW reporting.business_date IS 'The institution''s day; no row before it is set for the first time.';
GRANT SELECT ON reporting.business_date TO coffer_app;
