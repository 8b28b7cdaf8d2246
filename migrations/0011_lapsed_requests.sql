-- A request that the loan does not allow any more when it is approved has lapsed: nobody decided it, and it says why.
ALTER TABLE loan.request
    ADD COLUMN lapsed_because text,
    ADD COLUMN lapsed_detail text,
    DROP CONSTRAINT request_status_check,
    ADD CONSTRAINT request_status_check CHECK (status IN ('open', 'approved', 'rejected', 'lapsed')),
    DROP CONSTRAINT decided_by_somebody,
    ADD CONSTRAINT decided_by_somebody CHECK ((status IN ('open', 'lapsed')) = (decided_by IS NULL)),
    ADD CONSTRAINT lapses_for_a_reason CHECK ((status = 'lapsed') = (lapsed_because IS NOT NULL));
