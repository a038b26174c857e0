package schedule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

var shop = order.Merchant{MchID: "1900000001", AppID: "wx1", API: order.V3, APIs: []order.API{order.V3}}

// TestNewChange reads what changes out of a call's parameters, and refuses what is no change.
func TestNewChange(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	at, in, total, owner := now.Add(time.Hour), 30*time.Minute, int64(90), order.Owner("wx:wx1:o1")
	long := now.Add(-48 * time.Hour)
	for name, tc := range map[string]struct {
		params order.Params
		want   schedule.Change
		fault  string // the field and the beginning of the rule
	}{
		"a time":         {params: order.Params{CloseAt: at.Format(time.RFC3339)}, want: schedule.Change{CloseAt: &at}},
		"in seconds":     {params: order.Params{CloseAt: "1800", ChangedBy: "lisi"}, want: schedule.Change{CloseIn: &in, By: "lisi"}},
		"all else":       {params: order.Params{OpenID: "o1", Total: &total}, want: schedule.Change{Owner: &owner, Total: &total}},
		"withdrawn":      {params: order.Params{Withdraw: true}, want: schedule.Change{Withdraw: true}},
		"long past":      {params: order.Params{CloseAt: long.Format(time.RFC3339)}, fault: "close_at: is more than 24 hours past"},
		"and meant":      {params: order.Params{CloseAt: long.Format(time.RFC3339), Overdue: true}, want: schedule.Change{CloseAt: &long, Overdue: true}},
		"nothing":        {fault: "change: must come with what changes"},
		"both":           {params: order.Params{Change: true, Withdraw: true}, fault: "withdraw: and change are two calls"},
		"too much":       {params: order.Params{Withdraw: true, Total: &total}, fault: "withdraw: changes nothing else"},
		"no time":        {params: order.Params{CloseAt: "tomorrow"}, fault: "close_at: must be a time"},
		"another age":    {params: order.Params{CloseAt: "1999-01-01T00:00:00Z"}, fault: "close_at: must be a time between"},
		"two owners":     {params: order.Params{OpenID: "o1", Owner: "tcb:u1"}, fault: "openid: give either"},
		"an odd owner":   {params: order.Params{Owner: "x y"}, fault: "owner: "},
		"another number": {params: order.Params{SubMchID: "7", Total: &total}, fault: "sub_mch_id: "},
	} {
		tc.params.OutTradeNo = "A1"
		ref, got, err := schedule.NewChange(shop, tc.params, now)
		if tc.fault != "" {
			if fault, is := errors.AsType[*order.FieldError](err); !is || !strings.HasPrefix(fault.Error(), tc.fault) {
				t.Errorf("%s: got %v, want %s", name, err, tc.fault)
			}
			continue
		}
		if tc.want.By == "" {
			tc.want.By = "service"
		}
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" || ref.OutTradeNo != "A1" {
			t.Errorf("%s: got %v and error %v (-want +got):\n%s", name, ref, err, diff)
		}
	}
	if _, _, err := schedule.NewChange(shop, order.Params{CombineOutTradeNo: "C1", Total: &total}, now); err == nil {
		t.Error("a combined order: got no error, want it refused")
	}
}

// TestChangeApply: what is not given stays, and the history has what changed alone.
func TestChangeApply(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 18, 30, 0, 123456789, time.UTC)
	total, in, owner := int64(90), 30*time.Minute, order.Owner("tcb:u2")
	before := schedule.Entry{Owner: "tcb:u1", CloseIn: time.Hour}
	after, changed, err := (&schedule.Change{By: "shop", CloseIn: &in, Owner: &owner, Total: &total}).Apply(before, now)
	if err != nil || after.CloseIn != 0 || !after.CloseAt.Equal(now.Add(in)) || after.Owner != owner || *after.Total != total {
		t.Errorf("got %+v, want what it was changed to", after)
	}
	want := []schedule.Changed{
		{At: now, By: "shop", Field: "close_at", Was: "3600", Became: "2026-11-22T19:00:00.123456789Z"},
		{At: now, By: "shop", Field: "owner", Was: "tcb:u1", Became: "tcb:u2"},
		{At: now, By: "shop", Field: "total", Was: "", Became: "90"},
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	same, changed, err := (&schedule.Change{By: "shop", Owner: &owner, Total: &total, CloseAt: &after.CloseAt}).Apply(after, now)
	if err != nil || len(changed) > 1 || same.Owner != owner {
		t.Errorf("again: got %+v, want at most the time's microseconds to differ", changed)
	}
}

func TestOverdue(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		entry schedule.Entry
		want  string
	}{
		"in seconds":          {schedule.Entry{CloseIn: 1}, ""},
		"to come":             {schedule.Entry{CloseAt: now.Add(time.Hour)}, ""},
		"a day ago":           {schedule.Entry{CloseAt: now.Add(-24 * time.Hour)}, ""},
		"more":                {schedule.Entry{CloseAt: now.Add(-24*time.Hour - time.Second)}, "24 hours"},
		"at its creation":     {schedule.Entry{CloseAt: now, CreatedAt: now}, ""},
		"before its creation": {schedule.Entry{CloseAt: now, CreatedAt: now.Add(time.Second)}, "created_at"},
	} {
		got := ""
		if fault := tc.entry.Overdue(now); fault != nil {
			got = fault.Error()
		}
		if (got != "") != (tc.want != "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

// TestChangeBeforeCreation: a new close_at is compared with the creation that is registered.
func TestChangeBeforeCreation(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	at := now.Add(time.Hour)
	registered := schedule.Entry{CreatedAt: at.Add(time.Second), CloseAt: at.Add(time.Hour)}
	_, _, err := (&schedule.Change{CloseAt: &at}).Apply(registered, now)
	if fault, is := errors.AsType[*order.FieldError](err); !is || fault.Field != "close_at" || !strings.Contains(fault.Error(), "--overdue") {
		t.Errorf("got %v, want close_at to be refused with what to do", err)
	}
	if _, _, err := (&schedule.Change{CloseAt: &at, Overdue: true}).Apply(registered, now); err != nil {
		t.Errorf("as meant: got %v, want it taken", err)
	}
	registered.CloseAt = at // which was registered as meant
	if _, _, err := (&schedule.Change{Total: new(int64(1))}).Apply(registered, now); err != nil {
		t.Errorf("another total: got %v, want it taken", err)
	}
}

// TestRefusal: an absolute close_at that is computed anew has a remedy of its own.
func TestRefusal(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	first := entry()
	first.CloseAt = at
	for name, tc := range map[string]struct {
		change func(*schedule.Entry)
		says   string // empty: no conflict
	}{
		"the same":       {func(*schedule.Entry) {}, ""},
		"another time":   {func(e *schedule.Entry) { e.CloseAt = at.Add(time.Second) }, "change: true"},
		"in seconds":     {func(e *schedule.Entry) { e.CloseAt, e.CloseIn = time.Time{}, time.Hour }, "another close_at"},
		"another owner":  {func(e *schedule.Entry) { e.Owner, e.CloseAt = "tcb:u1", at.Add(1) }, "another owner"},
		"another amount": {func(e *schedule.Entry) { e.Total = new(int64(1)) }, "another total"},
	} {
		other := first
		tc.change(&other)
		got := ""
		if err := (schedule.Record{Entry: first, Progress: schedule.Waiting}).Refusal(other); err != nil {
			got = err.Error()
		}
		if (got != "") != (tc.says != "") || !strings.Contains(got, tc.says) {
			t.Errorf("%s: got %q, want %q", name, got, tc.says)
		}
		for says, r := range map[string]schedule.Record{
			"was withdrawn":  {Entry: first, Progress: schedule.Withdrawn},
			"has ended":      {Entry: first, Progress: schedule.Done, FinalState: schedule.FinalClosed},
			`"again": true`:  {Entry: first, Progress: schedule.Done, FinalState: schedule.FinalNotFound},
			"nothing at all": {Progress: schedule.Done, FinalState: schedule.FinalClosed, Pruned: true},
		} {
			err := r.Refusal(other)
			_, withdrawn := errors.AsType[*schedule.WithdrawnError](err)
			if withdrawn != (r.Progress == schedule.Withdrawn) || (err == nil) != (r.Pruned || tc.says == "" && !withdrawn) ||
				err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s, of one that %s: got %v", name, says, err)
			}
		}
	}
}

func TestStatusQuota(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		quota      schedule.Quota
		backingOff bool
	}{
		"never asked":      {schedule.Quota{}, false},
		"halved":           {schedule.Quota{PerSecond: 150, Changed: now}, true},
		"recovered":        {schedule.Quota{PerSecond: 150, Changed: now.Add(-time.Minute)}, false},
		"paused":           {schedule.Quota{PerSecond: 150, Changed: now.Add(-time.Minute), Opens: now.Add(time.Minute)}, true},
		"reserved ahead":   {schedule.Quota{Opens: now.Add(5 * time.Second)}, false},
		"long ago":         {schedule.Quota{PerSecond: 150, Changed: now.Add(-time.Hour), Opens: now.Add(5 * time.Second)}, false},
		"a clock put back": {schedule.Quota{Opens: now.Add(time.Hour)}, false},
	} {
		s := schedule.Status{At: now}
		if s.SetQuota(tc.quota, 300); s.BackingOff != tc.backingOff || s.PerSecond <= 0 {
			t.Errorf("%s: got %+v, want backing off %v", name, s, tc.backingOff)
		}
	}
}
