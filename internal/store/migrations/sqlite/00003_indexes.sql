-- +goose Up

-- Pruning, and what ended lately.
CREATE INDEX cloudpay_orders_ended ON cloudpay_orders (region, mchid, ended_at, id) WHERE ended_at IS NOT NULL;

CREATE UNIQUE INDEX cloudpay_events_id ON cloudpay_events (event_id) WHERE event_id IS NOT NULL;
-- Numbers count by merchant.
CREATE UNIQUE INDEX cloudpay_events_number ON cloudpay_events (region, mchid, seq) WHERE seq IS NOT NULL;
-- New events by time, so that a scan need not pass those that were numbered before.
CREATE INDEX cloudpay_events_new ON cloudpay_events (region, mchid, occurred_at, id) WHERE seq IS NULL;
CREATE INDEX cloudpay_events_due ON cloudpay_events (region, mchid, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX cloudpay_events_dead ON cloudpay_events (region, mchid, seq) WHERE dead_at IS NOT NULL;
CREATE INDEX cloudpay_events_order ON cloudpay_events (order_id);

-- Orders that were given up and not withdrawn.
CREATE INDEX cloudpay_orders_gave_up ON cloudpay_orders (region, mchid, id) WHERE progress = 'gaveUp' AND withdrawn_at IS NULL;

UPDATE cloudpay_schema SET version = 3;

-- +goose Down

UPDATE cloudpay_schema SET version = 2;
DROP INDEX cloudpay_orders_gave_up;
DROP INDEX cloudpay_orders_ended;
DROP INDEX cloudpay_events_id;
DROP INDEX cloudpay_events_number;
DROP INDEX cloudpay_events_new;
CREATE INDEX cloudpay_events_unnumbered ON cloudpay_events (region, mchid, id) WHERE seq IS NULL;
CREATE INDEX cloudpay_events_numbered ON cloudpay_events (region, mchid, seq) WHERE seq IS NOT NULL;
