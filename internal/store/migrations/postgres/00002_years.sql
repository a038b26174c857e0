-- +goose Up

-- Programs of the release before go on with this schema: each new column is nullable or has a
-- default, and no index that they name is gone. docs/databases.md says how to upgrade.

ALTER TABLE cloudpay_orders
    ADD COLUMN generation   integer NOT NULL DEFAULT 1, -- counts the registrations of the number: more than one after a withdrawal
    ADD COLUMN round        integer NOT NULL DEFAULT 1, -- counts up with each reopening
    ADD COLUMN withdrawn_at timestamptz,                -- set: progress is gaveUp, since it was withdrawn
    ADD COLUMN clock_waits  integer NOT NULL DEFAULT 0; -- how often it waited because the clocks differ

-- event_id is derived from the order, its generation, the kind and the round: an event that is
-- recorded again after a lost commit has the same. NULL: a program of the release before wrote the
-- row. seq counts by merchant. An event outlives its order.
ALTER TABLE cloudpay_events
    ADD COLUMN event_id uuid,
    DROP CONSTRAINT cloudpay_events_order_id_fkey,
    DROP CONSTRAINT cloudpay_events_seq_key;

-- An order leaves two dead rows behind when it ends, and an event four until it is delivered. By
-- default a table is vacuumed when a fifth of it is dead, which in a table of ten million takes
-- weeks, and claims would read ever more dead entries wherever a watermark cannot spare them.
-- fillfactor stays: due_at is indexed, so that no update of these rows is a HOT one.
ALTER TABLE cloudpay_orders SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE cloudpay_events SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

-- The last number of each merchant's events. Programs of the release before number no more: their
-- counter is gone.
CREATE TABLE cloudpay_numbers (
    region text COLLATE "C" NOT NULL,
    mchid  text COLLATE "C" NOT NULL,
    last   bigint NOT NULL,
    PRIMARY KEY (region, mchid)
);
DELETE FROM cloudpay_counters WHERE name = 'events';
INSERT INTO cloudpay_numbers (region, mchid, last)
    SELECT region, mchid, MAX(seq) FROM cloudpay_events WHERE seq IS NOT NULL GROUP BY region, mchid;

-- From where on a scan for due rows reads: before, all is handled. internal/store/watermark.go says
-- how they are kept.
CREATE TABLE cloudpay_watermarks (
    region    text COLLATE "C" NOT NULL,
    mchid     text COLLATE "C" NOT NULL,
    what      text COLLATE "C" NOT NULL,
    head      timestamptz NOT NULL, -- from here claims read
    low       timestamptz NOT NULL, -- from here surveys look for rows that were committed late
    full_to   timestamptz, -- up to here the pass from the beginning has read that is under way
    span      bigint NOT NULL DEFAULT 0, -- of how many microseconds one statement reads; 0: of all
    raised_at timestamptz NOT NULL, -- when the last survey began
    deep_at   timestamptz NOT NULL, -- when the last pass from low, and the last from the beginning, was complete
    full_at   timestamptz NOT NULL,
    PRIMARY KEY (region, mchid, what)
);

-- What is left of pruned orders.
CREATE TABLE cloudpay_tombstones (
    hash       bytea PRIMARY KEY, -- the first 16 bytes of SHA-256 over region, mchid, sub_mchid, out_trade_no, each preceded by its length
    ending     text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    ended_at   timestamptz NOT NULL,
    pruned_at  timestamptz NOT NULL
);

-- What was changed of a registration, and by which caller.
CREATE TABLE cloudpay_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id   bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    field      text COLLATE "C" NOT NULL,
    was        text NOT NULL,
    became     text NOT NULL
);
CREATE INDEX cloudpay_changes_order ON cloudpay_changes (order_id, id);

-- A receiver of events that acknowledges none.
CREATE TABLE cloudpay_receivers (
    region        text COLLATE "C" NOT NULL,
    mchid         text COLLATE "C" NOT NULL,
    failing_since timestamptz, -- NULL: the last delivery was acknowledged
    opens_at      timestamptz, -- before this, the receiver wants no deliveries (Retry-After)
    last_error    text NOT NULL,
    PRIMARY KEY (region, mchid)
);

-- One row: the step that this schema is at, and the oldest step whose programs can work with it.
CREATE TABLE cloudpay_schema (
    version          integer NOT NULL,
    compatible_since integer NOT NULL
);
INSERT INTO cloudpay_schema (version, compatible_since) VALUES (2, 1);

-- +goose Down

ALTER TABLE cloudpay_orders RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE cloudpay_events RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor);
DROP TABLE cloudpay_schema;
DROP TABLE cloudpay_receivers;
DROP TABLE cloudpay_changes;
DROP TABLE cloudpay_tombstones;
DROP TABLE cloudpay_watermarks;
DROP TABLE cloudpay_numbers;
ALTER TABLE cloudpay_events DROP COLUMN event_id;
ALTER TABLE cloudpay_orders DROP COLUMN generation, DROP COLUMN round, DROP COLUMN withdrawn_at, DROP COLUMN clock_waits;
INSERT INTO cloudpay_counters (name, value) SELECT 'events', COALESCE(MAX(seq), 0) FROM cloudpay_events;
