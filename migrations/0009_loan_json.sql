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
