package fakestore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Status returns how a merchant's register stands.
func (s *Store) Status(ctx context.Context, of order.Account, ceiling float64) (schedule.Status, error) {
	parts, err := s.statuses(ctx, of, func(string) string { return "" })
	if err != nil {
		return schedule.Status{}, err
	}
	status := schedule.Status{At: s.now()}
	if len(parts) > 0 {
		status = parts[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.quotas[of]; q != nil {
		status.SetQuota(*q, ceiling)
	} else {
		status.SetQuota(schedule.Quota{}, ceiling)
	}
	return status, nil
}

// StatusBySubMerchant returns the parts of a merchant's register.
func (s *Store) StatusBySubMerchant(ctx context.Context, of order.Account) ([]schedule.Status, error) {
	return s.statuses(ctx, of, func(sub string) string { return sub })
}

// statuses counts by what key makes of each sub-merchant.
func (s *Store) statuses(ctx context.Context, of order.Account, key func(sub string) string) ([]schedule.Status, error) {
	unlock, err := s.begin(ctx, "status")
	if err != nil {
		return nil, err
	}
	defer unlock()
	parts := map[string]*schedule.Status{}
	part := func(sub string) *schedule.Status {
		k := key(sub)
		if parts[k] == nil {
			parts[k] = &schedule.Status{At: s.now(), SubMchID: k}
		}
		return parts[k]
	}
	for _, r := range s.byID {
		if r.Account() == of && (r.Progress != schedule.Done || s.now().Sub(r.EndedAt) < time.Minute) && r.Progress != schedule.Withdrawn {
			s.countOrder(part(r.SubMchID), r.Record)
		}
	}
	for _, d := range s.events {
		if d.Account() == of && (d.dead || !d.due.IsZero()) {
			s.countEvent(part(d.SubMchID), d)
		}
	}
	all := make([]schedule.Status, 0, len(parts))
	for _, p := range parts {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b schedule.Status) int { return cmp.Compare(a.SubMchID, b.SubMchID) })
	return all, nil
}

func (s *Store) countOrder(p *schedule.Status, r schedule.Record) {
	due := !r.DueAt.IsZero() && !r.DueAt.After(s.now())
	switch r.Progress {
	case schedule.Waiting:
		p.Waiting++
	case schedule.Closing:
		p.Closing++
	case schedule.GaveUp:
		p.Stuck++
	case schedule.Done:
		p.Ended++
	case schedule.Withdrawn:
	}
	if due {
		p.Due++
		p.OldestDue = max(p.OldestDue, s.now().Sub(r.DueAt).Round(time.Millisecond).Seconds())
	}
}

func (s *Store) countEvent(p *schedule.Status, d *delivery) {
	if d.dead {
		p.EventsDead++
		return
	}
	p.EventsPending++
	p.OldestEvent = max(p.OldestEvent, s.now().Sub(d.OccurredAt).Round(time.Millisecond).Seconds())
}
