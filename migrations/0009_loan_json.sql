-- A loan's book and its transactions are written and read whole and never looked into by the database. As text they cost it half of
-- what they cost as jsonb, and most books are short enough to stay in their row as they are.
ALTER TABLE loan.book ALTER COLUMN book TYPE json;
ALTER TABLE loan.transaction ALTER COLUMN happening TYPE json, ALTER COLUMN change TYPE json;

-- What is kept of a decision is what it follows from. The entry that it is told to the ledger by stands beside it, for the proof.
ALTER TABLE loan.pending ADD COLUMN entry_id uuid;
UPDATE loan.pending SET entry_id = (decision ->> 'entry_id')::uuid;
COMMENT ON COLUMN loan.pending.entry_id IS 'The entry that is on its way to the ledger, or booked there already; none where no money moves.';
CREATE OR REPLACE VIEW reporting.loan_entries_under_way AS
SELECT entry_id FROM loan.pending WHERE entry_id IS NOT NULL
UNION
SELECT entry_id FROM loan.telling WHERE told_at IS NULL;

-- LZ4 costs a tenth of what PostgreSQL's own compression costs. Not every server is built with it.
DO $$
BEGIN
    ALTER TABLE loan.book ALTER COLUMN book SET COMPRESSION lz4;
    ALTER TABLE loan.transaction ALTER COLUMN change SET COMPRESSION lz4;
    ALTER TABLE runtime.inbox ALTER COLUMN reply SET COMPRESSION lz4;
    ALTER TABLE runtime.outbox ALTER COLUMN envelopes SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no LZ4; rows are compressed by pglz';
END
$$;
