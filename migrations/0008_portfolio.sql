-- The portfolio keeps nothing: it reads what others let it read. These are the ledger's views for the proof of the loans' own books
-- against it, and what the proof and the provisions need of the loans beside the views that came with them.
CREATE VIEW reporting.ledger_postings AS
SELECT account_id, entry_id, value_date, amount FROM ledger.posting;
COMMENT ON VIEW reporting.ledger_postings IS 'Every posting; a debit is above zero, in minor units.';

CREATE VIEW reporting.ledger_accounts AS
SELECT account_id, gl_code, currency, kind FROM ledger.account;

-- Few rows: one per bucket and product version, not per loan.
CREATE VIEW reporting.loan_product_buckets AS
SELECT
    p.product_id,
    p.version AS product_version,
    bucket ->> 'name' AS bucket,
    (bucket ->> 'from_days')::integer AS from_days,
    bucket ->> 'provision_percent' AS provision_percent
FROM loan.product AS p
CROSS JOIN LATERAL jsonb_array_elements(p.product -> 'rules' -> 'buckets') AS bucket;
COMMENT ON VIEW reporting.loan_product_buckets IS 'How late a loan is in each delinquency bucket, and what is set aside for it.';

-- An entry is decided before the ledger is asked for it, and noted as told afterwards; between the two either side may have it alone.
CREATE VIEW reporting.loan_entries_under_way AS
SELECT (decision ->> 'entry_id')::uuid AS entry_id FROM loan.pending WHERE decision ->> 'entry_id' IS NOT NULL
UNION
SELECT entry_id FROM loan.telling WHERE told_at IS NULL;
COMMENT ON VIEW reporting.loan_entries_under_way IS 'Entries that loans are just telling the ledger.';

GRANT SELECT ON
    reporting.ledger_postings, reporting.ledger_accounts, reporting.loan_product_buckets, reporting.loan_entries_under_way
TO coffer_app;
