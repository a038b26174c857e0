-- +goose NO TRANSACTION
-- +goose Up

-- Pruning, and what ended lately. InnoDB builds indexes beside running functions.
ALTER TABLE cloudpay_orders ADD INDEX cloudpay_orders_ended (region, mchid, ended_at, id);

-- Numbers count by merchant. The events of an order are found by its row.
ALTER TABLE cloudpay_events
    ADD UNIQUE INDEX cloudpay_events_id (event_id),
    ADD UNIQUE INDEX cloudpay_events_number (region, mchid, seq),
    ADD INDEX cloudpay_events_order (order_id),
    DROP INDEX cloudpay_events_of,
    DROP INDEX cloudpay_events_seq,
    DROP INDEX cloudpay_events_numbered;

-- +goose Down

ALTER TABLE cloudpay_events
    DROP INDEX cloudpay_events_id,
    DROP INDEX cloudpay_events_number,
    ADD INDEX cloudpay_events_numbered (region, mchid, seq);
ALTER TABLE cloudpay_orders DROP INDEX cloudpay_orders_ended;
