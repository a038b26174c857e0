-- +goose Up

-- For MySQL 8 and MariaDB 10.6 and later: only what both understand. Names are VARBINARY, for every collation that both
-- have takes A1 for a1, or "A1 " for A1. Times are UTC, the database's clock's.
CREATE TABLE cloudpay_orders (
    id             BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    region         VARBINARY(8) NOT NULL,
    mchid          VARBINARY(32) NOT NULL,
    sub_mchid      VARBINARY(32) NOT NULL,
    out_trade_no   VARBINARY(32) NOT NULL,

    -- As registered.
    owner          VARBINARY(255) NOT NULL,
    sub_appid      VARBINARY(32) NOT NULL,
    api            VARBINARY(16) NOT NULL,
    total          BIGINT,
    created_at     DATETIME(6),
    close_at       DATETIME(6),
    close_in       BIGINT, -- microseconds after registered_at, when there is no close_at
    registered_at  DATETIME(6) NOT NULL,

    -- What the gateway last said.
    trade_state    VARBINARY(32) NOT NULL DEFAULT '',
    authenticated  BOOLEAN NOT NULL DEFAULT FALSE,

    -- How far we are.
    progress       VARBINARY(8) NOT NULL CHECK (progress IN ('waiting', 'closing', 'done', 'gaveUp')),
    closing_since  DATETIME(6),
    due_at         DATETIME(6),
    lease_until    DATETIME(6),
    token          VARBINARY(32),
    attempts       INTEGER NOT NULL DEFAULT 0,
    last_error     VARCHAR(512) NOT NULL DEFAULT '',

    -- The end.
    ending         VARBINARY(16) NOT NULL DEFAULT '',
    transaction_id VARBINARY(64) NOT NULL DEFAULT '',
    paid_total     BIGINT,
    paid_at        DATETIME(6),
    ended_at       DATETIME(6),

    CONSTRAINT cloudpay_orders_ref UNIQUE (region, mchid, sub_mchid, out_trade_no),
    CONSTRAINT cloudpay_orders_end CHECK ((ending <> '') = (progress = 'done')),
    CONSTRAINT cloudpay_orders_due CHECK ((due_at IS NOT NULL) = (progress IN ('waiting', 'closing'))),
    CONSTRAINT cloudpay_orders_lease CHECK (lease_until IS NULL OR token IS NOT NULL),

    -- What is due is read from the front of this index, however many orders wait behind. It serves the stuck too.
    INDEX cloudpay_orders_claim (region, mchid, progress, due_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The outbox: a row in the same transaction as what it tells. seq is given later, one after the other by one transaction
-- at a time, for ids are not committed in their own order.
CREATE TABLE cloudpay_events (
    id             BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    seq            BIGINT,
    kind           VARBINARY(16) NOT NULL,
    region         VARBINARY(8) NOT NULL,
    mchid          VARBINARY(32) NOT NULL,
    sub_mchid      VARBINARY(32) NOT NULL,
    out_trade_no   VARBINARY(32) NOT NULL,
    order_id       BIGINT NOT NULL,
    owner          VARBINARY(255) NOT NULL,
    occurred_at    DATETIME(6) NOT NULL,
    ending         VARBINARY(16) NOT NULL,
    trade_state    VARBINARY(32) NOT NULL,
    total          BIGINT,
    paid_total     BIGINT,
    transaction_id VARBINARY(64) NOT NULL,
    paid_at        DATETIME(6),
    reason         VARCHAR(512) NOT NULL,

    -- On its way: due until it was delivered, or is dead.
    due_at         DATETIME(6),
    token          VARBINARY(32),
    attempts       INTEGER NOT NULL DEFAULT 0,
    last_error     VARCHAR(512) NOT NULL DEFAULT '',
    delivered_at   DATETIME(6),
    dead_at        DATETIME(6),

    CONSTRAINT cloudpay_events_seq UNIQUE (seq),
    CONSTRAINT cloudpay_events_of FOREIGN KEY (order_id) REFERENCES cloudpay_orders (id),
    CONSTRAINT cloudpay_events_way CHECK ((due_at IS NULL) = (delivered_at IS NOT NULL OR dead_at IS NOT NULL)),
    INDEX cloudpay_events_numbered (region, mchid, seq),
    INDEX cloudpay_events_due (region, mchid, due_at),
    INDEX cloudpay_events_dead (region, mchid, dead_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE cloudpay_counters (
    name  VARBINARY(32) NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) ENGINE = InnoDB;
INSERT INTO cloudpay_counters (name, value) VALUES ('events', 0);

-- How fast a merchant number may ask, which all that act for it share.
CREATE TABLE cloudpay_quotas (
    region     VARBINARY(8) NOT NULL,
    mchid      VARBINARY(32) NOT NULL,
    per_second DOUBLE NOT NULL, -- as it was at changed_at; it recovers with time
    changed_at DATETIME(6), -- NULL: never asked too often
    opens_at   DATETIME(6) NOT NULL, -- when the next call may be made
    PRIMARY KEY (region, mchid)
) ENGINE = InnoDB;

-- +goose Down

DROP TABLE cloudpay_events;
DROP TABLE cloudpay_orders;
DROP TABLE cloudpay_counters;
DROP TABLE cloudpay_quotas;
