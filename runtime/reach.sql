-- name: members_within_reach
-- Those of a few members who are within reach.
SELECT w.member_id
FROM reporting.members_within_reach($2, $3, $4) AS w
WHERE w.member_id = ANY($1::uuid[]);
