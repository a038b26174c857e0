-- +goose Up

-- Names are compared byte by byte, which is SQLite's own way. Times are microseconds since 1970 by the machine's clock:
-- SELECT datetime(due_at / 1000000, 'unixepoch') reads one.
CREATE TABLE cloudpay_orders (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    region         TEXT NOT NULL,
    mchid          TEXT NOT NULL,
    sub_mchid      TEXT NOT NULL,
    out_trade_no   TEXT NOT NULL,

    -- As registered.
    owner          TEXT NOT NULL,
    sub_appid      TEXT NOT NULL,
    api            TEXT NOT NULL,
    total          INTEGER,
    created_at     INTEGER,
    close_at       INTEGER,
    close_in       INTEGER, -- microseconds after registered_at, when there is no close_at
    registered_at  INTEGER NOT NULL,

    -- What the gateway last said.
    trade_state    TEXT NOT NULL DEFAULT '',
    authenticated  INTEGER NOT NULL DEFAULT 0,

    -- How far we are.
    progress       TEXT NOT NULL CHECK (progress IN ('waiting', 'closing', 'done', 'gaveUp')),
    closing_since  INTEGER,
    due_at         INTEGER,
    lease_until    INTEGER,
    token          TEXT,
    attempts       INTEGER NOT NULL DEFAULT 0,
    last_error     TEXT NOT NULL DEFAULT '',

    -- The end.
    ending         TEXT NOT NULL DEFAULT '' CHECK ((ending <> '') = (progress = 'done')),
    transaction_id TEXT NOT NULL DEFAULT '',
    paid_total     INTEGER,
    paid_at        INTEGER,
    ended_at       INTEGER,

    CONSTRAINT cloudpay_orders_ref UNIQUE (region, mchid, sub_mchid, out_trade_no),
    CONSTRAINT cloudpay_orders_due CHECK ((due_at IS NOT NULL) = (progress IN ('waiting', 'closing'))),
    CONSTRAINT cloudpay_orders_lease CHECK (lease_until IS NULL OR token IS NOT NULL)
) STRICT;

-- What is due is read from the front of this index, however many orders wait behind, and orders that ended are not in it.
CREATE INDEX cloudpay_orders_claim ON cloudpay_orders (region, mchid, progress, due_at, id) WHERE due_at IS NOT NULL;
-- The stuck are few among very many that ended.
CREATE INDEX cloudpay_orders_stuck ON cloudpay_orders (region, mchid, id) WHERE progress = 'gaveUp';

-- The outbox: a row in the same transaction as what it tells. seq is given later, as with the other databases.
CREATE TABLE cloudpay_events (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    seq            INTEGER UNIQUE,
    kind           TEXT NOT NULL,
    region         TEXT NOT NULL,
    mchid          TEXT NOT NULL,
    sub_mchid      TEXT NOT NULL,
    out_trade_no   TEXT NOT NULL,
    order_id       INTEGER NOT NULL REFERENCES cloudpay_orders (id),
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

CREATE INDEX cloudpay_events_unnumbered ON cloudpay_events (region, mchid, id) WHERE seq IS NULL;
CREATE INDEX cloudpay_events_numbered ON cloudpay_events (region, mchid, seq) WHERE seq IS NOT NULL;
CREATE INDEX cloudpay_events_due ON cloudpay_events (region, mchid, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX cloudpay_events_dead ON cloudpay_events (region, mchid, seq) WHERE dead_at IS NOT NULL;
CREATE INDEX cloudpay_events_order ON cloudpay_events (order_id);

CREATE TABLE cloudpay_counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO cloudpay_counters (name, value) VALUES ('events', 0);

-- How fast a merchant number may ask, which all that act for it share.
CREATE TABLE cloudpay_quotas (
    region     TEXT NOT NULL,
    mchid      TEXT NOT NULL,
    per_second REAL NOT NULL, -- as it was at changed_at; it recovers with time
    changed_at INTEGER, -- NULL: never asked too often
    opens_at   INTEGER NOT NULL, -- when the next call may be made
    PRIMARY KEY (region, mchid)
) STRICT;

-- +goose Down

DROP TABLE cloudpay_events;
DROP TABLE cloudpay_orders;
DROP TABLE cloudpay_counters;
DROP TABLE cloudpay_quotas;
