-- +goose Up

-- Names are compared byte by byte (COLLATE "C"): A1 and a1 are two orders. Times are the database's clock's.
CREATE TABLE cloudpay_orders (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    region         text COLLATE "C" NOT NULL,
    mchid          text COLLATE "C" NOT NULL,
    sub_mchid      text COLLATE "C" NOT NULL,
    out_trade_no   text COLLATE "C" NOT NULL,

    -- As registered.
    owner          text COLLATE "C" NOT NULL,
    sub_appid      text COLLATE "C" NOT NULL,
    api            text COLLATE "C" NOT NULL,
    total          bigint,
    created_at     timestamptz,
    close_at       timestamptz,
    close_in       bigint, -- microseconds after registered_at, when there is no close_at
    registered_at  timestamptz NOT NULL,

    -- What the gateway last said.
    trade_state    text COLLATE "C" NOT NULL DEFAULT '',
    authenticated  boolean NOT NULL DEFAULT false,

    -- How far we are.
    progress       text COLLATE "C" NOT NULL CHECK (progress IN ('waiting', 'closing', 'done', 'gaveUp')),
    closing_since  timestamptz,
    due_at         timestamptz,
    lease_until    timestamptz,
    token          text COLLATE "C",
    attempts       integer NOT NULL DEFAULT 0,
    last_error     text NOT NULL DEFAULT '',

    -- The end.
    ending         text COLLATE "C" NOT NULL DEFAULT '' CHECK ((ending <> '') = (progress = 'done')),
    transaction_id text COLLATE "C" NOT NULL DEFAULT '',
    paid_total     bigint,
    paid_at        timestamptz,
    ended_at       timestamptz,

    CONSTRAINT cloudpay_orders_ref UNIQUE (region, mchid, sub_mchid, out_trade_no),
    CONSTRAINT cloudpay_orders_due CHECK ((due_at IS NOT NULL) = (progress IN ('waiting', 'closing'))),
    CONSTRAINT cloudpay_orders_lease CHECK (lease_until IS NULL OR token IS NOT NULL)
);

-- What is due is read from the front of this index, however many orders wait behind, and orders that ended are not in it.
CREATE INDEX cloudpay_orders_claim ON cloudpay_orders (region, mchid, progress, due_at, id) WHERE due_at IS NOT NULL;
-- The stuck are few among very many that ended.
CREATE INDEX cloudpay_orders_stuck ON cloudpay_orders (region, mchid, id) WHERE progress = 'gaveUp';

-- The outbox: a row in the same transaction as what it tells. seq is given later, one after the other by one transaction
-- at a time, for ids are not committed in their own order.
CREATE TABLE cloudpay_events (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seq            bigint UNIQUE,
    kind           text COLLATE "C" NOT NULL,
    region         text COLLATE "C" NOT NULL,
    mchid          text COLLATE "C" NOT NULL,
    sub_mchid      text COLLATE "C" NOT NULL,
    out_trade_no   text COLLATE "C" NOT NULL,
    order_id       bigint NOT NULL REFERENCES cloudpay_orders (id),
    owner          text COLLATE "C" NOT NULL,
    occurred_at    timestamptz NOT NULL,
    ending         text COLLATE "C" NOT NULL,
    trade_state    text COLLATE "C" NOT NULL,
    total          bigint,
    paid_total     bigint,
    transaction_id text COLLATE "C" NOT NULL,
    paid_at        timestamptz,
    reason         text NOT NULL,

    -- On its way: due until it was delivered, or is dead.
    due_at         timestamptz,
    token          text COLLATE "C",
    attempts       integer NOT NULL DEFAULT 0,
    last_error     text NOT NULL DEFAULT '',
    delivered_at   timestamptz,
    dead_at        timestamptz,
    CONSTRAINT cloudpay_events_way CHECK ((due_at IS NULL) = (delivered_at IS NOT NULL OR dead_at IS NOT NULL))
);

CREATE INDEX cloudpay_events_unnumbered ON cloudpay_events (region, mchid, id) WHERE seq IS NULL;
CREATE INDEX cloudpay_events_numbered ON cloudpay_events (region, mchid, seq) WHERE seq IS NOT NULL;
CREATE INDEX cloudpay_events_due ON cloudpay_events (region, mchid, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX cloudpay_events_dead ON cloudpay_events (region, mchid, seq) WHERE dead_at IS NOT NULL;
CREATE INDEX cloudpay_events_order ON cloudpay_events (order_id);

CREATE TABLE cloudpay_counters (
    name  text COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO cloudpay_counters (name, value) VALUES ('events', 0);

-- How fast a merchant number may ask, which all that act for it share.
CREATE TABLE cloudpay_quotas (
    region     text COLLATE "C" NOT NULL,
    mchid      text COLLATE "C" NOT NULL,
    per_second double precision NOT NULL, -- as it was at changed_at; it recovers with time
    changed_at timestamptz, -- NULL: never asked too often
    opens_at   timestamptz NOT NULL, -- when the next call may be made
    PRIMARY KEY (region, mchid)
);

-- +goose Down

DROP TABLE cloudpay_events;
DROP TABLE cloudpay_orders;
DROP TABLE cloudpay_counters;
DROP TABLE cloudpay_quotas;
