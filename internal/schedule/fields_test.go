package schedule_test

import (
	"reflect"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// A new field of Entry is not forgotten: two registrations that differ in it are a conflict.
func TestEveryFieldDiffers(t *testing.T) {
	t.Parallel()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[schedule.Entry]()) {
		if len(field.Index) > 1 || field.Anonymous {
			continue // the Ref says which order it is
		}
		one := entry()
		one.CloseAt, one.CloseIn = time.Time{}, 0
		other := one
		change(t, reflect.ValueOf(&other).Elem().FieldByIndex(field.Index))
		if one.Differs(other) == "" {
			t.Errorf("%s: another one makes no difference", field.Name)
		}
	}
}

// change gives a field another value of its type.
func change(t *testing.T, field reflect.Value) {
	t.Helper()
	switch value := field.Addr().Interface().(type) {
	case *time.Time:
		*value = value.Add(time.Hour)
	case *time.Duration:
		*value += time.Hour
	case **int64:
		*value = new(int64(7))
	default:
		field.SetString(field.String() + "x")
	}
}

// A new parameter that orders are registered with is not forgotten: the entry has it.
func TestEveryRegisteredParameterIsKept(t *testing.T) {
	t.Parallel()
	m := order.Merchant{
		MchID: "1900000100", AppID: "wx0123456789abcdef", Partner: true, SubMchID: "1900000109",
		API: order.V3, APIs: []order.API{order.V2, order.V3},
	}
	values := map[string]string{
		"out_trade_no": "B1", "sub_mch_id": "1900000110", "sub_appid": "wx8888888888888888", "api": "v2",
		"close_at": "90", "created_at": "2026-11-22T16:00:00Z", "openid": "oABC", "owner": "tcb:u1", "total": "7",
	}
	register := func(set ...string) schedule.Entry {
		p := order.Params{OutTradeNo: "A1", CloseAt: "60"}
		for i := 0; i < len(set); i += 2 {
			parameter, err := order.RegisteredParameter(set[i])
			if err != nil {
				t.Fatal(err)
			}
			if fault := parameter.Set(&p, set[i+1]); fault != nil {
				t.Fatal(fault)
			}
		}
		e, err := schedule.NewEntry(m, p)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, parameter := range order.Parameters() {
		if !parameter.Registered {
			continue
		}
		if parameter.Name == "overdue" || parameter.Name == "again" {
			continue // it admits a registration, and is not kept
		}
		value, ok := values[parameter.Name]
		if !ok {
			t.Errorf("%s: the test has no value for it", parameter.Name)
			continue
		}
		if reflect.DeepEqual(register(), register(parameter.Name, value)) {
			t.Errorf("%s: the entry does not have it", parameter.Name)
		}
	}
}
