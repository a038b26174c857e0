-- +goose NO TRANSACTION
-- +goose Up

-- Built beside running functions. An index that an interrupted build left behind is invalid and is
-- built anew.

-- Pruning, and what ended lately.
DROP INDEX CONCURRENTLY IF EXISTS cloudpay_orders_ended;
CREATE INDEX CONCURRENTLY cloudpay_orders_ended ON cloudpay_orders (region, mchid, ended_at, id) WHERE ended_at IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS cloudpay_events_id;
CREATE UNIQUE INDEX CONCURRENTLY cloudpay_events_id ON cloudpay_events (event_id) WHERE event_id IS NOT NULL;

-- Numbers count by merchant.
DROP INDEX CONCURRENTLY IF EXISTS cloudpay_events_number;
CREATE UNIQUE INDEX CONCURRENTLY cloudpay_events_number ON cloudpay_events (region, mchid, seq) WHERE seq IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS cloudpay_events_numbered;

-- New events by time, so that a scan need not pass those that were numbered before.
DROP INDEX CONCURRENTLY IF EXISTS cloudpay_events_new;
CREATE INDEX CONCURRENTLY cloudpay_events_new ON cloudpay_events (region, mchid, occurred_at, id) WHERE seq IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS cloudpay_events_unnumbered;

-- Orders that were given up and not withdrawn.
DROP INDEX CONCURRENTLY IF EXISTS cloudpay_orders_gave_up;
CREATE INDEX CONCURRENTLY cloudpay_orders_gave_up ON cloudpay_orders (region, mchid, id) WHERE progress = 'gaveUp' AND withdrawn_at IS NULL;

UPDATE cloudpay_schema SET version = 3;

-- +goose Down

UPDATE cloudpay_schema SET version = 2;
DROP INDEX cloudpay_orders_gave_up;
DROP INDEX cloudpay_orders_ended;
DROP INDEX cloudpay_events_id;
DROP INDEX cloudpay_events_new;
CREATE INDEX cloudpay_events_unnumbered ON cloudpay_events (region, mchid, id) WHERE seq IS NULL;
DROP INDEX cloudpay_events_number;
CREATE INDEX cloudpay_events_numbered ON cloudpay_events (region, mchid, seq) WHERE seq IS NOT NULL;
