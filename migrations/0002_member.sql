-- What the member actor keeps: persons and businesses, their identifiers, their status and how it came about, their groups.
-- Numbers that people read come from counter rows, not from sequences, because they have no gaps.
CREATE SCHEMA member;
GRANT USAGE ON SCHEMA member TO coffer_app;

CREATE TABLE member.counter (
    name text PRIMARY KEY,
    last bigint NOT NULL CHECK (last >= 0)
);
COMMENT ON TABLE member.counter IS 'The last number given; taken and committed together with what it numbers.';
INSERT INTO member.counter (name, last) VALUES ('member', 0), ('group', 0);

CREATE TABLE member.member (
    member_id uuid PRIMARY KEY,
    seq bigint NOT NULL UNIQUE CHECK (seq > 0),
    kind text NOT NULL CHECK (kind IN ('person', 'business')),
    name text NOT NULL,
    words text[] COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'active', 'suspended', 'closed')),
    status_reason text,
    status_since timestamptz NOT NULL,
    registered_at timestamptz NOT NULL,
    person jsonb,
    business jsonb,
    phones text[] NOT NULL,
    emails text[] NOT NULL,
    address jsonb,
    version integer NOT NULL CHECK (version > 0),
    CHECK ((kind = 'person') = (person IS NOT NULL)),
    CHECK ((kind = 'business') = (business IS NOT NULL))
);
COMMENT ON COLUMN member.member.seq IS 'The member number: 123 is M-000123.';
COMMENT ON COLUMN member.member.words IS 'The words of the name, folded and sorted, as search compares them.';
CREATE INDEX member_by_status ON member.member (status, seq);
CREATE INDEX member_by_phone ON member.member USING gin (phones);

CREATE FUNCTION member.closed_is_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'member % is closed, and that is for good', OLD.member_id USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER closed_is_for_good BEFORE UPDATE OF status ON member.member
    FOR EACH ROW WHEN (OLD.status = 'closed') EXECUTE FUNCTION member.closed_is_for_good();

-- One row per word of a name, so that a search by the beginnings of words reads an index range in the order it answers.
-- Bytewise order ("C"): a prefix is a range, on every platform alike, and needs no LIKE.
CREATE TABLE member.name_word (
    word text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    member_id uuid NOT NULL REFERENCES member.member,
    PRIMARY KEY (word, seq)
);
CREATE INDEX name_word_by_member ON member.name_word (member_id);

CREATE TABLE member.identifier (
    identifier_id uuid PRIMARY KEY,
    -- Checked at the commit, because identifiers are claimed first: who takes a number with gaps to fear takes it last.
    member_id uuid NOT NULL REFERENCES member.member DEFERRABLE INITIALLY DEFERRED,
    kind text NOT NULL,
    country text NOT NULL CHECK (length(country) = 2),
    value text COLLATE "C" NOT NULL,
    added_at timestamptz NOT NULL,
    removed_at timestamptz,
    released_at timestamptz
);
COMMENT ON COLUMN member.identifier.removed_at IS 'Taken from the member, who no longer shows it.';
COMMENT ON COLUMN member.identifier.released_at IS 'The membership was closed: still shown there, free for others.';
CREATE UNIQUE INDEX identifier_held_once ON member.identifier (kind, country, value)
    WHERE removed_at IS NULL AND released_at IS NULL;
CREATE INDEX identifier_by_value ON member.identifier (value) WHERE removed_at IS NULL;
CREATE INDEX identifier_by_member ON member.identifier (member_id);

CREATE TABLE member.status_change (
    member_id uuid NOT NULL REFERENCES member.member,
    version integer NOT NULL,
    from_status text,
    to_status text NOT NULL,
    reason text,
    note text NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    PRIMARY KEY (member_id, version)
);
COMMENT ON COLUMN member.status_change.version IS 'Of the member, after the change.';

CREATE TABLE member.solidarity_group (
    group_id uuid PRIMARY KEY,
    seq bigint NOT NULL UNIQUE CHECK (seq > 0),
    name text NOT NULL,
    folded_name text COLLATE "C" NOT NULL UNIQUE,
    formed_at timestamptz NOT NULL,
    version integer NOT NULL CHECK (version > 0)
);

CREATE TABLE member.group_seat (
    group_id uuid NOT NULL REFERENCES member.solidarity_group,
    member_id uuid NOT NULL REFERENCES member.member,
    role text NOT NULL CHECK (role IN ('chair', 'secretary', 'treasurer', 'member')),
    joined_at timestamptz NOT NULL,
    left_at timestamptz
);
CREATE INDEX group_seat_by_group ON member.group_seat (group_id) WHERE left_at IS NULL;
CREATE UNIQUE INDEX one_group_at_a_time ON member.group_seat (member_id) WHERE left_at IS NULL;
CREATE UNIQUE INDEX one_holder_per_office ON member.group_seat (group_id, role) WHERE left_at IS NULL AND role <> 'member';

GRANT SELECT, UPDATE ON member.counter TO coffer_app;
GRANT SELECT, INSERT, UPDATE ON member.member, member.solidarity_group TO coffer_app;
GRANT SELECT, INSERT, DELETE ON member.name_word TO coffer_app;
GRANT SELECT, INSERT, UPDATE (removed_at, released_at) ON member.identifier TO coffer_app;
GRANT SELECT, INSERT ON member.status_change TO coffer_app;
GRANT SELECT, INSERT, UPDATE (left_at) ON member.group_seat TO coffer_app;

-- For reports: no names, no birth dates, no contact data.
CREATE VIEW reporting.members AS
SELECT
    member_id,
    seq AS number,
    kind,
    status,
    status_since,
    registered_at,
    person ->> 'gender' AS gender,
    business ->> 'sector' AS sector,
    business ->> 'legal_form' AS legal_form,
    business ->> 'size' AS size
FROM member.member;
GRANT SELECT ON reporting.members TO coffer_app;
