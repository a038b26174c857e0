package order_test

import (
	"testing"

	"cloudpay/internal/order"
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
		want     order.Ownership
	}{
		"one":                         {[]string{"A1"}, "tcb:a", order.Theirs},
		"all":                         {[]string{"A1", "A2", "A1"}, "tcb:a", order.Theirs},
		"none":                        {nil, "tcb:a", order.NotRegistered},
		"not registered":              {[]string{"A1", "X1", "B1"}, "tcb:a", order.NotRegistered},
		"another's":                   {[]string{"A1", "B1"}, "tcb:a", order.NotTheirs},
		"registered without an owner": {[]string{"N1"}, "tcb:a", order.Unowned},
		"a customer without a name":   {[]string{"N1"}, "", order.Unowned},
		"without a name, another's":   {[]string{"A1"}, "", order.NotTheirs},
	} {
		refs := make([]order.Ref, 0, len(test.numbers))
		for _, number := range test.numbers {
			refs = append(refs, ref(number))
		}
		if got := order.OwnershipOfAll(refs, registered, test.customer); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}
