-- What the actors' runtime keeps: what was handled (inbox), what was said and is not yet known to have arrived (outbox),
-- what must wait (parked keys, timers), what could not be handled (dead letters). The runtime's code alone touches it.
-- `reporting` holds the views by which actors let others read.
CREATE SCHEMA runtime;
CREATE SCHEMA reporting;
GRANT USAGE ON SCHEMA runtime, reporting TO coffer_app;

CREATE TABLE runtime.inbox (
    message_id uuid NOT NULL,
    actor text NOT NULL,
    fingerprint bytea NOT NULL,
    kind text NOT NULL CHECK (kind IN ('reply', 'refusal')),
    reply bytea NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (message_id, actor)
);
COMMENT ON TABLE runtime.inbox IS 'One row per message and actor that handled it, with the reply it got: a duplicate gets the same.';
CREATE INDEX inbox_handled_at ON runtime.inbox USING brin (handled_at);

-- One row per turn that said something: its messages packed, so that an event costs no row of its own.
CREATE TABLE runtime.outbox (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor text NOT NULL,
    message_ids uuid[] NOT NULL,
    receivers text[] NOT NULL,
    envelopes bytea NOT NULL,
    said_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    sent_times integer NOT NULL DEFAULT 0,
    settled_at timestamptz
);
COMMENT ON COLUMN runtime.outbox.receivers IS 'The actors whose inbox must have it; aligned with message_ids, several comma-separated; {} for none.';
COMMENT ON COLUMN runtime.outbox.settled_at IS 'When every receiver was known to have handled it.';
CREATE INDEX outbox_unsettled ON runtime.outbox (number) WHERE settled_at IS NULL;
CREATE INDEX outbox_unsent ON runtime.outbox (number) WHERE sent_at IS NULL;

CREATE TABLE runtime.attempt (
    actor text NOT NULL,
    message_id uuid NOT NULL,
    starts integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    error text,
    PRIMARY KEY (actor, message_id)
);
COMMENT ON COLUMN runtime.attempt.starts IS 'Turns begun on a redelivered message and not ended: what kills its process is found by it.';

CREATE TABLE runtime.parked_key (
    actor text NOT NULL,
    key text NOT NULL,
    due_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    reason text NOT NULL,
    held boolean NOT NULL DEFAULT false,
    PRIMARY KEY (actor, key)
);
CREATE TABLE runtime.parked_message (
    actor text NOT NULL,
    key text NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    message_id uuid NOT NULL,
    envelope jsonb NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key, position),
    UNIQUE (actor, message_id)
);
CREATE INDEX parked_key_due ON runtime.parked_key (due_at);

CREATE TABLE runtime.dead_letter (
    id uuid PRIMARY KEY,
    actor text NOT NULL,
    message_id uuid,
    type text NOT NULL,
    key text,
    reason text NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    envelope jsonb NOT NULL,
    state text NOT NULL DEFAULT 'dead' CHECK (state IN ('dead', 'replayed', 'discarded')),
    note text,
    resolved_by text,
    resolved_at timestamptz
);
CREATE INDEX dead_letter_by_state ON runtime.dead_letter (state, last_at DESC, id);

CREATE TABLE runtime.timer (
    id uuid PRIMARY KEY,
    due_at timestamptz NOT NULL,
    envelope jsonb NOT NULL
);
CREATE INDEX timer_due ON runtime.timer (due_at);

CREATE TABLE runtime.process (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    pools jsonb NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE runtime.process IS 'The processes that run actors, each of which tells every two seconds that it lives.';

CREATE TABLE runtime.pool_change (
    pool text NOT NULL,
    setting text NOT NULL,
    value jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pool, setting)
);
COMMENT ON TABLE runtime.pool_change IS 'Settings of pools that an operator changed while they run; they lie over the files.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA runtime TO coffer_app;
