-- +goose Up

-- Programs of the release before go on with this schema: each new column is nullable or has a
-- default, and no index that they name is gone. docs/databases.md says how to upgrade.

ALTER TABLE cloudpay_orders ADD COLUMN generation INTEGER NOT NULL DEFAULT 1; -- counts the registrations of the number: more than one after a withdrawal
ALTER TABLE cloudpay_orders ADD COLUMN round INTEGER NOT NULL DEFAULT 1; -- counts up with each reopening
ALTER TABLE cloudpay_orders ADD COLUMN withdrawn_at INTEGER; -- set: progress is gaveUp, since it was withdrawn
ALTER TABLE cloudpay_orders ADD COLUMN clock_waits INTEGER NOT NULL DEFAULT 0; -- how often it waited because the clocks differ

-- The outbox anew, for SQLite drops no constraints. event_id is derived from the order, its
-- generation, the kind and the round: an event that is recorded again after a lost commit has the
-- same. NULL: a program of the release before wrote the row. seq counts by merchant. An event
-- outlives its order.
CREATE TABLE cloudpay_events_2 (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id       BLOB,
    seq            INTEGER,
    kind           TEXT NOT NULL,
    region         TEXT NOT NULL,
    mchid          TEXT NOT NULL,
    sub_mchid      TEXT NOT NULL,
    out_trade_no   TEXT NOT NULL,
    order_id       INTEGER NOT NULL,
    owner          TEXT NOT NULL,
    occurred_at    INTEGER NOT NULL,
    ending         TEXT NOT NULL,
    trade_state    TEXT NOT NULL,
    total          INTEGER,
    paid_total     INTEGER,
    transaction_id TEXT NOT NULL,
    paid_at        INTEGER,
    reason         TEXT NOT NULL,

    -- On its way: due until it was delivered, or is dead.
    due_at         INTEGER,
    token          TEXT,
    attempts       INTEGER NOT NULL DEFAULT 0,
    last_error     TEXT NOT NULL DEFAULT '',
    delivered_at   INTEGER,
    dead_at        INTEGER,
    CONSTRAINT cloudpay_events_way CHECK ((due_at IS NULL) = (delivered_at IS NOT NULL OR dead_at IS NOT NULL))
) STRICT;
INSERT INTO cloudpay_events_2 (id, seq, kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending, trade_state, total, paid_total,
        transaction_id, paid_at, reason, due_at, token, attempts, last_error, delivered_at, dead_at)
    SELECT id, seq, kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending, trade_state, total, paid_total,
        transaction_id, paid_at, reason, due_at, token, attempts, last_error, delivered_at, dead_at FROM cloudpay_events;
DROP TABLE cloudpay_events;
ALTER TABLE cloudpay_events_2 RENAME TO cloudpay_events;

-- The last number of each merchant's events. Programs of the release before number no more: their
-- counter is gone.
CREATE TABLE cloudpay_numbers (
    region TEXT NOT NULL,
    mchid  TEXT NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (region, mchid)
) STRICT;
DELETE FROM cloudpay_counters WHERE name = 'events';
INSERT INTO cloudpay_numbers (region, mchid, last)
    SELECT region, mchid, MAX(seq) FROM cloudpay_events WHERE seq IS NOT NULL GROUP BY region, mchid;

-- From where on a scan for due rows reads: before, all is handled. internal/store/watermark.go says
-- how they are kept.
CREATE TABLE cloudpay_watermarks (
    region    TEXT NOT NULL,
    mchid     TEXT NOT NULL,
    what      TEXT NOT NULL,
    head      INTEGER NOT NULL, -- from here claims read
    low       INTEGER NOT NULL, -- from here surveys look for rows that were committed late
    full_to   INTEGER, -- up to here the pass from the beginning has read that is under way
    span      INTEGER NOT NULL DEFAULT 0, -- of how many microseconds one statement reads; 0: of all
    raised_at INTEGER NOT NULL, -- when the last survey began
    deep_at   INTEGER NOT NULL, -- when the last pass from low, and the last from the beginning, was complete
    full_at   INTEGER NOT NULL,
    PRIMARY KEY (region, mchid, what)
) STRICT;

-- What is left of pruned orders.
CREATE TABLE cloudpay_tombstones (
    hash       BLOB PRIMARY KEY, -- the first 16 bytes of SHA-256 over region, mchid, sub_mchid, out_trade_no, each preceded by its length
    ending     TEXT NOT NULL,
    generation INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    pruned_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was changed of a registration, and by which caller.
CREATE TABLE cloudpay_changes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id   INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    field      TEXT NOT NULL,
    was        TEXT NOT NULL,
    became     TEXT NOT NULL
) STRICT;
CREATE INDEX cloudpay_changes_order ON cloudpay_changes (order_id, id);

-- A receiver of events that acknowledges none.
CREATE TABLE cloudpay_receivers (
    region        TEXT NOT NULL,
    mchid         TEXT NOT NULL,
    failing_since INTEGER, -- NULL: the last delivery was acknowledged
    opens_at      INTEGER, -- before this, the receiver wants no deliveries (Retry-After)
    last_error    TEXT NOT NULL,
    PRIMARY KEY (region, mchid)
) STRICT;

-- One row: the step that this schema is at, and the oldest step whose programs can work with it.
CREATE TABLE cloudpay_schema (
    version          INTEGER NOT NULL,
    compatible_since INTEGER NOT NULL
) STRICT;
INSERT INTO cloudpay_schema (version, compatible_since) VALUES (2, 1);

-- +goose Down

DROP TABLE cloudpay_schema;
DROP TABLE cloudpay_receivers;
DROP TABLE cloudpay_changes;
DROP TABLE cloudpay_tombstones;
DROP TABLE cloudpay_watermarks;
DROP TABLE cloudpay_numbers;
ALTER TABLE cloudpay_events DROP COLUMN event_id;
ALTER TABLE cloudpay_orders DROP COLUMN generation;
ALTER TABLE cloudpay_orders DROP COLUMN round;
ALTER TABLE cloudpay_orders DROP COLUMN withdrawn_at;
ALTER TABLE cloudpay_orders DROP COLUMN clock_waits;
INSERT INTO cloudpay_counters (name, value) SELECT 'events', COALESCE(MAX(seq), 0) FROM cloudpay_events;
