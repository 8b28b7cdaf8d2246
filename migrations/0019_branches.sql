-- Members belong to a branch, and a group is looked after by an officer, so that a permission can reach the members of a branch or
-- of an officer's groups. Whom it reaches is asked in one way, by a function that every actor may call.
ALTER TABLE member.member ADD COLUMN branch text CHECK (branch ~ '^[a-z][a-z0-9_]{0,39}$');
COMMENT ON COLUMN member.member.branch IS 'A code of the settings; null: of none, so that only who reaches all reaches the member.';
CREATE INDEX member_by_branch ON member.member (branch) WHERE branch IS NOT NULL;

ALTER TABLE member.solidarity_group ADD COLUMN officer_id uuid;
COMMENT ON COLUMN member.solidarity_group.officer_id IS 'The user who looks after it; of the identity actor, so not a foreign key.';
CREATE INDEX group_by_officer ON member.solidarity_group (officer_id) WHERE officer_id IS NOT NULL;

-- Three parts, each by an index of its own. Of a null argument nothing follows: the comparison is not true.
CREATE FUNCTION reporting.members_within_reach(own uuid, officer uuid, of_branch text) RETURNS TABLE (member_id uuid)
LANGUAGE sql STABLE AS $$
    SELECT own WHERE own IS NOT NULL
    UNION ALL
    SELECT m.member_id FROM member.member AS m WHERE m.branch = of_branch
    UNION ALL
    SELECT s.member_id
    FROM member.solidarity_group AS g
    JOIN member.group_seat AS s ON s.group_id = g.group_id AND s.left_at IS NULL
    WHERE g.officer_id = officer
$$;
COMMENT ON FUNCTION reporting.members_within_reach IS
'The members whom a permission reaches: oneself, those of a branch, those of the groups that a user looks after.';
GRANT EXECUTE ON FUNCTION reporting.members_within_reach TO coffer_app;
