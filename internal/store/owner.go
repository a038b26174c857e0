package store

import (
	"context"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Owner returns who an order was made for, empty when that was not registered;
// *order.NotRegisteredError when there is no such order.
func (s *Store) Owner(ctx context.Context, ref order.Ref) (order.Owner, error) {
	if err := registrable(ref); err != nil {
		return "", err
	}
	var owner order.Owner
	err := s.do(ctx, "looking up the owner of order "+ref.String(), func(t tx) error {
		found, err := t.one([]any{&owner}, "SELECT owner FROM cloudpay_orders WHERE "+refIs, refValues(ref)...)
		if err == nil && !found {
			err = &schedule.NotRegisteredError{Ref: ref}
		}
		return err
	})
	return owner, err
}

// Owners returns the owners of those of the orders that are registered. It is one statement, whose
// text depends on how many refs there are and on nothing else: a look-up must not take longer for
// orders that exist. Refs may be repeated.
func (s *Store) Owners(ctx context.Context, refs []order.Ref) (map[order.Ref]order.Owner, error) {
	args := make([]any, 0, 4*len(refs))
	for _, ref := range refs {
		if err := registrable(ref); err != nil {
			return nil, err
		}
		args = append(args, refValues(ref)...)
	}
	if len(refs) == 0 {
		return map[order.Ref]order.Owner{}, nil
	}
	var owners map[order.Ref]order.Owner
	err := s.do(ctx, "looking up the owners of orders", func(t tx) error {
		owners = make(map[order.Ref]order.Owner, len(refs))
		return t.each(func(scan func(...any) error) error {
			var ref order.Ref
			var owner order.Owner
			err := scan(&ref.Region, &ref.MchID, &ref.SubMchID, &ref.OutTradeNo, &owner)
			owners[ref] = owner
			return err
		}, "SELECT region, mchid, sub_mchid, out_trade_no, owner FROM cloudpay_orders WHERE "+
			strings.Repeat(refIs+" OR ", len(refs)-1)+refIs, args...)
	})
	return owners, err
}
