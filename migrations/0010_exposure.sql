-- A group's limit counts what its members guarantee wherever, not only for loans of the group: it is summed by member, and the
-- index by group has no reader any more. The column stays as what was known when the guarantor was added.
DROP INDEX loan.guarantor_by_group;
COMMENT ON COLUMN loan.guarantor.group_id IS 'The group that the guarantor was in when added; before, that of borrower and guarantor, if it was one.';
