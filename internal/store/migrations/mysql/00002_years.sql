-- +goose Up

-- Programs of the release before go on with this schema: each new column is nullable or has a
-- default, and no index that they name is gone. docs/databases.md says how to upgrade.

ALTER TABLE cloudpay_orders
    ADD COLUMN generation   INTEGER NOT NULL DEFAULT 1, -- counts the registrations of the number: more than one after a withdrawal
    ADD COLUMN round        INTEGER NOT NULL DEFAULT 1, -- counts up with each reopening
    ADD COLUMN withdrawn_at DATETIME(6),                -- set: progress is gaveUp, since it was withdrawn
    ADD COLUMN clock_waits  INTEGER NOT NULL DEFAULT 0; -- how often it waited because the clocks differ

-- event_id is derived from the order, its generation, the kind and the round: an event that is
-- recorded again after a lost commit has the same. NULL: a program of the release before wrote the
-- row. seq counts by merchant. An event outlives its order.
ALTER TABLE cloudpay_events
    ADD COLUMN event_id BINARY(16),
    DROP FOREIGN KEY cloudpay_events_of;

-- The last number of each merchant's events. Programs of the release before number no more: their
-- counter is gone.
CREATE TABLE cloudpay_numbers (
    region VARBINARY(8) NOT NULL,
    mchid  VARBINARY(32) NOT NULL,
    last   BIGINT NOT NULL,
    PRIMARY KEY (region, mchid)
) ENGINE = InnoDB;
DELETE FROM cloudpay_counters WHERE name = 'events';
INSERT INTO cloudpay_numbers (region, mchid, last)
    SELECT region, mchid, MAX(seq) FROM cloudpay_events WHERE seq IS NOT NULL GROUP BY region, mchid;

-- From where on a scan for due rows reads: before, all is handled. internal/store/watermark.go says
-- how they are kept.
CREATE TABLE cloudpay_watermarks (
    region    VARBINARY(8) NOT NULL,
    mchid     VARBINARY(32) NOT NULL,
    what      VARBINARY(16) NOT NULL,
    head      DATETIME(6) NOT NULL, -- from here claims read
    low       DATETIME(6) NOT NULL, -- from here surveys look for rows that were committed late
    full_to   DATETIME(6), -- up to here the pass from the beginning has read that is under way
    span      BIGINT NOT NULL DEFAULT 0, -- of how many microseconds one statement reads; 0: of all
    raised_at DATETIME(6) NOT NULL, -- when the last survey began
    deep_at   DATETIME(6) NOT NULL, -- when the last pass from low, and the last from the beginning, was complete
    full_at   DATETIME(6) NOT NULL,
    PRIMARY KEY (region, mchid, what)
) ENGINE = InnoDB;

-- What is left of pruned orders.
CREATE TABLE cloudpay_tombstones (
    hash       BINARY(16) NOT NULL PRIMARY KEY, -- the first 16 bytes of SHA-256 over region, mchid, sub_mchid, out_trade_no, each preceded by its length
    ending     VARBINARY(16) NOT NULL,
    generation INTEGER NOT NULL,
    ended_at   DATETIME(6) NOT NULL,
    pruned_at  DATETIME(6) NOT NULL
) ENGINE = InnoDB;

-- What was changed of a registration, and by which caller.
CREATE TABLE cloudpay_changes (
    id         BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id   BIGINT NOT NULL,
    changed_at DATETIME(6) NOT NULL,
    changed_by VARCHAR(255) NOT NULL,
    field      VARBINARY(32) NOT NULL,
    was        VARCHAR(512) NOT NULL,
    became     VARCHAR(512) NOT NULL,
    INDEX cloudpay_changes_order (order_id, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A receiver of events that acknowledges none.
CREATE TABLE cloudpay_receivers (
    region        VARBINARY(8) NOT NULL,
    mchid         VARBINARY(32) NOT NULL,
    failing_since DATETIME(6), -- NULL: the last delivery was acknowledged
    opens_at      DATETIME(6), -- before this, the receiver wants no deliveries (Retry-After)
    last_error    VARCHAR(512) NOT NULL,
    PRIMARY KEY (region, mchid)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row: the step that this schema is at, and the oldest step whose programs can work with it.
CREATE TABLE cloudpay_schema (
    version          INTEGER NOT NULL,
    compatible_since INTEGER NOT NULL
) ENGINE = InnoDB;
INSERT INTO cloudpay_schema (version, compatible_since) VALUES (2, 1);

-- +goose Down

DROP TABLE cloudpay_schema;
DROP TABLE cloudpay_receivers;
DROP TABLE cloudpay_changes;
DROP TABLE cloudpay_tombstones;
DROP TABLE cloudpay_watermarks;
DROP TABLE cloudpay_numbers;
ALTER TABLE cloudpay_events DROP COLUMN event_id;
ALTER TABLE cloudpay_orders DROP COLUMN generation, DROP COLUMN round, DROP COLUMN withdrawn_at, DROP COLUMN clock_waits;
INSERT INTO cloudpay_counters (name, value) SELECT 'events', COALESCE(MAX(seq), 0) FROM cloudpay_events;
