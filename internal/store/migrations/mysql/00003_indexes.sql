-- +goose NO TRANSACTION
-- +goose Up

-- InnoDB has no partial index: an order that ended stays in the index of due ones, at the end. With
-- ended_at behind due_at, which is NULL then, that place serves pruning and what ended lately, and
-- no other index is needed. withdrawn_at tells the withdrawn from the stuck without their rows. To
-- programs of the release before the index is as it was. InnoDB builds indexes beside running
-- functions.
ALTER TABLE cloudpay_orders
    DROP INDEX cloudpay_orders_claim,
    ADD INDEX cloudpay_orders_claim (region, mchid, progress, due_at, ended_at, id, withdrawn_at);

-- Numbers count by merchant. The events of an order are found by its row.
ALTER TABLE cloudpay_events
    ADD UNIQUE INDEX cloudpay_events_id (event_id),
    ADD UNIQUE INDEX cloudpay_events_number (region, mchid, seq),
    ADD INDEX cloudpay_events_order (order_id),
    -- With seq behind, it finds new events too: one is due since it occurred.
    DROP INDEX cloudpay_events_due,
    ADD INDEX cloudpay_events_due (region, mchid, due_at, seq),
    DROP INDEX cloudpay_events_of,
    DROP INDEX cloudpay_events_seq,
    DROP INDEX cloudpay_events_numbered;

UPDATE cloudpay_schema SET version = 3;

-- +goose Down

UPDATE cloudpay_schema SET version = 2;
ALTER TABLE cloudpay_events
    DROP INDEX cloudpay_events_id,
    DROP INDEX cloudpay_events_number,
    DROP INDEX cloudpay_events_due,
    ADD INDEX cloudpay_events_due (region, mchid, due_at),
    ADD INDEX cloudpay_events_numbered (region, mchid, seq);
ALTER TABLE cloudpay_orders
    DROP INDEX cloudpay_orders_claim,
    ADD INDEX cloudpay_orders_claim (region, mchid, progress, due_at, id);
