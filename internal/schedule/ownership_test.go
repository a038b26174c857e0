package schedule_test

import (
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

func TestOwnershipOfAll(t *testing.T) {
	t.Parallel()
	ref := func(number string) order.Ref {
		return order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: number}
	}
	registered := map[order.Ref]order.Owner{ref("A1"): "tcb:a", ref("A2"): "tcb:a", ref("B1"): "tcb:b", ref("N1"): ""}
	for name, test := range map[string]struct {
		numbers  []string
		customer order.Owner
		want     schedule.Ownership
	}{
		"one":                         {[]string{"A1"}, "tcb:a", schedule.Theirs},
		"all":                         {[]string{"A1", "A2", "A1"}, "tcb:a", schedule.Theirs},
		"none":                        {nil, "tcb:a", schedule.NotRegistered},
		"not registered":              {[]string{"A1", "X1", "B1"}, "tcb:a", schedule.NotRegistered},
		"another's":                   {[]string{"A1", "B1"}, "tcb:a", schedule.NotTheirs},
		"registered without an owner": {[]string{"N1"}, "tcb:a", schedule.Unowned},
		"a customer without a name":   {[]string{"N1"}, "", schedule.Unowned},
		"without a name, another's":   {[]string{"A1"}, "", schedule.NotTheirs},
	} {
		refs := make([]order.Ref, 0, len(test.numbers))
		for _, number := range test.numbers {
			refs = append(refs, ref(number))
		}
		if got := schedule.OwnershipOfAll(refs, registered, test.customer); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}
