-- What was written off of a loan is what its transactions say, not how much it owed at the end of the day before: on the day of a
-- write-off it may have been paid before it. An amount is written out with all its places, so without the point it is minor units.
CREATE INDEX transaction_written_off ON loan.transaction (loan_id) WHERE kind = 'write_off';

CREATE VIEW reporting.loan_write_offs AS
SELECT loan_id, on_date, after - before AS principal
FROM (
    SELECT
        t.loan_id,
        t.booked_on AS on_date,
        replace(t.change #>> '{before,written_off,principal,amount}', '.', '')::bigint AS before,
        replace(t.change #>> '{after,written_off,principal,amount}', '.', '')::bigint AS after
    FROM loan.transaction AS t
    WHERE t.loan_id IN (SELECT w.loan_id FROM loan.transaction AS w WHERE w.kind = 'write_off')
) AS told
WHERE after <> before;
COMMENT ON VIEW reporting.loan_write_offs IS
'How much more principal is written off with each booking that changes it, in minor units; what takes a write-off back is below zero.';
GRANT SELECT ON reporting.loan_write_offs TO coffer_app;
