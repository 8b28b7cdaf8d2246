-- name: claim_identifiers
-- Claims identifiers, in an order that two claimers share; one that somebody holds is left out of the answer.
INSERT INTO member.identifier (identifier_id, member_id, kind, country, value, added_at)
SELECT claim.identifier_id, $1, claim.kind, claim.country, claim.value, $6
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS claim (identifier_id, kind, country, value)
ORDER BY claim.kind, claim.country, claim.value
ON CONFLICT (kind, country, value) WHERE removed_at IS NULL AND released_at IS NULL DO NOTHING
RETURNING identifier_id;

-- name: insert_member
-- A new member with the next number, the words it is found by, and the first line of its history. The last statement of
-- its turn: whoever registers next waits for the number until the commit.
WITH numbered AS (
    UPDATE member.counter SET last = last + 1 WHERE name = 'member' RETURNING last
), added AS (
    INSERT INTO member.member (
        member_id, seq, kind, name, words, status, status_since, registered_at,
        person, business, phones, emails, address, branch, version
    )
    SELECT $1, numbered.last, $2, $3, $4, 'pending', $5, $5, $6, $7, $8, $9, $10, $12, 1 FROM numbered
    RETURNING seq
), found_by AS (
    INSERT INTO member.name_word (word, seq, member_id)
    SELECT word, added.seq, $1 FROM added, unnest($4::text[]) AS word
), history AS (
    INSERT INTO member.status_change (member_id, version, from_status, to_status, note, changed_at, changed_by)
    VALUES ($1, 1, NULL, 'pending', '', $5, $11)
)
SELECT seq FROM added;

-- name: member_by_id
-- One member with its identifiers.
SELECT
    m.member_id, m.seq, m.kind, m.name, m.status, m.status_reason, m.status_since, m.registered_at,
    m.branch, m.person, m.business, m.phones, m.emails, m.address, m.version,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'identifier_id', i.identifier_id, 'kind', i.kind, 'country', i.country, 'value', i.value, 'added_at', i.added_at
        ) ORDER BY i.added_at, i.kind, i.country, i.value), '[]')
        FROM member.identifier AS i WHERE i.member_id = m.member_id AND i.removed_at IS NULL
    ) AS identifiers
FROM member.member AS m
WHERE m.member_id = $1;

-- name: lock_member
-- Lets nobody else change the member until the commit; read it afterwards, in a statement of its own.
SELECT FROM member.member WHERE member_id = $1 FOR NO KEY UPDATE;

-- name: update_contact
-- New contact data.
UPDATE member.member SET phones = $2, emails = $3, address = $4, version = version + 1 WHERE member_id = $1;

-- name: update_details
-- A new name and what is particular to the kind of member.
UPDATE member.member
SET name = $2, words = $3, person = $4, business = $5, version = version + 1
WHERE member_id = $1;

-- name: forget_words
-- The words that the member was found by.
DELETE FROM member.name_word WHERE member_id = $1;

-- name: insert_words
-- The words that the member is found by.
INSERT INTO member.name_word (word, seq, member_id)
SELECT word, m.seq, m.member_id FROM member.member AS m, unnest(m.words) AS word WHERE m.member_id = $1;

-- name: touch_member
-- A new version, because something that belongs to the member has changed.
UPDATE member.member SET version = version + 1 WHERE member_id = $1;

-- name: move_member
-- Another branch.
UPDATE member.member SET branch = $2, version = version + 1 WHERE member_id = $1;

-- name: remove_identifier
-- Takes an identifier from the member; tells whether there was one.
UPDATE member.identifier SET removed_at = $3
WHERE identifier_id = $2 AND member_id = $1 AND removed_at IS NULL
RETURNING true;

-- name: release_identifiers
-- Lets others hold what a closed member held.
UPDATE member.identifier SET released_at = $2 WHERE member_id = $1 AND removed_at IS NULL;

-- name: change_status
-- A new status, and a line of history.
WITH changed AS (
    UPDATE member.member SET status = $3, status_reason = $4, status_since = $6, version = version + 1
    WHERE member_id = $1
    RETURNING version
)
INSERT INTO member.status_change (member_id, version, from_status, to_status, reason, note, changed_at, changed_by)
SELECT $1, changed.version, $2, $3, $4, $5, $6, $7 FROM changed;

-- name: status_changes
-- A member's history after a version, oldest first.
SELECT version, from_status, to_status, reason, note, changed_at, changed_by
FROM member.status_change
WHERE member_id = $1 AND version > $2
ORDER BY version
LIMIT $3;

-- name: ids_by_seq
-- Whoever has this member number.
SELECT member_id FROM member.member WHERE seq = $1;

-- name: ids_by_phone
-- Whoever has this phone number.
SELECT member_id FROM member.member WHERE phones @> ARRAY[$1::text];

-- name: ids_by_identifier
-- Whoever has, or had until the membership was closed, an identifier of this value.
SELECT DISTINCT member_id FROM member.identifier WHERE value = $1 AND removed_at IS NULL;

-- name: search_among
-- Those of a few known members that fit, in the order of their numbers.
SELECT m.member_id, m.seq, m.kind, m.name, m.status, m.registered_at, m.version
FROM member.member AS m
WHERE
    m.member_id = ANY($1::uuid[])
    AND ($2::text IS NULL OR m.status = $2)
    AND ($3::text IS NULL OR m.kind = $3)
    AND ' ' || array_to_string(m.words, ' ') LIKE ALL($4::text[])
    AND m.seq > $5
    AND ($7::boolean OR m.member_id IN (SELECT w.member_id FROM reporting.members_within_reach($8, $9, $10) AS w))
ORDER BY m.seq
LIMIT $6;

-- name: search_in_order
-- Members that fit, in the order of their numbers. Looks at no more than $4 of them; the row of the last one looked at comes
-- along without a member when it does not fit, so that the next page can begin there.
WITH looked_at AS (
    SELECT m.*, row_number() OVER (ORDER BY m.seq) AS nth
    FROM (SELECT * FROM member.member WHERE seq > $2 ORDER BY seq LIMIT $4) AS m
)
SELECT CASE WHEN fits THEN member_id END AS member_id, nth, seq, kind, name, status, registered_at, version
FROM (
    SELECT
        *,
        ($1::text IS NULL OR kind = $1)
        AND ($5::boolean OR member_id IN (SELECT w.member_id FROM reporting.members_within_reach($6, $7, $8) AS w)) AS fits
    FROM looked_at
) AS judged
WHERE fits OR nth = $4
ORDER BY seq
LIMIT $3;

-- name: search_by_status
-- As search_in_order, among the members of one status.
WITH looked_at AS (
    SELECT m.*, row_number() OVER (ORDER BY m.seq) AS nth
    FROM (SELECT * FROM member.member WHERE status = $9 AND seq > $2 ORDER BY seq LIMIT $4) AS m
)
SELECT CASE WHEN fits THEN member_id END AS member_id, nth, seq, kind, name, status, registered_at, version
FROM (
    SELECT
        *,
        ($1::text IS NULL OR kind = $1)
        AND ($5::boolean OR member_id IN (SELECT w.member_id FROM reporting.members_within_reach($6, $7, $8) AS w)) AS fits
    FROM looked_at
) AS judged
WHERE fits OR nth = $4
ORDER BY seq
LIMIT $3;

-- name: search_by_name
-- Members with a word in the range [$1, $2) that fit, in the order of that word (the first such word of each), then of their
-- numbers; after ($3, $4). Looks at no more than $9 words, and tells of the last one as search_in_order does.
WITH looked_at AS (
    SELECT w.word, w.seq, w.member_id, row_number() OVER (ORDER BY w.word, w.seq) AS nth
    FROM (
        SELECT word, seq, member_id FROM member.name_word
        WHERE word >= $1 AND word < $2 AND (word, seq) > ($3, $4::bigint)
        ORDER BY word, seq
        LIMIT $9
    ) AS w
), judged AS (
    SELECT
        l.nth, l.word, l.seq, m.member_id, m.kind, m.name, m.status, m.registered_at, m.version,
        l.word = (SELECT min(w COLLATE "C") FROM unnest(m.words) AS w WHERE w COLLATE "C" >= $1 AND w COLLATE "C" < $2)
        AND ' ' || array_to_string(m.words, ' ') LIKE ALL($5::text[])
        AND ($6::text IS NULL OR m.status = $6)
        AND ($7::text IS NULL OR m.kind = $7)
        AND ($10::boolean OR m.member_id IN (SELECT w.member_id FROM reporting.members_within_reach($11, $12, $13) AS w)) AS fits
    FROM looked_at AS l
    JOIN member.member AS m USING (member_id)
)
SELECT CASE WHEN fits THEN member_id END AS member_id, nth, word, seq, kind, name, status, registered_at, version
FROM judged
WHERE fits OR nth = $9
ORDER BY word, seq
LIMIT $8;

-- name: insert_group
-- A new group with the next number; nothing where another group has the name.
WITH numbered AS (
    UPDATE member.counter SET last = last + 1 WHERE name = 'group' RETURNING last
)
INSERT INTO member.solidarity_group (group_id, seq, name, folded_name, formed_at, version)
SELECT $1, numbered.last, $2, $3, $4, 1 FROM numbered
ON CONFLICT (folded_name) DO NOTHING
RETURNING seq;

-- name: group_by_id
-- One group with who is in it now.
SELECT
    g.group_id, g.seq, g.name, g.officer_id, g.formed_at, g.version,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'member_id', s.member_id, 'seq', m.seq, 'name', m.name, 'role', s.role, 'joined_at', s.joined_at
        ) ORDER BY s.joined_at, m.seq), '[]')
        FROM member.group_seat AS s JOIN member.member AS m USING (member_id)
        WHERE s.group_id = g.group_id AND s.left_at IS NULL
    ) AS seats
FROM member.solidarity_group AS g
WHERE g.group_id = $1;

-- name: lock_group
-- Lets nobody else change the group until the commit; read it afterwards, in a statement of its own.
SELECT FROM member.solidarity_group WHERE group_id = $1 FOR NO KEY UPDATE;

-- name: standing_of
-- The statuses of members, which stay until the commit; in an order that two askers share.
SELECT member_id, status FROM member.member WHERE member_id = ANY($1::uuid[]) ORDER BY member_id FOR SHARE;

-- name: seat_members
-- Seats members in a group; one who is in another group is left out of the answer.
INSERT INTO member.group_seat (group_id, member_id, role, joined_at)
SELECT $1, seat.member_id, seat.role, $4
FROM unnest($2::uuid[], $3::text[]) AS seat (member_id, role)
ORDER BY seat.member_id
ON CONFLICT (member_id) WHERE left_at IS NULL DO NOTHING
RETURNING member_id;

-- name: leave_seat
-- Ends a member's time in a group; tells whether there was one.
UPDATE member.group_seat SET left_at = $3 WHERE group_id = $1 AND member_id = $2 AND left_at IS NULL RETURNING true;

-- name: touch_group
-- A new version, because its members have changed.
UPDATE member.solidarity_group SET version = version + 1 WHERE group_id = $1;

-- name: group_of
-- The group that a member is in, if any.
SELECT group_id FROM member.group_seat WHERE member_id = $1 AND left_at IS NULL;

-- name: assign_officer
-- Another officer looks after the group.
UPDATE member.solidarity_group SET officer_id = $2, version = version + 1 WHERE group_id = $1;

-- name: groups
-- Groups after a number; where $2 is given, only the one that this member is in. All, or those with a member whom a permission
-- reaches, and those that its holder looks after.
SELECT
    g.group_id, g.seq, g.name, g.formed_at, g.version,
    (SELECT count(*) FROM member.group_seat AS s WHERE s.group_id = g.group_id AND s.left_at IS NULL) AS size
FROM member.solidarity_group AS g
WHERE
    g.seq > $1
    AND (
        $2::uuid IS NULL
        OR g.group_id = (SELECT s.group_id FROM member.group_seat AS s WHERE s.member_id = $2 AND s.left_at IS NULL)
    )
    AND (
        $4::boolean
        OR g.officer_id = $6
        OR g.group_id IN (
            SELECT s.group_id
            FROM reporting.members_within_reach($5, $6, $7) AS w
            JOIN member.group_seat AS s USING (member_id)
            WHERE s.left_at IS NULL
        )
    )
ORDER BY g.seq
LIMIT $3;
